"""The windows of a recording become one list of hypotheses: the likeliest of all combinations."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.decoding.hypothesis import Hypothesis, Word
from speechrnn.runtime.transcript import joined


def hypothesis_of(text: str, score: float) -> Hypothesis:
    return Hypothesis(text, tuple(Word(word, 0.0, 1.0, 0.5) for word in text.split()), score)


scores = st.lists(st.floats(-50, 0, width=16), min_size=1, max_size=4, unique=True)


@given(st.lists(scores, min_size=1, max_size=4))
def test_they_are_the_likeliest_of_all_combinations(windows_scores):
    windows = [
        [hypothesis_of(f"w{window}h{rank}", score) for rank, score in enumerate(sorted(some, reverse=True))]
        for window, some in enumerate(windows_scores)
    ]
    found = joined(windows)
    expected = sorted((sum(one.score for one in pick) for pick in product(*windows)), reverse=True)
    assert len(found) == max(map(len, windows))
    assert [one.score for one in found] == pytest.approx(expected[: len(found)])
    assert len({one.text for one in found}) == len(found)
    assert found[0].text == " ".join(window[0].text for window in windows)
    for one in found:
        assert one.text == " ".join(word.text for word in one.words)


def test_equal_texts_come_once():
    found = joined(
        [
            [hypothesis_of(text, score) for text, score in (("a", -1), ("a b", -1.25), ("x", -9), ("y", -9))],
            [hypothesis_of("b c", -1), hypothesis_of("c", -1.125)],
        ]
    )
    assert [one.text for one in found] == ["a b c", "a c", "a b b c"]
    assert found[0].score == -2


def test_silence_adds_no_space():
    windows = [[hypothesis_of("a", -1)], [hypothesis_of("", -1)], [hypothesis_of("b", -1)]]
    assert joined(windows)[0].text == "a b"


def test_a_recording_without_windows_is_an_empty_text():
    assert joined([]) == (Hypothesis("", (), 0.0),)
