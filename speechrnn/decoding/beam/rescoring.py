"""A second opinion on an n-best list: any model that can score sentences, a neural one for instance."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from speechrnn.decoding.hypothesis import Hypothesis
from speechrnn.errors import SpeechRnnError


class LanguageModel(Protocol):
    """Whatever can tell how likely sentences are."""

    def score(self, sentences: Sequence[str]) -> Sequence[float]:
        """Return the log-probability of each of `sentences`, natural log."""


def rescored(
    hypotheses: Sequence[Hypothesis], model: LanguageModel, weight: float, word_bonus: float = 0.0
) -> list[Hypothesis]:
    """Return `hypotheses` with the weighted score of `model` and the bonus for words added, the best first.

    The scores of the search stay in: a first model counts on, unless the search was made without one. Raises
    SpeechRnnError where the model gives another number of scores than it got sentences, or one that is NaN.
    """
    scores = list(model.score([hypothesis.text for hypothesis in hypotheses])) if hypotheses else []
    if len(scores) != len(hypotheses) or any(score != score for score in scores):
        raise SpeechRnnError(
            f"language model: gave the scores {scores[:3]} ... for {len(hypotheses)} sentences; it must give"
            " one number for each"
        )
    added = [
        replace(one, score=one.score + weight * score + word_bonus * len(one.words))
        for one, score in zip(hypotheses, scores, strict=True)
    ]
    return sorted(added, key=lambda hypothesis: -hypothesis.score)
