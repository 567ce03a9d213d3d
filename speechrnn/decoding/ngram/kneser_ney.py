"""Interpolated modified Kneser-Ney smoothing: counts into a back-off model, the second half of training.

S. F. Chen and J. Goodman, "An empirical study of smoothing techniques for language modeling", Harvard
TR-10-98 (1998); discounts and pruning follow the details of K. Heafield et al., "Scalable modified Kneser-Ney
language model estimation", ACL 2013, so that the result equals that of KenLM's `lmplz`:

- below the highest order an n-gram counts as often as there are different words before it in the text;
  n-grams that begin with `<s>` have no word before them and keep their counts;
- each order has three discounts, for counts of 1, 2 and more, from the numbers of n-grams with counts 1 to 4;
- what discounts and pruning take away is spread as the order below says, down to a uniform distribution over
  the vocabulary, `<unk>` included and `<s>` not.

Sizes: ngrams (of one order), order. The suffix of an n-gram is the n-gram without its first word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled
from speechrnn.decoding.ngram.backoff_model import BackoffModel, NgramOrder
from speechrnn.decoding.ngram.counts import NgramCounts
from speechrnn.decoding.ngram.pruning import thresholds_for, without
from speechrnn.decoding.ngram.word_table import BEGIN
from speechrnn.errors import SpeechRnnError

FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)


_LEAST_PROB = 1e-99  # stands for zero, which has no logarithm


def estimate(counts: NgramCounts, prune: Sequence[int] = (), fall_back: bool = False) -> BackoffModel:
    """Return the model of the counted text.

    `prune` holds a threshold per order (`pruning.thresholds_for`). Where a text is too small or too regular
    to give discounts, `fall_back` takes `FALLBACK_DISCOUNTS`; otherwise SpeechRnnError is raised.
    """
    highest = counts.ngrams.shape[1]
    thresholds = thresholds_for(prune, highest)
    shared = _shared_words(counts.ngrams)

    level = _empty_context()
    probs = np.full(1, 1.0 / (len(counts.words) - 1))  # uniform over all words but <s>
    orders: list[NgramOrder] = []
    kept: list[NDArray[np.bool_]] = []
    for order in range(1, highest + 1):
        level = _level(counts, shared, order, thresholds[order - 1], level)
        backoffs, shares = _discounted(level, discounts(level.counts, order, fall_back), len(probs))
        if orders:
            orders[-1].log10_backoffs[:] = _log10(backoffs)
        probs = shares + backoffs[level.contexts] * probs[level.suffixes]
        if order == 1:
            probs[BEGIN] = 1.0  # a sentence always begins; the convention of lmplz
        unweighted = np.zeros(len(probs), np.float32)
        orders.append(NgramOrder(level.contexts, level.words, _log10(probs), unweighted))
        kept.append(level.kept)
    return BackoffModel(counts.words, without(orders, kept) if any(thresholds) else tuple(orders))


def discounts(counts: NDArray[np.int64], order: int, fall_back: bool) -> NDArray[np.float64]:
    """Return the discounts `[4]` for counts of 0, 1, 2, and 3 or more (Chen and Goodman, equation 26)."""
    n = np.bincount(np.minimum(counts, 5), minlength=5)
    problem = None
    amounts = np.zeros(4)
    if not n[1:4].all():
        problem = f"none of them has a count of {1 + int(np.argmin(n[1:4] > 0))}"
    else:
        y = n[1] / (n[1] + 2 * n[2])
        amounts[1:] = [j - (j + 1) * y * n[j + 1] / n[j] for j in (1, 2, 3)]
        if (amounts < 0).any() or (amounts > np.arange(4)).any():
            problem = f"they come out as {', '.join(f'{amount:.2f}' for amount in amounts[1:])}"
    if problem is None:
        return amounts
    if fall_back:
        return np.array((0.0, *FALLBACK_DISCOUNTS))
    raise SpeechRnnError(
        f"the text gives no Kneser-Ney discounts for {order}-grams ({problem}): it is very small or very "
        "regular; pass --discount-fallback, or a lower --order"
    )


@dataclass(frozen=True)
class _Level:
    """The n-grams of one order in suffix order; row w of the unigrams is word w.

    firsts, words: int32 `[ngrams]`, first and last word; contexts, suffixes: int32 `[ngrams]`, rows in the
    order below of the n-gram without its last and without its first word; counts: int64 `[ngrams]`, the
    Kneser-Ney counts; kept: bool `[ngrams]`, false where pruned.
    """

    firsts: NDArray[np.int32]
    words: NDArray[np.int32]
    contexts: NDArray[np.int32]
    suffixes: NDArray[np.int32]
    counts: NDArray[np.int64]
    kept: NDArray[np.bool_]


def _empty_context() -> _Level:
    """Return the level below the unigrams: one row, the n-gram of no words."""
    none = np.zeros(1, np.int32)
    return _Level(none, none, none, none, np.zeros(1, np.int64), np.ones(1, bool))


def _level(
    counts: NgramCounts, shared: NDArray[np.uint8], order: int, threshold: int, below: _Level
) -> _Level:
    """Return the n-grams of `order`, which the suffix-sorted highest order holds as endings."""
    firsts, words, suffixes, kn_counts, occurrences = _endings(counts.ngrams, counts.counts, shared, order)
    if order == 1:
        # <unk> and <s> close no n-gram; all other words do, in the order of their numbers.
        words = np.arange(len(counts.words), dtype=np.int32)
        contexts = suffixes = np.zeros(len(words), np.int32)
        kn_counts = np.concatenate((np.zeros(2, np.int64), kn_counts))
        return _Level(words, words, contexts, suffixes, kn_counts, np.ones(len(words), bool))
    if order == 2:
        contexts, suffixes = firsts, words
    else:
        begins = np.searchsorted(
            below.suffixes, np.arange(int(below.suffixes[-1]) + 2 if len(below.suffixes) else 1)
        )
        contexts = _contexts(firsts, suffixes, below.firsts, below.contexts, begins)
    return _Level(firsts, words, contexts, suffixes, kn_counts, occurrences > threshold)


def _discounted(
    level: _Level, discount: NDArray[np.float64], contexts: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the back-off weights `[contexts]`, and what is left of each n-gram's own share `[ngrams]`."""
    taken = np.where(level.kept, discount[np.minimum(level.counts, 3)], level.counts)
    totals = np.bincount(level.contexts, weights=level.counts, minlength=contexts)
    backoffs = np.bincount(level.contexts, weights=taken, minlength=contexts)
    unseen = totals == 0
    totals[unseen] = backoffs[unseen] = 1.0
    return backoffs / totals, (level.counts - taken) / totals[level.contexts]


def _log10(probs: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the logarithms in base 10, with zero raised to the least number that ARPA files use."""
    return np.log10(np.maximum(probs, _LEAST_PROB)).astype(np.float32)


@compiled
def _shared_words(ngrams: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return how many last words each n-gram `[ngrams, order]` shares with the one before it."""
    shared = np.zeros(len(ngrams), np.uint8)
    order = ngrams.shape[1]
    for row in range(1, len(ngrams)):
        while shared[row] < order:
            column = order - 1 - shared[row]
            if ngrams[row, column] != ngrams[row - 1, column]:
                break
            shared[row] += 1
    return shared


@compiled
def _endings(
    ngrams: NDArray[np.int32], counts: NDArray[np.int64], shared: NDArray[np.uint8], order: int
) -> Any:
    """Return first and last words, suffix rows, Kneser-Ney counts and occurrences of the n-grams of `order`.

    They are the distinct endings of the n-grams of the highest order. An ending whose second word is `<s>` is
    only the filling at a sentence's start.
    """
    highest = ngrams.shape[1]
    first = highest - order
    size = 0
    for row in range(len(ngrams)):
        if shared[row] < order and (order == 1 or ngrams[row, first + 1] != BEGIN):
            size += 1

    firsts = np.empty(size, np.int32)
    lasts = np.empty(size, np.int32)
    suffixes = np.empty(size, np.int32)
    kn_counts = np.zeros(size, np.int64)
    occurrences = np.zeros(size, np.int64)
    at = -1
    suffix = -1
    for row in range(len(ngrams)):
        if shared[row] < order - 1 and (order == 2 or ngrams[row, first + 2] != BEGIN):
            suffix += 1
        if order > 1 and ngrams[row, first + 1] == BEGIN:
            continue
        if shared[row] < order:
            at += 1
            firsts[at] = ngrams[row, first]
            lasts[at] = ngrams[row, highest - 1]
            suffixes[at] = suffix
        if order == highest or ngrams[row, first] == BEGIN:
            kn_counts[at] += counts[row]
        elif shared[row] <= order:
            kn_counts[at] += 1  # one more word seen before it
        occurrences[at] += counts[row]
    return firsts, lasts, suffixes, kn_counts, occurrences


@compiled
def _contexts(
    firsts: NDArray[np.int32],
    suffixes: NDArray[np.int32],
    firsts_below: NDArray[np.int32],
    contexts_below: NDArray[np.int32],
    begins: NDArray[np.int64],
) -> NDArray[np.int32]:
    """Return the row, in the order below, of every n-gram without its last word.

    That context is the first word put before the context of the suffix. The rows that prolong one suffix lie
    together, from `begins[suffix]` on, sorted by first word.
    """
    contexts = np.empty(len(firsts), np.int32)
    for row in range(len(firsts)):
        inner = contexts_below[suffixes[row]]
        low = begins[inner]
        high = begins[inner + 1]
        while high - low > 1:
            middle = (low + high) // 2
            if firsts_below[middle] <= firsts[row]:
                low = middle
            else:
                high = middle
        contexts[row] = low
    return contexts
