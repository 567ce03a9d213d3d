"""A codec changes how a recording sounds, not how long it is or when things happen in it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from speechrnn.training.augmentation.codecs import (
    HIGHEST_LEVEL,
    LOWEST_LEVEL,
    MPEG_RATES,
    mp3,
    telephone,
    through_codec,
    vorbis,
)
from tests.reference.features import speech_like

RATE = 16000


def noise(length: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(length)).astype(np.float32)


def band_power(samples: np.ndarray, low_hz: float, high_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / RATE)
    return float(spectrum[(frequencies >= low_hz) & (frequencies < high_hz)].mean())


@settings(deadline=None, max_examples=60)
@given(length=st.integers(0, 6000), number=st.integers(0, 10**6))
def test_any_recording_keeps_its_length_and_comes_out_the_same_every_time(length, number) -> None:
    samples = speech_like(np.random.default_rng(1), length)
    before = samples.copy()
    first = through_codec(samples, np.random.default_rng(number), RATE)
    np.testing.assert_array_equal(through_codec(samples, np.random.default_rng(number), RATE), first)
    np.testing.assert_array_equal(samples, before)
    assert first.dtype == np.float32
    assert first.shape == samples.shape
    assert np.isfinite(first).all()


@pytest.mark.parametrize("codec", [mp3, vorbis, telephone])
@pytest.mark.parametrize("level", [LOWEST_LEVEL, HIGHEST_LEVEL])
def test_nothing_moves_in_time(codec, level) -> None:
    samples = np.zeros(RATE, np.float32)
    samples[7000:7400] = noise(400)
    coded = codec(samples, RATE, level)
    shifts = range(-200, 201)
    alike = [float(np.dot(coded[6000:9000], np.roll(samples, shift)[6000:9000])) for shift in shifts]
    assert abs(shifts[int(np.argmax(alike))]) <= 1


def test_a_telephone_carries_nothing_above_four_kilohertz_and_mp3_little_above_seven() -> None:
    samples = noise(2 * RATE)
    through_telephone = telephone(samples, RATE, LOWEST_LEVEL)
    assert band_power(through_telephone, 4500, 8000) < 1e-3 * band_power(samples, 4500, 8000)
    assert band_power(through_telephone, 500, 3000) == pytest.approx(band_power(samples, 500, 3000), rel=0.05)
    assert band_power(mp3(samples, RATE, HIGHEST_LEVEL), 7600, 8000) < 1e-2 * band_power(samples, 7600, 8000)


def test_more_compression_is_further_from_the_original() -> None:
    samples = speech_like(np.random.default_rng(2), 2 * RATE)
    for codec in (mp3, vorbis):
        little, much = (codec(samples, RATE, level)[: len(samples)] for level in (0.0, HIGHEST_LEVEL))
        assert np.square(much - samples).mean() > np.square(little - samples).mean()


@pytest.mark.parametrize("rate", [*MPEG_RATES, 10000, 18900, 37800])
def test_every_sampling_rate_is_served(rate) -> None:
    samples = speech_like(np.random.default_rng(3), rate)
    for number in range(6):
        assert len(through_codec(samples, np.random.default_rng(number), rate)) == rate


def test_all_of_them_are_drawn() -> None:
    samples = speech_like(np.random.default_rng(4), 3000)
    generator = np.random.default_rng(0)
    silent_above_four = [
        band_power(through_codec(samples, generator, RATE), 4500, 7000)
        < 1e-3 * band_power(samples, 4500, 7000)
        for _ in range(60)
    ]
    assert 10 <= sum(silent_above_four) <= 30
