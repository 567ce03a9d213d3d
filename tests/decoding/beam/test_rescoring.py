"""Any model that scores sentences can have its say on an n-best list."""

import math

import pytest

from speechrnn.decoding.beam.rescoring import rescored
from speechrnn.decoding.hypothesis import Hypothesis, Word
from speechrnn.errors import SpeechRnnError


class Shorter:
    """A model that likes short sentences."""

    def score(self, sentences):
        return [-float(len(sentence)) for sentence in sentences]


class Broken:
    def __init__(self, scores):
        self.scores = scores

    def score(self, sentences):
        return self.scores


def hypothesis(text: str, score: float) -> Hypothesis:
    return Hypothesis(text, tuple(Word(word, 0.0, 1.0, 0.5) for word in text.split()), score)


LIST = [hypothesis("ab ab", -1.0), hypothesis("ab", -2.0), hypothesis("a b c", -3.0)]


def test_scores_are_added_with_their_weight_and_the_best_comes_first():
    result = rescored(LIST, Shorter(), 0.5)
    assert [(one.text, one.score) for one in result] == [("ab", -3.0), ("ab ab", -3.5), ("a b c", -5.5)]
    assert result[0].words == LIST[1].words


def test_a_bonus_counts_for_every_word():
    result = rescored(LIST, Shorter(), 0.5, word_bonus=2.0)
    assert [(one.text, one.score) for one in result] == [("ab ab", 0.5), ("a b c", 0.5), ("ab", -1.0)]


def test_an_empty_list_stays_empty():
    assert rescored([], Shorter(), 1.0) == []


@pytest.mark.parametrize("scores", [[], [-1.0], [-1.0, math.nan, -2.0]])
def test_scores_that_do_not_belong_to_the_sentences_are_refused(scores):
    with pytest.raises(SpeechRnnError, match="for 3 sentences"):
        rescored(LIST, Broken(scores), 1.0)
