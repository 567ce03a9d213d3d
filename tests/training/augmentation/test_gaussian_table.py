import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from speechrnn.training.augmentation.draws import generator
from speechrnn.training.augmentation.gaussian_table import TABLE_SIZE, gaussian


def test_all_moments_and_the_spectrum_are_those_of_white_gaussian_noise() -> None:
    noise = gaussian(generator(1), 1 << 20).astype(np.float64)
    moments = [np.mean(noise**power) for power in (1, 2, 3, 4)]
    np.testing.assert_allclose(moments, [0, 1, 0, 3], atol=0.03)
    powers = np.square(np.abs(np.fft.rfft(noise)))[1:].reshape(-1, 256).mean(axis=1) / len(noise)
    assert powers.mean() == pytest.approx(1, abs=0.01)
    assert powers.std() < 0.1


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(-(2**63), 2**63 - 1), count=st.integers(0, 5000))
def test_noise_depends_on_the_generator_alone(seed, count) -> None:
    first = gaussian(generator(seed), count)
    assert first.shape == (count,)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(gaussian(generator(seed), count), first)


def test_utterances_get_different_noise() -> None:
    noises = [gaussian(generator(seed), 2000) for seed in range(20)]
    alike = np.corrcoef(noises) - np.eye(20)
    assert np.abs(alike).max() < 0.15


def test_nobody_can_spoil_the_table() -> None:
    with pytest.raises(ValueError, match="read-only"):
        gaussian(generator(0), 10)[0] = 0


def test_more_than_the_table_holds_repeats_it() -> None:
    noise = gaussian(generator(0), TABLE_SIZE + 5)
    np.testing.assert_array_equal(noise[-5:], noise[:5])
