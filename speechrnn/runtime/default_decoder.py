"""The decoder that a model gets where nobody asks for another one.

A model that ships with an n-gram is decoded with it, by beam search, as `speechrnn transcribe` does; others
are decoded greedily, which takes nothing but numpy. Confidences are as the file of the model calibrates them.
"""

from speechrnn.decoding.calibration import calibrating
from speechrnn.decoding.greedy import greedy_decoder
from speechrnn.decoding.hypothesis import Decoder
from speechrnn.metadata import Metadata
from speechrnn.shipped import ModelFiles


def default_decoder(model: ModelFiles, metadata: Metadata) -> Decoder:
    """Return the decoder of `model`, whose file says `metadata` about itself."""
    if model.ngram is None:
        return calibrating(greedy_decoder(metadata.vocabulary), metadata.calibrations.get("greedy"))
    from speechrnn.decoding.beam.search import BeamSearch
    from speechrnn.decoding.beam.settings import BeamSettings
    from speechrnn.decoding.beam.tuned_weights import read_weights
    from speechrnn.decoding.ngram.model import NgramModel

    tuned = read_weights(model.ngram)
    settings = tuned.settings() if tuned else BeamSettings()
    priors = tuned.priors(metadata.vocabulary) if tuned else None
    search = BeamSearch(metadata.vocabulary, settings, NgramModel.open(model.ngram), priors=priors)
    return calibrating(search.decode, metadata.calibrations.get("beam"))
