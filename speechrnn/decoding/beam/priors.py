"""How often a network writes each token, and its scores freed from a part of that.

A network learns how frequent its tokens are along with how they sound, and a language model knows the same,
better: together they count it twice. Dividing what the network says by a power of the shares takes the
network's part out again (Bourlard and Morgan 1994 for frames, Miao et al. 2015, EESEN, for CTC). The blank is
a token like the others: it is the most frequent, so fewer words get lost.

Sits between the network and the search: `stream.py` applies it, `tuning.py` finds the power, and
`tuned_weights.py` keeps it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SMALLEST_SHARE = 1e-4
"""Rarer tokens count as this frequent: what was hardly ever seen is not to be had for nothing."""


@dataclass(frozen=True)
class Priors:
    """What to divide by: the shares of the tokens, float64 `[tokens]`, to the power `scale`."""

    scale: float
    shares: NDArray[np.float64]

    def freed(self, log_probs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return `log_probs` [frames, tokens] divided by the priors, each frame summing to 1 again."""
        freed = log_probs - self.scale * np.log(np.maximum(self.shares, SMALLEST_SHARE))
        freed -= freed.max(axis=1, keepdims=True)
        freed -= np.log(np.exp(freed).sum(axis=1, keepdims=True))
        return freed.astype(np.float32)


def token_shares(log_probs: Iterable[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return the mean probability of each token over all frames of the recordings, float64 `[tokens]`."""
    sums, frames = 0.0, 0
    for array in log_probs:
        sums = sums + np.exp(array).sum(axis=0, dtype=np.float64)
        frames += len(array)
    return np.asarray(sums / max(1, frames), np.float64)
