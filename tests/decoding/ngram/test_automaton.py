"""Looking n-grams up by following arcs: the same figures as the definition of back-off."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speechrnn.decoding.ngram.arpa_reading import read_arpa
from speechrnn.decoding.ngram.automaton import EMPTY_HISTORY, automaton, backoff_model, score
from speechrnn.decoding.ngram.counts import count_ngrams
from speechrnn.decoding.ngram.kneser_ney import estimate
from tests.decoding.ngram.made_up import as_blocks, assert_same_model, backoff_models, lines
from tests.reference import ngrams


def walk(tables, words, sentence):
    """The log10 probability of each word of the sentence, and the state at the end."""
    state = tables.first_states[words.number("<s>")]
    figures = []
    for word in sentence:
        log_prob, state = score(tables, state, words.number(word))
        figures.append(log_prob / math.log(10))
    return figures, state


def by_definition(model, order, sentence):
    """The same from a dictionary, each word after the `order - 1` before it."""
    figures = []
    for end in range(1, len(sentence) + 1):
        history = ("<s>", *sentence[: end - 1])[-(order - 1) :] if order > 1 else ()
        figures.append(ngrams.backed_off(model, tuple(history), sentence[end - 1]))
    return figures


@pytest.fixture
def read_text(tmp_path):
    def read_model(model, order):
        path = tmp_path / "m.arpa"
        path.write_text(ngrams.arpa(model, order), encoding="utf-8")
        return read_arpa(path, pytest.fail)

    return read_model


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    drawn=backoff_models(), sentence=st.lists(st.sampled_from(["a", "b", "c", "<unk>", "</s>"]), max_size=12)
)
def test_any_model_scores_any_sentence_as_back_off_is_defined(read_text, drawn, sentence):
    order, model = drawn
    built = read_text(model, order)
    figures, _ = walk(automaton(built), built.words, sentence)
    assert figures == pytest.approx(by_definition(model, order, sentence), abs=1e-4)


@settings(deadline=None, max_examples=30)
@given(
    lines=lines,
    order=st.integers(1, 5),
    sentence=st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12),
)
def test_an_estimated_model_scores_as_back_off_is_defined(lines, order, sentence):
    model = estimate(count_ngrams(as_blocks(lines), order), fall_back=True)
    spelled = ngrams.spelled(model)
    known = [word if (word,) in spelled else "<unk>" for word in sentence]
    figures, _ = walk(automaton(model), model.words, sentence)
    assert figures == pytest.approx(by_definition(spelled, order, known), abs=1e-4)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=backoff_models())
def test_the_model_comes_back_out_of_its_automaton(read_text, drawn):
    order, model = drawn
    built = read_text(model, order)
    tables = automaton(built)
    back = backoff_model(tables, built.words, tuple(len(ngrams) for ngrams in built.orders))
    assert_same_model(ngrams.spelled(back), model, tolerance=1e-6)


def test_histories_that_end_alike_meet_in_one_state():
    model = estimate(count_ngrams([b"a b c\nb c d\nx b c\n"], 3), fall_back=True)
    tables = automaton(model)
    ends = {
        walk(tables, model.words, sentence)[1] for sentence in (["a", "b", "c"], ["x", "b", "c"], ["b", "c"])
    }
    assert len(ends) == 1
    assert ends != {EMPTY_HISTORY}


def test_a_history_that_the_model_never_continues_is_the_empty_one():
    model = estimate(count_ngrams([b"a b c\n"], 3), fall_back=True)
    assert walk(automaton(model), model.words, ["never", "heard"])[1] == EMPTY_HISTORY
