"""A search that is fed in chunks ends where the search in one go ends, and what it called stable stays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.decoding.beam import stream as stream_module
from speechrnn.decoding.beam.grammar import grammar
from speechrnn.decoding.beam.hot_words import HotWord
from speechrnn.decoding.beam.search import BeamSearch
from speechrnn.decoding.beam.settings import BeamSettings
from tests.decoding.beam.search_cases import LETTERS, PIECES, random_log_probs, trigrams

SEARCHES = {
    "letters and a word n-gram": BeamSearch(
        LETTERS, BeamSettings(beam=12, nbest=4), language_model=trigrams(), hot_words=[HotWord("ab a")]
    ),
    "letters and a lexicon": BeamSearch(LETTERS, BeamSettings(beam=7, nbest=4), lexicon=["a", "ab", "bb"]),
    "pieces and a piece n-gram": BeamSearch(
        PIECES, BeamSettings(beam=9, nbest=4), language_model=trigrams("pieces")
    ),
}


def fed(search: BeamSearch, log_probs: np.ndarray, cuts: list[int]):
    """The stream of `search` after all of `log_probs`, cut at these frames, and its partial results."""
    stream = search.stream(0.04)
    partials = []
    for chunk in np.split(log_probs, sorted(cuts)):
        stream.push(chunk)
        partials.append(stream.partial())
    return stream, partials


@pytest.mark.parametrize("name", SEARCHES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(0, 700), max_size=6))
def test_chunks_change_nothing(name, seed, cuts):
    search = SEARCHES[name]
    log_probs = random_log_probs(seed, 700, len(search.vocabulary), 2.5)
    stream, _ = fed(search, log_probs, cuts)
    assert stream.finish() == search.decode(log_probs, 0.04)


@pytest.mark.parametrize("name", SEARCHES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_stable_words_stay(name, seed):
    search = SEARCHES[name]
    log_probs = random_log_probs(seed, 120, len(search.vocabulary), 3.0)
    stream, partials = fed(search, log_probs, list(range(4, 120, 4)))
    results = stream.finish()
    for partial in partials:
        stable = partial.hypothesis.text.split()[: partial.stable]
        assert len(stable) == partial.stable
        for result in results:
            assert result.text.split()[: partial.stable] == stable


def test_the_beginning_is_stable_however_unclear_the_recording():
    log_probs = random_log_probs(1, 300, len(LETTERS), 6.0)
    stream, partials = fed(SEARCHES["letters and a word n-gram"], log_probs, [])
    assert partials[0].stable > len(stream.finish()[0].words) / 3


def test_a_partial_result_holds_the_word_that_is_being_said():
    log_probs = np.log(np.full((5, 4), 1e-4, np.float32))
    log_probs[np.arange(5), [2, 3, 1, 0, 3]] = -3e-4
    _, partials = fed(SEARCHES["letters and a word n-gram"], log_probs, [])
    assert partials[0].hypothesis.text == "ab b"
    assert [(word.text, round(word.start, 2)) for word in partials[0].hypothesis.words] == [
        ("ab", 0),
        ("b", 0.16),
    ]


def test_with_a_grammar_nothing_is_stable_before_the_end():
    search = BeamSearch(LETTERS, BeamSettings(beam=4), grammar=grammar("a b a b"))
    log_probs = np.log(np.full((6, 4), 1e-4, np.float32))
    log_probs[np.arange(6), [2, 1, 3, 1, 2, 1]] = -3e-4
    _, partials = fed(search, log_probs, [])
    assert (partials[0].hypothesis.text, partials[0].stable) == ("a b a", 0)
    assert fed(search, log_probs, [])[0].finish()[0].text == ""


def test_a_stream_that_was_asked_for_its_end_goes_on():
    log_probs = random_log_probs(5, 60, len(LETTERS), 2.0)
    search = SEARCHES["letters and a word n-gram"]
    stream = search.stream(0.04)
    stream.push(log_probs[:30])
    assert stream.finish() == search.decode(log_probs[:30], 0.04)
    stream.push(log_probs[30:])
    assert stream.finish() == search.decode(log_probs, 0.04)


def test_pushed_arrays_may_be_used_again():
    log_probs = random_log_probs(6, 60, len(LETTERS), 2.0)
    search = SEARCHES["letters and a word n-gram"]
    stream, buffer = search.stream(0.04), np.empty((30, len(LETTERS)), np.float32)
    for start in (0, 30):
        buffer[:] = log_probs[start : start + 30]
        stream.push(buffer)
    buffer[:] = -1.0
    assert stream.finish() == search.decode(log_probs, 0.04)


def test_what_was_dropped_takes_no_memory():
    stream = BeamSearch(LETTERS, BeamSettings(beam=10)).stream(0.04)
    for seed in range(40):
        stream.push(random_log_probs(seed, stream_module.CLEAR_EVERY, len(LETTERS), 4.0))
    kept = int(stream._searches[0].beam.counts[0])
    assert kept < 2 * 40 * stream_module.CLEAR_EVERY  # of up to 10 a frame
