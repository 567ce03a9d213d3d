"""What decoding returns: words with times and confidences.

Every decoder makes these, every output format prints them.
"""

from dataclasses import dataclass


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
