"""Recordings come out faster, reverberant, noisy, louder or softer: by how much, and the same every time."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from speechrnn import config
from speechrnn.training.augmentation.draws import generator, utterance_seed
from speechrnn.training.augmentation.made_up_noise import KINDS, fast_fft_size, made_up_noise, shaped_noise
from speechrnn.training.augmentation.waveforms import (
    at_speed,
    augment,
    convolved,
    dithered,
    drawn_speeds,
    in_a_room,
    made_up_room,
    shifted,
    with_gain,
    with_noise,
)
from tests.reference.features import speech_like

RATE = 16000
NOTHING = config.Augmentation(
    speeds=(1.0,), shift_ms=0, gain_low_db=0, gain_high_db=0, noise_share=0, reverb_share=0, dither=0
)


def seed(number: int = 0) -> int:
    return utterance_seed(0, 0, str(number))


def draws(number: int = 0) -> np.random.Generator:
    return generator(seed(number))


def power(samples: np.ndarray) -> float:
    return float(np.square(samples, dtype=np.float64).mean())


def test_with_everything_off_samples_are_what_they_were() -> None:
    samples = speech_like(np.random.default_rng(0), 3000)
    np.testing.assert_array_equal(augment(samples, seed(), NOTHING, RATE), samples)


@settings(deadline=None, max_examples=60)
@given(length=st.integers(0, 4000), number=st.integers(0, 10**6))
def test_any_recording_survives_and_an_utterance_repeats_itself(length, number) -> None:
    samples = speech_like(np.random.default_rng(1), length)
    before = samples.copy()
    everything = config.Augmentation(noise_share=1, reverb_share=1)
    first = augment(samples, seed(number), everything, RATE)
    np.testing.assert_array_equal(augment(samples, seed(number), everything, RATE), first)
    np.testing.assert_array_equal(samples, before)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert len(first) in [round(length / speed) + offset for speed in (0.9, 1, 1.1) for offset in (-1, 0, 1)]


def test_utterances_and_epochs_differ() -> None:
    samples = np.zeros(100, np.float32)
    settings = config.Augmentation(speeds=(1.0,))
    seeds = [utterance_seed(0, epoch, name) for epoch in (0, 1) for name in ("a", "b")]
    results = [augment(samples, seed, settings, RATE) for seed in seeds]
    assert len({result.tobytes() for result in results}) == 4


@given(length=st.integers(0, 50), by=st.integers(-60, 60))
def test_a_shifted_recording_lost_what_left_it_and_nothing_else(length, by) -> None:
    samples = np.arange(1, length + 1, dtype=np.float32)
    result = shifted(samples, by)
    assert len(result) == length
    if abs(by) >= length:
        np.testing.assert_array_equal(result, samples)  # too short to be moved that far
        return
    for place in range(length):
        assert result[place] == (samples[place - by] if 0 <= place - by < length else 0)


def test_shifts_reach_as_far_as_they_may_either_way() -> None:
    click = np.zeros(2000, np.float32)
    click[1000] = 1
    settings = dataclasses.replace(NOTHING, shift_ms=30)
    places = [int(np.argmax(augment(click, seed(number), settings, RATE))) - 1000 for number in range(300)]
    assert -480 <= min(places) < -440
    assert 440 < max(places) <= 480
    assert len(set(places)) > 200


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_speed_changes_length_and_pitch(speed) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE).astype(np.float32)
    changed = at_speed(tone, speed, RATE)
    assert abs(len(changed) - 2 * RATE / speed) <= 1
    strongest = np.argmax(np.abs(np.fft.rfft(changed))) * RATE / len(changed)
    assert strongest == pytest.approx(440 * speed, abs=1)
    assert power(changed) == pytest.approx(0.5, rel=0.01)


def test_every_speed_is_drawn_alike() -> None:
    samples = np.zeros(990, np.float32)
    settings = dataclasses.replace(NOTHING, speeds=(0.9, 1.0, 1.1))
    lengths = [len(augment(samples, seed(number), settings, RATE)) for number in range(600)]
    values, counts = np.unique(lengths, return_counts=True)
    assert list(values) == [900, 990, 1100]
    assert counts.min() > 150


def test_a_plan_knows_the_speed_that_an_utterance_will_have() -> None:
    settings = dataclasses.replace(NOTHING, speeds=(0.9, 1.0, 1.1))
    speeds = drawn_speeds([seed(number) for number in range(20)], settings)
    lengths = [len(augment(np.zeros(990, np.float32), seed(number), settings, RATE)) for number in range(20)]
    assert lengths == np.rint(990 / speeds).tolist()


def test_a_room_convolves_and_keeps_start_length_and_level() -> None:
    samples = speech_like(np.random.default_rng(2), 5000)
    room = made_up_room(draws(), RATE)
    heard = in_a_room(samples, room)
    slow = np.convolve(samples.astype(np.float64), room)[: len(samples)]
    slow *= np.sqrt(power(samples) / power(slow))
    np.testing.assert_allclose(heard, slow, atol=1e-5)


def test_rooms_start_with_the_direct_sound_and_fade() -> None:
    ratios = []
    for number in range(50):
        room = made_up_room(draws(number), RATE)
        assert room[0] == 1
        assert 0.09 * RATE < len(room) < 0.61 * RATE
        quarter = len(room) // 4
        assert power(room[-quarter:]) < 0.01 * power(room[quarter : 2 * quarter])
        ratios.append(-10 * np.log10(np.square(room[1:]).sum()))
    assert min(ratios) >= -0.01
    assert max(ratios) <= 15.01


@pytest.mark.parametrize("snr", [0.0, 10.0, 40.0])
def test_noise_lies_below_the_signal_by_the_ratio_asked_for(snr) -> None:
    samples = speech_like(np.random.default_rng(3), RATE)
    noise = made_up_noise(draws(), len(samples), RATE)
    added = with_noise(samples, noise, snr).astype(np.float64) - samples
    assert 10 * np.log10(power(samples) / power(added)) == pytest.approx(snr, abs=0.05)


def test_noise_for_silence_is_left_out() -> None:
    np.testing.assert_array_equal(with_noise(np.zeros(100, np.float32), np.ones(100, np.float32), 10), 0)


@pytest.mark.parametrize(("kind", "slope"), [("white", 0.0), ("pink", -3.0), ("brown", -6.0)])
def test_coloured_noises_fall_by_their_slope_in_each_octave(kind, slope) -> None:
    noise = shaped_noise(draws(), 8 * RATE, RATE, KINDS[kind])
    spectrum = np.square(np.abs(np.fft.rfft(noise)))
    hertz = np.fft.rfftfreq(len(noise), 1 / RATE)
    levels = [
        10 * np.log10(spectrum[(hertz >= low) & (hertz < 2 * low)].mean())
        for low in 100 * 2.0 ** np.arange(6)
    ]
    np.testing.assert_allclose(np.diff(levels), slope, atol=0.6)


def test_hum_sits_on_the_harmonics_of_the_mains() -> None:
    for number in range(5):
        noise = shaped_noise(draws(number), 8 * RATE, RATE, KINDS["hum"])
        spectrum = np.square(np.abs(np.fft.rfft(noise * np.hanning(len(noise)))))
        hertz = np.fft.rfftfreq(len(noise), 1 / RATE)
        shares = [
            spectrum[np.abs(hertz - mains * np.rint(hertz / mains)) < 1.5].sum() / spectrum.sum()
            for mains in (50, 60)
        ]
        assert max(shares) > 0.9


def test_murmur_is_low_and_wavers() -> None:
    noises = [made_up_noise(draws(number), 4 * RATE, RATE) for number in range(40)]
    murmurs = [noise for number, noise in enumerate(noises) if draws(number).integers(len(KINDS)) == 3]
    assert list(KINDS)[3] == "murmur"
    assert murmurs
    for noise in murmurs:
        spectrum = np.square(np.abs(np.fft.rfft(noise)))
        hertz = np.fft.rfftfreq(len(noise), 1 / RATE)
        assert spectrum[hertz < 1000].sum() > 0.8 * spectrum.sum()
        levels = 10 * np.log10(np.square(noise).reshape(-1, 800).mean(axis=1))
        assert levels.std() > 2


def test_every_kind_of_noise_is_drawn() -> None:
    drawn = {int(draws(number).integers(len(KINDS))) for number in range(100)}
    assert drawn == set(range(len(KINDS)))


@given(st.integers(1, 10**6))
def test_fast_sizes_are_large_enough_smooth_and_near(samples) -> None:
    size = fast_fft_size(samples)
    assert samples <= size <= max(16, 1.26 * samples)
    for prime in (2, 3, 5):
        while size % prime == 0:
            size //= prime
    assert size == 1


def test_gain_is_what_was_asked_for_unless_it_would_overload() -> None:
    samples = np.array([0.1, -0.2, 0.4], np.float32)
    np.testing.assert_allclose(with_gain(samples, -20), samples / 10, rtol=1e-6)
    np.testing.assert_allclose(with_gain(samples, 6), samples * 10**0.3, rtol=1e-6)
    np.testing.assert_allclose(with_gain(samples * 2, 6), samples / 0.4, rtol=1e-6)
    np.testing.assert_array_equal(with_gain(samples * 4, 6), samples * 4)


def test_gains_spread_over_their_range() -> None:
    samples = np.full(10, 1e-3, np.float32)
    settings = dataclasses.replace(NOTHING, gain_low_db=-30, gain_high_db=6)
    gains = [20 * np.log10(augment(samples, seed(n), settings, RATE)[0] / 1e-3) for n in range(400)]
    assert -30 <= min(gains) < -28
    assert 4 < max(gains) <= 6
    assert np.mean(gains) == pytest.approx(-12, abs=1.5)


def test_dither_is_gaussian_noise_of_so_many_steps() -> None:
    noise = dithered(np.zeros(50_000, np.float32), draws(), 2.0) * 32768
    assert noise.mean() == pytest.approx(0, abs=0.05)
    assert noise.std() == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("share", ["noise_share", "reverb_share"])
def test_shares_of_utterances_are_kept(share) -> None:
    samples = speech_like(np.random.default_rng(4), 800)
    settings = dataclasses.replace(NOTHING, **{share: 0.3})
    changed = [not np.array_equal(augment(samples, seed(n), settings, RATE), samples) for n in range(500)]
    assert np.mean(changed) == pytest.approx(0.3, abs=0.07)


def test_a_room_rounds_alike_wherever_in_memory_the_samples_lie():
    """Worker processes, and runs that continue, have the same samples at other addresses."""
    samples = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    room = made_up_room(generator(1), 16000)
    expected = convolved(samples, room)
    for offset in range(1, 16):
        elsewhere = np.empty(len(samples) + offset, np.float32)[offset:]
        elsewhere[:] = samples
        assert np.array_equal(convolved(elsewhere, room), expected)
