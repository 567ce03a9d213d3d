"""How good confidences are: do they mean what they say, and do they tell right words from wrong ones?

Recognised words and references go in, two figures come out. The expected calibration error is the mean
distance between confidence and share of right words, in bins of equal width (Guo et al., "On calibration of
modern neural networks", 2017). The area under the ROC curve is the chance that a right word has a higher
confidence than a wrong one. `calibration.py` lowers the first; only a better confidence raises the second.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechrnn.decoding.hypothesis import Word
from speechrnn.scoring import aligned_words
from speechrnn.text import normalise

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

BINS = 10


@dataclass(frozen=True)
class JudgedWords:
    """Recognised words: `confidences`, numbers of `letters`, and whether they are `right`; all [words]."""

    confidences: Values
    letters: Values
    right: Flags


def judged_words(pairs: Iterable[tuple[Sequence[Word], str]]) -> JudgedWords:
    """Return the recognised words of all recordings, judged by the reference beside each.

    A word is right where the fewest edits between the two texts leave it alone; a word that was put in or
    stands for another is wrong. Words that were left out have no confidence.
    """
    confidences: list[float] = []
    letters: list[int] = []
    right: list[bool] = []
    for words, reference in pairs:
        confidences += [word.confidence for word in words]
        letters += [len(word.text) for word in words]
        right += right_words(words, reference)
    return JudgedWords(np.array(confidences), np.array(letters, np.float64), np.array(right, np.bool_))


def right_words(words: Sequence[Word], reference: str) -> list[bool]:
    """Return, for each recognised word, whether `reference` has it in its place."""
    recognised = " ".join(normalise(word.text) for word in words)
    if not recognised:
        return []
    pairs = aligned_words(normalise(reference), recognised)
    return [said == written for said, written in pairs if written is not None]


def expected_calibration_error(confidences: Values, right: Flags) -> float:
    """Return the mean distance of confidence and share of right words in ten bins of equal width."""
    bins = np.minimum((confidences * BINS).astype(np.int64), BINS - 1)
    surplus = np.bincount(bins, confidences - right, minlength=BINS)
    return float(np.abs(surplus).sum() / max(len(right), 1))


def area_under_roc(values: Values, positive: Flags) -> float:
    """Return the chance that a value of a `positive` is above one of a negative; equal ones count half.

    NaN where there are none of one kind.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return float("nan")
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]  # from 1, equal values share their mean rank
    below = ranks[positive].sum() - positives * (positives + 1) / 2
    return float(below / (positives * negatives))
