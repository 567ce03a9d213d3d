"""Confidences that mean what they say: of the words with confidence 0.8, four in five are right.

Decoders rate a word by the probabilities along its path. These tell right words from wrong ones, and are too
high or too low all the same, depending on the network, the decoder and the length of the word. A
`Calibration`, fitted on words of held-out recordings, maps them to frequencies. It is beta calibration (Kull,
Silva Filho and Flach, "Beyond sigmoids: how to obtain well-calibrated probabilities from binary classifiers
with beta calibration", 2017): a logistic regression on log c and -log(1 - c), here with the logarithm of the
number of letters as a third term, since each letter lowers c. A model keeps one such set of four numbers for
each decoder. How good confidences are is measured in `confidence_quality.py`.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np
import numpy.typing as npt

from speechrnn.decoding.hypothesis import Decoder, Hypothesis
from speechrnn.errors import SpeechRnnError

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SMALLEST = 1e-6
"""Confidences are kept this far from 0 and 1, where their logarithms end."""
RIDGE = 1e-3
"""Weight of the penalty on squared weights, so that there is a solution where all words are of a kind."""
FEWEST_WORDS = 100
"""Fewer do not determine four numbers."""
NEWTON_STEPS = 50


@dataclass(frozen=True)
class Calibration:
    """A map of confidences to the share of words that are right: the logistic function of a weighted sum."""

    sureness: float
    """Weight of log c; not negative."""
    doubt: float
    """Weight of -log(1 - c); not negative."""
    letters: float
    """Weight of the logarithm of the number of letters."""
    offset: float

    def __call__(self, confidences: Values, letters: Values) -> Values:
        """Return calibrated `confidences` [words] in [0, 1] of words with so many `letters` [words]."""
        return _logistic(_terms(confidences, letters) @ np.array(astuple(self)))


def calibrated(hypothesis: Hypothesis, calibration: Calibration) -> Hypothesis:
    """Return `hypothesis` with calibrated confidences."""
    if not hypothesis.words:
        return hypothesis
    confidences = calibration(
        np.array([word.confidence for word in hypothesis.words]),
        np.array([len(word.text) for word in hypothesis.words], np.float64),
    )
    words = zip(hypothesis.words, confidences.tolist(), strict=True)
    return replace(hypothesis, words=tuple(replace(word, confidence=c) for word, c in words))


def calibrating(decode: Decoder, numbers: Sequence[float] | None) -> Decoder:
    """Return `decode` with confidences calibrated by the `numbers` of a model file; None: as it is."""
    if numbers is None:
        return decode
    calibration = Calibration(*numbers)
    return lambda log_probs, frame_seconds: [
        calibrated(hypothesis, calibration) for hypothesis in decode(log_probs, frame_seconds)
    ]


def fit_calibration(confidences: Values, letters: Values, right: Flags) -> Calibration:
    """Return the likeliest calibration of words with these `confidences` and `letters`, all [words].

    `right` tells which were recognised correctly. Raises SpeechRnnError where there are too few words.
    """
    if len(right) < FEWEST_WORDS:
        raise SpeechRnnError(
            f"calibration: {len(right)} recognised words are too few, {FEWEST_WORDS} are needed;"
            " give more held-out recordings"
        )
    terms = _terms(confidences, letters)
    kept = np.ones(terms.shape[1], np.bool_)
    # A negative weight would rate surer words lower; the term is left out then, as the authors do.
    while True:
        weights = np.zeros(len(kept))
        weights[kept] = _logistic_regression(terms[:, kept], right)
        negative = np.flatnonzero(weights[:2] < 0)
        if not len(negative):
            return Calibration(*weights.tolist())
        kept[negative[np.argmin(weights[negative])]] = False


def _terms(confidences: Values, letters: Values) -> Values:
    """Return what is weighted: [words, 4]."""
    inside = np.clip(confidences, SMALLEST, 1 - SMALLEST)
    return np.column_stack(
        [np.log(inside), -np.log1p(-inside), np.log(np.maximum(letters, 1)), np.ones(len(inside))]
    )


def _logistic(sums: Values) -> Values:
    return np.exp(-np.logaddexp(0, -sums))


def _logistic_regression(terms: Values, right: Flags) -> Values:
    """Return the weights [terms] of `terms` [words, terms], by Newton's method."""
    weights = np.zeros(terms.shape[1])
    ridge = RIDGE * np.eye(len(weights))
    for _ in range(NEWTON_STEPS):
        rate = _logistic(terms @ weights)
        slope = terms.T @ (right - rate) - ridge @ weights
        curvature = (terms * (rate * (1 - rate))[:, None]).T @ terms + ridge
        step = np.linalg.solve(curvature, slope)
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    return weights
