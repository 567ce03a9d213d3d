"""The settings of a beam search: what is given up for speed, and how much each scorer counts."""

import math
from dataclasses import dataclass

from speechrnn.errors import SpeechRnnError


@dataclass(frozen=True)
class BeamSettings:
    """How wide to search, and what is added to the acoustic log-probability of a sentence.

    All weights and thresholds are natural logarithms.
    """

    beam: int = 100
    """Prefixes kept from one frame to the next. More is slower and finds better sentences, up to a point."""
    lm_weight: float = 0.8
    """Factor on the log-probabilities of the language model."""
    word_bonus: float = 0.0
    """Added for every word. A language model favours few words; this makes up for it."""
    unknown_word: float = -10.0
    """Added for every word that the word n-gram does not list, besides its probability of `<unk>`."""
    margin: float = 12.0
    """Prefixes less likely than the best by this much or more are dropped, however few are left."""
    token_floor: float = -7.0
    """Tokens less likely than this in a frame do not extend a prefix in it."""
    sure_blank: float = 1.0
    """Frames whose blank is likelier than this probability are passed over; 1 passes over none."""
    nbest: int = 1
    """The most hypotheses to return."""

    def __post_init__(self) -> None:
        """Raise SpeechRnnError for a setting that no search can use."""
        if self.beam < 1:
            raise SpeechRnnError(f"--beam {self.beam}: a beam holds at least one prefix; use 1 or more")
        if self.nbest < 1:
            raise SpeechRnnError(f"--nbest {self.nbest}: ask for at least 1 hypothesis")
        for name in ("lm_weight", "word_bonus", "unknown_word"):
            if not math.isfinite(getattr(self, name)):
                raise SpeechRnnError(f"--{name.replace('_', '-')}: must be a finite number")
        if self.lm_weight < 0:
            raise SpeechRnnError(f"--lm-weight {self.lm_weight}: must not be negative")
        if not self.margin > 0 or math.isnan(self.token_floor):
            raise SpeechRnnError("beam search: the margin must be positive and the token floor a number")
        if not 0 < self.sure_blank <= 1:
            raise SpeechRnnError(f"beam search: sure_blank is a probability, got {self.sure_blank}")
