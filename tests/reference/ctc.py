"""CTC by enumeration of every path: exponential, and plainly right."""

import itertools
import math

import numpy as np
import numpy.typing as npt

BLANK = 0


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    """Return the labels a path writes: equal neighbours become one, then blanks go."""
    return tuple(token for token, _ in itertools.groupby(path) if token != BLANK)


def path_score(log_probs: npt.NDArray[np.float64], path: tuple[int, ...]) -> float:
    """Return the log-probability of one path; `log_probs` is [frames, tokens]."""
    return float(sum(log_probs[frame, token] for frame, token in enumerate(path)))


def every_labelling(log_probs: npt.NDArray[np.float64]) -> dict[tuple[int, ...], float]:
    """Return every label sequence that `log_probs` [frames, tokens] can write, with its log-probability."""
    frames, tokens = log_probs.shape
    totals: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(tokens), repeat=frames):
        labels = collapse(path)
        totals[labels] = float(np.logaddexp(totals.get(labels, -math.inf), path_score(log_probs, path)))
    return totals


def best_path(log_probs: npt.NDArray[np.float64], labels: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the likeliest path that writes `labels`, or None where none does."""
    frames, tokens = log_probs.shape
    paths = [path for path in itertools.product(range(tokens), repeat=frames) if collapse(path) == labels]
    return max(paths, key=lambda path: path_score(log_probs, path), default=None)
