"""The flags that say how log-probabilities become words, and the decoder that they ask for.

Commands and tools hold a `DecoderFlags` among their options. Where decoding is greedy, nothing of the beam
search is imported. They say `tuple` and `Optional[X]` for the reason that `transcribe.py` gives.
"""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional

import tyro

from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.outputs import LOG_PROBS, SOUNDS

if TYPE_CHECKING:
    from speechrnn.decoding.beam.hot_words import HotWord
    from speechrnn.decoding.beam.settings import BeamSettings
    from speechrnn.decoding.beam.tuned_weights import TunedWeights
    from speechrnn.decoding.hypothesis import Decoder, SoundDecoder
    from speechrnn.decoding.ngram.model import NgramModel
    from speechrnn.metadata import Metadata
    from speechrnn.shipped import ModelFiles
    from speechrnn.text import Vocabulary


@dataclass(frozen=True)
class DecoderFlags:
    """How words are found: by a beam search with any of these flags or a model that brings a language model,
    else greedily."""

    beam: Optional[int] = None  # noqa: UP045
    """Prefixes kept from one frame to the next; by default as many as `speechrnn lm tune` had, or 100 where
    only other flags ask for a beam search. More is slower and finds better sentences, up to a point. 0
    decodes greedily."""
    lm: Optional[Path] = None  # noqa: UP045
    """n-gram language model: what `speechrnn lm` wrote, or an ARPA file (plain or .gz); by default the one
    that comes with the model, if any."""
    lm_weight: Optional[float] = None  # noqa: UP045
    """Factor on the log-probabilities of --lm; by default what `speechrnn lm tune` found, else 0.8."""
    word_bonus: Optional[float] = None  # noqa: UP045
    """Added for every word, natural log; by default what `speechrnn lm tune` found for --lm, else 0."""
    hotwords: tuple = ()  # type: ignore[type-arg]
    """Words and phrases to expect, such as chicago 'new york:8', or a file (NAME.txt) with one a line. The
    number is a bonus, natural log, 5 by default."""
    lexicon: Optional[Path] = None  # noqa: UP045
    """File of words, one a line: no others are recognised."""
    pronunciations: Optional[Path] = None  # noqa: UP045
    """How words are said, a word and its sounds a line: for models that know sounds, and with --lm. Words of
    --lm that are not in it are not recognised. By default what comes with the model, if anything."""
    grammar: Optional[Path] = None  # noqa: UP045
    """File of sentences, one a line, or of JSGF: no others are recognised."""
    nbest: Optional[int] = None  # noqa: UP045
    """Give so many hypotheses instead of the likeliest."""

    @property
    def greedy(self) -> bool:
        """Whether nothing asks for a beam search."""
        return replace(self, beam=self.beam or None) == DecoderFlags()


GREEDY = DecoderFlags()

Decoding = Annotated[
    tyro.conf.OmitArgPrefixes[DecoderFlags], tyro.conf.arg(help=" ".join(str(DecoderFlags.__doc__).split()))
]
"""A field of options that holds these flags. Told what they are, tyro need not read the source for that."""


def completed(flags: DecoderFlags, model: "ModelFiles") -> DecoderFlags:
    """Return `flags` with the language model and the pronunciations of `model`, unless they say otherwise.

    They do with a language model of their own, with a grammar, and with a beam of 0. Hot words and a list of
    words are spelt, and go without pronunciations.
    """
    if flags.lm is not None or flags.grammar is not None or flags.beam == 0:
        return flags
    if flags.hotwords or flags.lexicon is not None or flags.pronunciations is not None:
        return replace(flags, lm=model.ngram)
    return replace(flags, lm=model.ngram, pronunciations=model.lexicon)


def decoder(flags: DecoderFlags, vocabulary: "Vocabulary", sounds: "Vocabulary | None" = None) -> "Decoder":
    """Return the decoder that `flags` ask for, for a model that writes `vocabulary` and may know `sounds`.

    Its confidences are as they come. Raises SpeechRnnError, naming flag or file, for what cannot be read, or
    does not fit the vocabulary or the other flags.
    """
    if flags.pronunciations is not None:
        return sound_decoder(flags, sounds)
    if flags.greedy:
        from speechrnn.decoding.greedy import greedy_decoder

        return greedy_decoder(vocabulary)
    from speechrnn.decoding.beam.grammar import read_grammar
    from speechrnn.decoding.beam.search import BeamSearch

    tuned = tuned_weights(flags)
    settings = beam_settings(flags, tuned)
    priors = tuned.priors(vocabulary) if tuned else None
    hot_words = [hot for text in flags.hotwords for hot in hot_words_of(text)]
    grammar = read_grammar(flags.grammar) if flags.grammar else None
    words = lexicon_of(flags.lexicon) if flags.lexicon else None
    model = open_language_model(flags.lm) if flags.lm else None
    try:
        return BeamSearch(vocabulary, settings, model, words, grammar, hot_words, priors).decode
    except SpeechRnnError as error:
        raise SpeechRnnError(_with_names(str(error), flags)) from None


def sound_decoder(flags: DecoderFlags, sounds: "Vocabulary | None") -> "SoundDecoder":
    """Return the decoder for `flags` that name pronunciations, for a model that knows `sounds`."""
    from speechrnn.decoding.beam.search import BeamSearch
    from speechrnn.decoding.hypothesis import SoundDecoder

    assert flags.pronunciations is not None
    if sounds is None:
        raise SpeechRnnError(
            "--pronunciations: the model knows no sounds; leave it out, or train one with --lexicon"
        )
    if flags.lm is None:
        raise SpeechRnnError("--pronunciations: a search over sounds needs a language model; give --lm FILE")
    if flags.hotwords or flags.lexicon or flags.grammar:
        raise SpeechRnnError(
            "--pronunciations: does not go with --hotwords, --lexicon or --grammar, whose words are spelt"
        )
    tuned = tuned_weights(flags, SOUNDS)
    settings, priors = beam_settings(flags, tuned), tuned.priors(sounds) if tuned else None
    model = open_language_model(flags.lm)
    try:
        search = BeamSearch(sounds, settings, model, priors=priors, pronunciations=flags.pronunciations)
    except SpeechRnnError as error:
        raise SpeechRnnError(_with_names(str(error), replace(flags, lexicon=flags.pronunciations))) from None
    return SoundDecoder(search.decode)


def calibrated_decoder(flags: DecoderFlags, metadata: "Metadata") -> "Decoder":
    """Return the same for the model file that `metadata` is of, with confidences as calibrated there."""
    from speechrnn.decoding.calibration import calibrating
    from speechrnn.decoding.hypothesis import SoundDecoder

    made = decoder(flags, metadata.vocabulary, metadata.sounds)
    calibrated = calibrating(made, metadata.calibrations.get(kind(flags)))
    return SoundDecoder(calibrated) if isinstance(made, SoundDecoder) else calibrated


def kind(flags: DecoderFlags) -> Literal["greedy", "beam", "sounds"]:
    """Return the name under which a model file keeps the calibration of its confidences."""
    if flags.pronunciations is not None:
        return "sounds"
    return "greedy" if flags.greedy else "beam"


def tuned_weights(flags: DecoderFlags, output: str = LOG_PROBS) -> "TunedWeights | None":
    """Return what was tuned for the language model and an `output` of the network.

    None where nothing was, or where the flags say all of it.
    """
    from speechrnn.decoding.beam.tuned_weights import read_weights

    if flags.lm is None or None not in (flags.lm_weight, flags.word_bonus):
        return None
    check_readable(flags.lm)
    return read_weights(flags.lm, output)


def beam_settings(flags: DecoderFlags, tuned: "TunedWeights | None") -> "BeamSettings":
    """Return the settings of the search: what the flags say, else what was tuned, else the defaults."""
    from speechrnn.decoding.beam.settings import BeamSettings

    if flags.lm is None and flags.lm_weight is not None:
        raise SpeechRnnError("--lm-weight: there is no language model to weigh; give --lm FILE")
    settings = tuned.settings() if tuned else BeamSettings()
    asked = {
        "beam": flags.beam if flags.beam is not None else max(settings.beam, flags.nbest or 1),
        "lm_weight": flags.lm_weight,
        "word_bonus": flags.word_bonus,
        "nbest": flags.nbest,
    }
    said = {name: value for name, value in asked.items() if value is not None}
    return replace(settings, **said)  # type: ignore[arg-type]


def open_language_model(path: Path) -> "NgramModel":
    """Return the n-gram model in the file `path`; what had to be mended in it is said on stderr."""
    from speechrnn.decoding.ngram.model import NgramModel

    return NgramModel.open(path, lambda warning: print(f"speechrnn: {warning}", file=sys.stderr))


def hot_words_of(text: str) -> "list[HotWord]":
    """Return the hot words that one value of --hotwords stands for, in the letters that models write."""
    from speechrnn.decoding.beam.hot_words import hot_word, read_hot_words
    from speechrnn.text import normalise

    is_file = os.path.isfile(text) or text.endswith(".txt")
    found = read_hot_words(Path(text)) if is_file else [hot_word(text)]
    return [replace(hot, phrase=normalise(hot.phrase)) for hot in found]


def lexicon_of(path: Path) -> list[str]:
    """Return the words of the file `path`, in the letters that models write."""
    from speechrnn.decoding.beam.lexicon import read_lexicon
    from speechrnn.text import normalise

    return [normalise(word) for word in read_lexicon(path)]


def _with_names(problem: str, flags: DecoderFlags) -> str:
    """Return what the search says of its parts, with the files that they came from."""
    for part, path in (("language model", flags.lm), ("lexicon", flags.lexicon)):
        if path is not None and problem.startswith(f"{part}: "):
            return f"{path}: {problem.removeprefix(f'{part}: ')}"
    return problem
