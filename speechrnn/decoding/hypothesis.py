"""What decoding returns: words with times and confidences.

Every decoder makes these, every output format prints them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Word:
    """One recognised word; times in seconds from the start of the recording, confidence in [0, 1]."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Hypothesis:
    """One transcript of one recording; `score` is its log-probability, natural log."""

    text: str
    words: tuple[Word, ...]
    score: float


Decoder = Callable[[npt.NDArray[np.float32], float], list[Hypothesis]]
"""Log-probabilities [frames, tokens] of one vocabulary and the seconds of a frame -> the likeliest first."""


@dataclass(frozen=True)
class SoundDecoder:
    """A decoder that wants what a model says of sounds, in the place of what it writes."""

    decode: Decoder

    def __call__(self, log_probs: npt.NDArray[np.float32], frame_seconds: float) -> list[Hypothesis]:
        """Return the hypotheses for `log_probs` [frames, sounds], the likeliest first."""
        return self.decode(log_probs, frame_seconds)
