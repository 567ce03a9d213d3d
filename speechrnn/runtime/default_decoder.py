"""The decoder that a model gets where nobody asks for another one.

A model that ships with an n-gram is decoded with it, by beam search, as `speechrnn transcribe` does, over
sounds if a lexicon comes along; others are decoded greedily, which takes nothing but numpy. Confidences are
as the file of the model calibrates them.
"""

from speechrnn.decoding.calibration import calibrating
from speechrnn.decoding.greedy import greedy_decoder
from speechrnn.decoding.hypothesis import Decoder, SoundDecoder
from speechrnn.metadata import Metadata
from speechrnn.outputs import LOG_PROBS, SOUNDS
from speechrnn.shipped import ModelFiles


def default_decoder(model: ModelFiles, metadata: Metadata) -> Decoder:
    """Return the decoder of `model`, whose file says `metadata` about itself."""
    if model.ngram is None:
        return calibrating(greedy_decoder(metadata.vocabulary), metadata.calibrations.get("greedy"))
    from speechrnn.decoding.beam.search import BeamSearch
    from speechrnn.decoding.beam.settings import BeamSettings
    from speechrnn.decoding.beam.tuned_weights import read_weights
    from speechrnn.decoding.ngram.model import NgramModel

    vocabulary, output, kind, said = metadata.vocabulary, LOG_PROBS, "beam", None
    if metadata.sounds is not None and model.lexicon is not None:
        vocabulary, output, kind = metadata.sounds, SOUNDS, "sounds"
        said = model.lexicon
    tuned = read_weights(model.ngram, output)
    settings = tuned.settings() if tuned else BeamSettings()
    priors = tuned.priors(vocabulary) if tuned else None
    ngram = NgramModel.open(model.ngram)
    search = BeamSearch(vocabulary, settings, ngram, priors=priors, pronunciations=said)
    decode = calibrating(search.decode, metadata.calibrations.get(kind))
    return decode if said is None else SoundDecoder(decode)
