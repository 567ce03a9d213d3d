"""How much a language model counts, and what goes with that, in a file beside the model's.

That is its weight, a bonus for words, and how far the network is freed from its own idea of what is frequent.

`speechrnn lm tune` and the recipes find them (`tuning.py`) and write them; `transcribe --lm` and `evaluate
--lm` look here for what the user does not say. `words.ngram` has its weights in `words.ngram.weights.json`.
"""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from speechrnn.decoding.beam.priors import Priors
from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.decoding.ngram.whole_file import whole_file
from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.outputs import LOG_PROBS
from speechrnn.text import Vocabulary

FORMAT = 2
_CURE = "tune again with: speechrnn lm tune"


@dataclass(frozen=True)
class TunedWeights:
    """What was found, and on what."""

    lm_weight: float
    """Factor on the log-probabilities of the language model."""
    word_bonus: float
    """Added for every word, natural log."""
    beam: int
    """Width of the beam search that it was found with."""
    wer: float
    """Word error rate there, a fraction. It is the lowest of many on this text, so expect more elsewhere."""
    tuned_on: str
    """Model and recordings, in words."""
    prior_scale: float = 0.0
    """Power of the shares of tokens that the network's probabilities are divided by (`priors.py`)."""
    token_shares: dict[str, float] = field(default_factory=dict)
    """These shares, by token, for the model that this was tuned with."""
    unknown_word: float = BeamSettings().unknown_word
    """Added for every word that the language model does not list, natural log."""

    def settings(self) -> BeamSettings:
        """Return the settings of a search that decodes as was found best."""
        return BeamSettings(self.beam, self.lm_weight, self.word_bonus, self.unknown_word)

    def priors(self, vocabulary: Vocabulary) -> Priors | None:
        """Return the priors of a model that writes `vocabulary`; None if it is not the one tuned with."""
        if self.prior_scale == 0 or self.token_shares.keys() != {*vocabulary.symbols}:
            return None
        return Priors(
            self.prior_scale, np.array([self.token_shares[symbol] for symbol in vocabulary.symbols])
        )


@dataclass(frozen=True)
class _File:
    """The content of the file."""

    format: int
    language_model_bytes: int
    """Size of the language model, which tells when another has taken its place."""
    weights: dict[str, TunedWeights]
    """Output of the network that was searched -> what was found."""


def weights_path(language_model: Path) -> Path:
    """Return the file that holds the weights of a language model, if there are any."""
    return language_model.with_name(language_model.name + ".weights.json")


def write_weights(language_model: Path, weights: TunedWeights, output: str = LOG_PROBS) -> Path:
    """Write `weights` beside the file `language_model`, whole or not at all; return the file's path.

    They are for searches of one `output` of a network; what was found for another one stays.
    """
    path = weights_path(language_model)
    try:
        others = _read(language_model)
    except SpeechRnnError:  # damaged, or of another language model: of no use
        others = {}
    content = msgspec.json.encode(_File(FORMAT, language_model.stat().st_size, {**others, output: weights}))
    with whole_file(path) as unfinished:
        unfinished.write_bytes(msgspec.json.format(content, indent=2) + b"\n")
    return path


def read_weights(language_model: Path, output: str = LOG_PROBS) -> TunedWeights | None:
    """Return the weights beside the file `language_model` for an `output`, or None where there are none.

    Raises SpeechRnnError where they are damaged, of another version, or of a model that was there before.
    """
    return _read(language_model).get(output)


def _read(language_model: Path) -> dict[str, TunedWeights]:
    path = weights_path(language_model)
    if not path.exists():
        return {}
    check_readable(path)
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SpeechRnnError(f"{path}: holds no tuned weights ({error}); delete it, or {_CURE}") from None
    if found.format != FORMAT:
        raise SpeechRnnError(f"{path}: has format {found.format}, this speechrnn reads {FORMAT}; {_CURE}")
    if found.language_model_bytes != language_model.stat().st_size:
        raise SpeechRnnError(f"{path}: was tuned for an older {language_model.name}; delete it, or {_CURE}")
    return found.weights
