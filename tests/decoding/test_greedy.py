"""Greedy decoding merges, drops blanks, and says when and how surely each word was said."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.decoding.greedy import greedy
from speechrnn.errors import SpeechRnnError
from speechrnn.text import BLANK, Vocabulary
from tests.reference.greedy import greedy_reference

LETTERS = Vocabulary("characters", (BLANK, " ", "a", "b"))
PIECES = Vocabulary("bpe", (BLANK, "▁", "▁a", "b", "▁ab"))


def path(*tokens: int, width: int = 4, probability: float = 0.9) -> np.ndarray:
    """Log-probabilities [frames, tokens] whose best path is `tokens`."""
    probabilities = np.full((len(tokens), width), (1 - probability) / (width - 1), np.float32)
    probabilities[np.arange(len(tokens)), tokens] = probability
    return np.log(probabilities)


def test_repetitions_merge_and_a_blank_between_them_keeps_both():
    assert greedy(path(2, 2, 0, 2, 3), LETTERS, 0.1).text == "aab"


def test_a_word_lasts_from_its_first_frame_to_its_last():
    hypothesis = greedy(path(0, 2, 0, 3, 3, 1, 0, 2), LETTERS, 0.1)
    assert [word.text for word in hypothesis.words] == ["ab", "a"]
    times = [time for word in hypothesis.words for time in (word.start, word.end)]
    assert times == pytest.approx([0.1, 0.5, 0.7, 0.8])


def test_confidence_is_the_product_of_the_peaks_of_the_tokens():
    log_probs = np.concatenate([path(2, probability=0.6), path(2, probability=0.9), path(3, probability=0.5)])
    assert greedy(log_probs, LETTERS, 0.1).words[0].confidence == pytest.approx(0.9 * 0.5)


def test_pieces_that_carry_the_boundary_begin_words():
    hypothesis = greedy(path(2, 3, 0, 3, 4, 1, 3, width=5), PIECES, 0.1)
    assert hypothesis.text == "abb ab b"


def test_silence_and_no_frames_have_no_words():
    assert greedy(path(0, 1, 0, 1), LETTERS, 0.1).words == ()
    assert greedy(np.zeros((0, 4), np.float32), LETTERS, 0.1).text == ""


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from([LETTERS, PIECES]))
def test_agrees_with_the_slow_reference(seed, frames, vocabulary):
    logits = np.random.default_rng(seed).normal(0, 2, (frames, len(vocabulary))).astype(np.float32)
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    hypothesis = greedy(log_probs, vocabulary, 0.03)
    words, score = greedy_reference(log_probs, vocabulary, 0.03)
    assert [word.text for word in hypothesis.words] == [word for word, *_ in words]
    found = [(word.start, word.end, word.confidence) for word in hypothesis.words]
    assert np.allclose(found, [numbers for _, *numbers in words], atol=1e-5)
    assert hypothesis.score == pytest.approx(score, rel=1e-4, abs=1e-4)
    assert all(0 <= word.confidence <= 1 for word in hypothesis.words)
    assert hypothesis.text == vocabulary.spell(tokens_of(log_probs))


def tokens_of(log_probs: np.ndarray) -> list[int]:
    best = log_probs.argmax(axis=1)
    return [token for token, before in zip(best, [0, *best], strict=False) if token not in (0, before)]


@pytest.mark.parametrize("shape", [(3,), (3, 5), (1, 3, 4)])
def test_an_array_that_does_not_fit_the_vocabulary_is_refused(shape):
    with pytest.raises(SpeechRnnError, match="wanted \\[frames, 4\\]"):
        greedy(np.zeros(shape, np.float32), LETTERS, 0.1)


def test_nan_is_refused():
    with pytest.raises(SpeechRnnError, match="NaN"):
        greedy(np.full((2, 4), np.nan, np.float32), LETTERS, 0.1)


def test_loads_neither_numba_nor_torch():
    program = "import sys, speechrnn.decoding.greedy; print(sorted({'numba', 'torch'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
