"""Aligning a text: the words lie where the best of all paths writes them, and their scores say how well."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.decoding.alignment import align, frame_edges
from speechrnn.decoding.greedy import greedy
from speechrnn.errors import SpeechRnnError
from speechrnn.text import BLANK, Vocabulary
from tests.reference.alignment import align_reference

LETTERS = Vocabulary("characters", (BLANK, " ", "a", "b"))


def random_log_probs(seed: int, frames: int) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(0, 2, (frames, len(LETTERS)))
    return (logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).astype(np.float32)


def peaked(*tokens: int, probability: float = 0.9) -> np.ndarray:
    """Log-probabilities [frames, tokens] whose likeliest path is `tokens`."""
    probabilities = np.full((len(tokens), len(LETTERS)), (1 - probability) / 3, np.float32)
    probabilities[np.arange(len(tokens)), tokens] = probability
    return np.log(probabilities)


def aligned(log_probs, *lines, frame_seconds=1.0):
    return align(log_probs, lines, LETTERS, frame_edges(len(log_probs), frame_seconds))


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 7), st.sampled_from(["a", "bb", "ab", "a b", "ab a", "b aa"])
)
def test_words_lie_where_the_best_of_all_paths_writes_them(seed, frames, text):
    log_probs = random_log_probs(seed, frames)
    wanted = align_reference(log_probs.astype(np.float64), text.split(), LETTERS)
    if wanted is None:
        with pytest.raises(SpeechRnnError, match="transcript: its"):
            aligned(log_probs, text)
        return
    found = [(word.text, word.start, word.end) for word in aligned(log_probs, text).words]
    assert found == [(word, first, end) for word, first, end, _ in wanted]
    scores = [word.score for word in aligned(log_probs, text).words]
    assert scores == pytest.approx([score for *_, score in wanted], rel=1e-4)
    assert all(0 <= score <= 1 for score in scores)


def test_what_the_network_hears_has_score_one_and_the_times_of_greedy_decoding():
    log_probs = peaked(0, 2, 2, 0, 3, 1, 0, 3, 0)
    alignment, heard = aligned(log_probs, "ab b", frame_seconds=0.04), greedy(log_probs, LETTERS, 0.04)
    assert [word.score for word in alignment.words] == [1, 1]
    assert alignment.score == pytest.approx(heard.score)
    assert [(w.text, w.start, w.end) for w in alignment.words] == [
        (w.text, pytest.approx(w.start), pytest.approx(w.end)) for w in heard.words
    ]


def test_a_wrong_word_has_a_low_score_and_leaves_the_others_theirs():
    wrong, right = aligned(peaked(2, 0, 2, 1, 3), "bb b").words
    assert wrong.score < 0.1
    assert right.score == 1


def test_lines_are_segments_and_words_are_made_of_letters():
    first, second = aligned(peaked(2, 3, 1, 2, 1, 0, 3), "ab a", "", "b").segments
    assert (first.text, first.start, first.end) == ("ab a", 0, 4)
    assert (second.text, second.start, second.end) == ("b", 6, 7)
    assert [(letter.text, letter.start, letter.end) for letter in first.words[0].letters] == [
        ("a", 0, 1),
        ("b", 1, 2),
    ]


def test_a_segments_score_is_the_geometric_mean_over_its_letters():
    (segment,) = aligned(peaked(2, 0, 2, 1, 2), "bb a").segments
    wrong, right = segment.words
    assert segment.score == pytest.approx((wrong.score**2 * right.score) ** (1 / 3))


def test_times_come_from_the_edges_of_the_frames():
    edges = np.array([0.0, 0.1, 0.2, 0.25, 0.35])
    (word,) = align(peaked(0, 2, 3, 0), ["ab"], LETTERS, edges).words
    assert (word.start, word.end) == (0.1, 0.25)
    assert [letter.end for letter in word.letters] == [0.2, 0.25]
    with pytest.raises(ValueError, match="have 5 edges"):
        align(peaked(0, 2, 3, 0), ["ab"], LETTERS, edges[1:])


def test_a_lower_frame_changes_the_score_alone():
    log_probs = random_log_probs(3, 30)
    lower = log_probs - np.linspace(0, 3, 30, dtype=np.float32)[:, None]
    before, after = aligned(log_probs, "ab ba"), aligned(lower, "ab ba")
    assert after.score == pytest.approx(before.score - 45, rel=1e-5)
    assert [word.start for word in after.words] == [word.start for word in before.words]
    assert [word.score for word in after.words] == pytest.approx(
        [word.score for word in before.words], rel=1e-4
    )


def test_a_word_that_the_model_cannot_write_takes_what_is_left_for_it():
    alignment = aligned(peaked(2, 1, 0, 3, 3, 0, 1, 2), "a 1999 a")
    assert alignment.unwritable == ("1999",)
    assert [(word.text, word.start, word.end) for word in alignment.words] == [
        ("a", 0, 1),
        ("1999", 3, 5),
        ("a", 7, 8),
    ]


@pytest.mark.parametrize(
    ("log_probs", "complaint"),
    [
        (np.full((4, 4), np.nan, np.float32), "NaN"),
        (np.full((4, 4), np.inf, np.float32), "inf"),
        (np.full((4, 4), 3, np.float32), "above 0"),
        (np.full((4, 4), 0.25, np.float32), "these are probabilities"),
        (np.zeros((4, 5), np.float32), r"wanted \[frames, 4\]"),
        (np.zeros((0, 4), np.float32), "need 1 frames, and 0.00 s of sound have 0"),
    ],
    ids=["NaN", "inf", "positive", "probabilities", "width", "no frames"],
)
def test_what_are_no_log_probabilities_is_refused(log_probs, complaint):
    with pytest.raises(SpeechRnnError, match=complaint):
        aligned(log_probs, "a")


def test_a_text_that_is_too_long_for_the_sound_is_refused():
    with pytest.raises(SpeechRnnError, match=r"its 3 letters need 5 frames, and 0\.40 s of sound have 4"):
        aligned(peaked(2, 2, 2, 2), "aaa", frame_seconds=0.1)


def test_a_text_that_the_network_excludes_is_refused():
    with pytest.raises(SpeechRnnError, match="probability 0"):
        aligned(np.where(np.arange(4) == 0, 0, -np.inf)[None].repeat(3, 0).astype(np.float32), "a")


@pytest.mark.parametrize("lines", [[], [""], ["  ", "..."], ["xyz 12"]])
def test_a_text_without_a_known_letter_is_refused(lines):
    with pytest.raises(SpeechRnnError, match="transcript: has no word"):
        aligned(peaked(2, 2), *lines)
