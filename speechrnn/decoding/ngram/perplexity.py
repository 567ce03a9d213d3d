"""How well a language model predicts a text.

Perplexity is the number of equally likely words that the model hesitates between, on average: the inverse
geometric mean of the probabilities of all words and sentence ends. A word outside the vocabulary is scored as
`<unk>`, so texts with many of them compare badly; the perplexity without them is given too. Both are counted
as KenLM's `query -v summary` counts them.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled
from speechrnn.decoding.ngram.automaton import ScoringTables, score
from speechrnn.decoding.ngram.counts import encode
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.decoding.ngram.text_blocks import symbols
from speechrnn.decoding.ngram.word_table import UNKNOWN
from speechrnn.errors import SpeechRnnError

_SENTENCE_START = -1


@dataclass(frozen=True)
class TextScore:
    """Words and sentence ends of a text, the unknown ones among them; log-probabilities of both (natural)."""

    tokens: int
    unknown: int
    log_prob: float
    unknown_log_prob: float

    @property
    def perplexity(self) -> float:
        """Perplexity with unknown words scored as `<unk>`."""
        return math.exp(-self.log_prob / self.tokens)

    @property
    def known_perplexity(self) -> float:
        """Perplexity without unknown words, which still stand in the history of others."""
        return math.exp((self.unknown_log_prob - self.log_prob) / (self.tokens - self.unknown))


def score_text(model: NgramModel, text: Iterable[bytes]) -> TextScore:
    """Return the score of `text`, blocks of whole lines, a sentence each; raise SpeechRnnError if empty."""
    sums = np.zeros(4)
    for tokens in encode(
        symbols(text, model.units), model.words, pads=1, grow=False, padding=_SENTENCE_START
    ):
        sums += _score_tokens(model.tables, model.begin_state, tokens)
    if sums[0] == 0:
        raise SpeechRnnError("the text has no lines; give one sentence a line")
    return TextScore(int(sums[0]), int(sums[1]), float(sums[2]), float(sums[3]))


@compiled
def _score_tokens(tables: ScoringTables, begin_state: int, tokens: NDArray[np.int32]) -> Any:
    """Return the sums float64 `[4]`: tokens, unknown ones, and the log-probabilities of all and of those."""
    sums = np.zeros(4)
    state = begin_state
    for token in tokens:
        if token == _SENTENCE_START:
            state = begin_state
            continue
        log_prob, state = score(tables, state, token)
        sums[0] += 1
        sums[2] += log_prob
        if token == UNKNOWN:
            sums[1] += 1
            sums[3] += log_prob
    return sums
