"""What the tests of the beam search share: small vocabularies, models, and settings that give nothing up."""

import math
from functools import cache

import numpy as np

from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.decoding.ngram.counts import count_ngrams
from speechrnn.decoding.ngram.kneser_ney import estimate
from speechrnn.decoding.ngram.model import NgramModel, Units
from speechrnn.text import BLANK, Vocabulary

LETTERS = Vocabulary("characters", (BLANK, " ", "a", "b"))
PIECES = Vocabulary("bpe", (BLANK, "▁", "▁a", "b", "ab"))

_TEXTS = {
    "words": b"a b\nab a b\nba a\nb b ab\na\nab ab b a\n",
    "characters": "a ▁ b\na b ▁ a\nb a ▁ a\nb ▁ b ▁ a b\n".encode(),
    "pieces": "▁a ▁ b\n▁a b ▁a\n▁ b ab ▁a\n▁ b ▁ b ▁a ab\n".encode(),
}


@cache
def trigrams(units: Units = "words") -> NgramModel:
    """A model of a few sentences in the words, letters or pieces of the vocabularies above."""
    return NgramModel.build(estimate(count_ngrams([_TEXTS[units]], 3), fall_back=True), units)


def everything(**settings: float) -> BeamSettings:
    """Settings with a beam for all prefixes of a few frames, nothing dropped, all sentences returned."""
    unlimited = {"beam": 5000, "nbest": 5000, "margin": math.inf, "token_floor": -math.inf}
    return BeamSettings(**{**unlimited, **settings})  # type: ignore[arg-type]


def random_log_probs(seed: int, frames: int, tokens: int, peakedness: float = 1.0) -> np.ndarray:
    """Log-probabilities float32 [frames, tokens], the more peaked the larger the last number."""
    logits = peakedness * np.random.default_rng(seed).normal(size=(frames, tokens))
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)
