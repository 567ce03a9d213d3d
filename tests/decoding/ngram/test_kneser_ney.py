"""Estimating a model from text: equal to the definition, and a distribution."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.decoding.ngram.counts import count_ngrams
from speechrnn.decoding.ngram.kneser_ney import estimate
from speechrnn.errors import SpeechRnnError
from tests.decoding.ngram.made_up import WORDS, as_blocks, assert_same_model, lines
from tests.reference import ngrams


@settings(deadline=None, max_examples=60)
@given(lines=lines, order=st.integers(1, 6), data=st.data())
def test_the_model_of_any_text_is_what_the_definition_says(lines, order, data):
    thresholds = sorted(data.draw(st.lists(st.integers(0, 3), min_size=order, max_size=order)))
    thresholds[0] = 0
    model = estimate(count_ngrams(as_blocks(lines), order), thresholds, fall_back=True)
    assert_same_model(ngrams.spelled(model), ngrams.kneser_ney(lines, order, thresholds, fall_back=True))


@settings(deadline=None, max_examples=20)
@given(lines=lines, order=st.integers(1, 4), prune=st.booleans())
def test_probabilities_after_every_listed_context_sum_to_one(lines, order, prune):
    thresholds = [0, *[1] * (order - 1)] if prune else []
    model = ngrams.spelled(estimate(count_ngrams(as_blocks(lines), order), thresholds, fall_back=True))
    vocabulary = [ngram[0] for ngram in model if len(ngram) == 1 and ngram != ("<s>",)]
    for context in [(), *(ngram for ngram in model if len(ngram) < order and ngram[-1] != "</s>")]:
        total = sum(10 ** ngrams.backed_off(model, context, word) for word in vocabulary)
        assert total == pytest.approx(1, abs=1e-5), context


def test_discounts_of_the_text_itself_are_used_where_it_has_them():
    lines = [" ".join(WORDS[(i * j) % 6] for j in range(1 + i % 7)) for i in range(80)]
    lines += ["x", "y", "y", "z z z", "w w w w"]
    expected = ngrams.kneser_ney(lines, 1)
    assert expected is not None
    assert_same_model(ngrams.spelled(estimate(count_ngrams(as_blocks(lines), 1))), expected)


@pytest.mark.parametrize(("lines", "reason"), [(["a b"], "a count of 2"), (["a b", "a b"], "a count of 1")])
def test_a_text_without_discounts_is_refused_with_the_cure(lines, reason):
    with pytest.raises(SpeechRnnError, match=f"{reason}.*--discount-fallback"):
        estimate(count_ngrams(as_blocks(lines), 1))


@pytest.mark.parametrize(
    ("prune", "problem"),
    [
        ((0, 1, 1, 1), "4 thresholds for 3 orders"),
        ((0, 2, 1), "must not fall"),
        ((1,), "first threshold be 0"),
    ],
)
def test_impossible_thresholds_are_refused(prune, problem):
    with pytest.raises(SpeechRnnError, match=problem):
        estimate(count_ngrams([b"a b c\n"], 3), prune, fall_back=True)


def test_the_last_threshold_holds_for_the_orders_above():
    counts = count_ngrams([b"a b c\na b d\n"], 3)
    pruned = ngrams.spelled(estimate(counts, (0, 1), fall_back=True))
    assert {ngram for ngram in pruned if len(ngram) > 1} == {("<s>", "a"), ("a", "b"), ("<s>", "a", "b")}
