"""Log-probabilities from anywhere, checked before they are searched."""

import numpy as np
from numpy.typing import NDArray

from speechrnn.decoding.greedy import check_log_probs
from speechrnn.errors import SpeechRnnError
from speechrnn.text import Vocabulary

# What rounding may do to the logarithm of 1; half-precision log-probabilities go this far above 0.
ROUNDING = 1e-2


def checked_log_probs(log_probs: NDArray[np.floating], vocabulary: Vocabulary) -> NDArray[np.float32]:
    """Return `log_probs` [frames, tokens] of `vocabulary` as float32, one row after the other.

    Raises SpeechRnnError where the shape does not fit, for NaN, +inf and positive values, for frames in which
    nothing is possible, and for probabilities that nobody took the logarithm of.
    """
    check_log_probs(log_probs, vocabulary)
    checked = np.ascontiguousarray(log_probs, np.float32)
    if not checked.size:
        return checked
    if checked.max() > ROUNDING:
        raise SpeechRnnError(_what_is_wrong(checked))
    impossible = np.flatnonzero(checked.max(axis=1) == -np.inf)
    if len(impossible):
        raise SpeechRnnError(
            f"log-probabilities: frame {impossible[0]} gives every token probability 0; check the model"
        )
    return checked


def _what_is_wrong(log_probs: NDArray[np.float32]) -> str:
    if log_probs.min() >= 0 and np.allclose(log_probs.sum(axis=1), 1, atol=0.05):
        return "log-probabilities: these are probabilities; pass their natural logarithm"
    if log_probs.max() == np.inf:
        return "log-probabilities: hold +inf; check the audio and the model that made them"
    return (
        f"log-probabilities: {log_probs.max():.4g} is above 0, so it is the logarithm of no probability;"
        " apply a log-softmax first"
    )
