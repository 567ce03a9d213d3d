"""Words are judged by the fewest edits; both figures of quality agree with their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.decoding.confidence_quality import (
    area_under_roc,
    expected_calibration_error,
    judged_words,
    right_words,
)
from speechrnn.decoding.hypothesis import Word


def words_of(text: str, confidence: float = 0.5) -> list[Word]:
    return [Word(word, 0, 1, confidence) for word in text.split()]


@pytest.mark.parametrize(
    ("recognised", "reference", "wanted"),
    [
        ("the cat sat", "the cat sat", [True, True, True]),
        ("the hat sat", "the cat sat", [True, False, True]),
        ("the cat sat", "the sat", [True, False, True]),
        ("the sat", "the cat sat", [True, True]),
        ("THE CAT", "the cat", [True, True]),
        ("a b", "", [False, False]),
        ("", "a b", []),
    ],
)
def test_words_are_right_where_the_reference_has_them(recognised, reference, wanted):
    assert right_words(words_of(recognised), reference) == wanted


def test_the_words_of_all_recordings_are_judged():
    judged = judged_words([(words_of("ab c", 0.7), "ab d"), (words_of("e"), "e")])
    assert list(judged.confidences) == [0.7, 0.7, 0.5]
    assert list(judged.letters) == [2, 1, 1]
    assert list(judged.right) == [True, False, True]


values = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.99, 1.0]), st.booleans()), max_size=40)


@given(values)
def test_the_area_is_the_share_of_pairs_in_the_right_order(words):
    right = [value for value, flag in words if flag]
    wrong = [value for value, flag in words if not flag]
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in right for b in wrong]
    found = area_under_roc(np.array([v for v, _ in words]), np.array([f for _, f in words], bool))
    if pairs:
        assert found == pytest.approx(sum(pairs) / len(pairs))
    else:
        assert math.isnan(found)


@given(values)
def test_the_calibration_error_is_the_mean_distance_in_bins(words):
    bins: dict[int, list[tuple[float, bool]]] = {}
    for value, right in words:
        bins.setdefault(min(int(value * 10), 9), []).append((value, right))
    wanted = sum(abs(sum(v for v, _ in one) - sum(r for _, r in one)) for one in bins.values())
    found = expected_calibration_error(np.array([v for v, _ in words]), np.array([r for _, r in words], bool))
    assert found == pytest.approx(wanted / max(len(words), 1))
