"""Which n-grams of a training text are dropped for being rare.

As in KenLM's `lmplz --prune`: an n-gram goes when it occurs no more often than its order's threshold. What
counts is how often it stands in the text, not its Kneser-Ney count, so an n-gram that stays keeps its context
and its own shorter endings.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from speechrnn.decoding.ngram.backoff_model import NgramOrder
from speechrnn.errors import SpeechRnnError


def thresholds_for(prune: Sequence[int], order: int) -> tuple[int, ...]:
    """Return one threshold per order: those given, the last of them repeated; none given prunes nothing.

    Raises SpeechRnnError unless they are at least 0, do not fall, are no more than `order`, and start with 0
    (every word of the text stays).
    """
    if len(prune) > order:
        raise SpeechRnnError(f"--prune has {len(prune)} thresholds for {order} orders; give {order} at most")
    last = prune[-1] if prune else 0
    wanted = (*prune, *(last for _ in range(order - len(prune))))
    if wanted[0] != 0:
        raise SpeechRnnError("--prune: single words are not pruned; let the first threshold be 0")
    if list(wanted) != sorted(wanted):
        raise SpeechRnnError(
            f"--prune {' '.join(map(str, prune))}: thresholds must not fall from left to right"
        )
    return wanted


def without(orders: Sequence[NgramOrder], kept: Sequence[NDArray[np.bool_]]) -> tuple[NgramOrder, ...]:
    """Return `orders` with only the rows that `kept` (one mask `[ngrams]` an order) marks."""
    pruned: list[NgramOrder] = []
    new_rows = np.zeros(1, np.int32)
    for ngrams, mask in zip(orders, kept, strict=True):
        contexts = new_rows[ngrams.contexts[mask]]
        pruned.append(
            NgramOrder(contexts, ngrams.words[mask], ngrams.log10_probs[mask], ngrams.log10_backoffs[mask])
        )
        new_rows = (np.cumsum(mask) - 1).astype(np.int32)
    return tuple(pruned)
