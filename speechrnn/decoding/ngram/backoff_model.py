"""A back-off n-gram model as an ARPA file states it: probabilities and back-off weights in base 10.

The meeting point of this folder: estimating and ARPA reading make one, ARPA writing and the automaton take
one. The probability of a word w after a history h is that of the n-gram (h, w) if it is listed; otherwise the
back-off weight of h times the probability after h without its first word (Katz 1987).

Sizes: ngrams (of one order). An n-gram is stored as its context, everything but the last word, and that word.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speechrnn.decoding.ngram.word_table import WordTable


@dataclass(frozen=True)
class NgramOrder:
    """The n-grams of one order; row w of the unigrams is word w.

    contexts: int32 `[ngrams]`, row of the context in the order below (0 for unigrams); words: int32
    `[ngrams]`, number of the last word; log10_probs, log10_backoffs: float32 `[ngrams]`.
    """

    contexts: NDArray[np.int32]
    words: NDArray[np.int32]
    log10_probs: NDArray[np.float32]
    log10_backoffs: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class BackoffModel:
    """A vocabulary, and n-grams from unigrams up; the context of every listed n-gram is listed."""

    words: WordTable
    orders: tuple[NgramOrder, ...]
