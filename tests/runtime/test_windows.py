"""Windows hold every sample once, are never too long, and end in pauses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.runtime.windows import quietest, windows
from tests.reference.windows import quietest_reference

RATE = 200  # a low rate keeps the tests fast; nothing in windows.py depends on it


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=int(seconds * RATE)).astype(np.float32)


def in_blocks(samples: np.ndarray, size: int) -> list[np.ndarray]:
    return [samples[first : first + size] for first in range(0, len(samples), size)]


def test_a_recording_that_fits_is_one_window():
    samples = noise(24)
    (window,) = windows([samples], RATE)
    assert window.start == 0
    np.testing.assert_array_equal(window.samples, samples)


def test_an_empty_recording_has_no_window():
    assert list(windows([], RATE)) == []
    assert list(windows([np.zeros(0, np.float32)], RATE)) == []


def test_a_long_recording_is_cut_in_its_pauses():
    samples = noise(80)
    pauses = np.arange(9, 80, 9)
    for pause in pauses:
        samples[pause * RATE : int((pause + 0.4) * RATE)] *= 0.01
    cuts = [window.start / RATE for window in windows(in_blocks(samples, 700), RATE)][1:]
    assert len(cuts) >= 3
    assert all(any(pause <= cut <= pause + 0.4 for pause in pauses) for cut in cuts)


@settings(deadline=None)
@given(st.floats(0, 200), st.integers(1, 20_000), st.integers(0, 100))
def test_every_sample_is_in_one_window_and_blocks_do_not_matter(seconds, block, seed):
    samples = noise(seconds, seed)
    found = list(windows(in_blocks(samples, block), RATE))
    whole = list(windows([samples], RATE))
    assert [window.start for window in found] == [window.start for window in whole]
    starts = np.cumsum([0, *(len(window.samples) for window in found)])
    assert [window.start for window in found] == list(starts[:-1])
    if found:
        np.testing.assert_array_equal(np.concatenate([window.samples for window in found]), samples)
    lengths = [len(window.samples) / RATE for window in found]
    assert all(length <= 24 for length in lengths)
    assert len(lengths) == 1 or all(length >= 6 for length in lengths)


def test_a_long_recording_is_never_in_memory_whole():
    held = []

    def blocks():
        for number in range(100):
            held.append(number)
            yield noise(10, number)

    next(windows(blocks(), RATE))
    assert len(held) <= 4


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(0, 3))
def test_the_quietest_pause_is_that_of_the_slow_reference(seed, seconds):
    samples = noise(seconds, seed) * np.linspace(0.1, 1, int(seconds * RATE), dtype=np.float32)
    assert quietest(samples, RATE) == quietest_reference(samples, RATE)


@pytest.mark.parametrize("rate", [8000, 16000, 22050])
def test_digital_silence_is_cut_at_its_beginning(rate):
    assert quietest(np.zeros(rate, np.float32), rate) == pytest.approx(0.15 * rate, rel=0.01)
