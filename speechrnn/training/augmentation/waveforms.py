"""What happens to a recording on its way into training: speed, shift, a room, noise, level, a codec, dither.

Runs in the data workers, one utterance at a time, between reading (`audio.py`) and batching. Nothing is
recorded or downloaded: rooms and noises are made up from random numbers, all of them drawn from the number
of the utterance (`draws.py`), so that an epoch repeats exactly. Speed: Ko et al. 2015, "Audio augmentation
for speech recognition". Rooms: exponentially decaying noise, after Ko et al. 2017.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import soxr
import torch

from speechrnn import config
from speechrnn.dsp import SIXTEEN_BITS
from speechrnn.training.augmentation import draws
from speechrnn.training.augmentation.codecs import through_codec
from speechrnn.training.augmentation.gaussian_table import gaussian
from speechrnn.training.augmentation.made_up_noise import made_up_noise

Samples = npt.NDArray[np.float32]


def augment(samples: Samples, seed: int, settings: config.Augmentation, sample_rate: int) -> Samples:
    """Return a changed copy of `samples` [samples]; only a speed other than 1 changes their number.

    `seed` is the number that all draws for the utterance come from.
    """
    generator = draws.generator(seed)
    changed = at_speed(samples, float(drawn_speeds([seed], settings)[0]), sample_rate)
    farthest = settings.shift_ms / 1000 * sample_rate
    changed = shifted(changed, round(generator.uniform(-farthest, farthest)))
    if generator.random() < settings.reverb_share:
        changed = in_a_room(changed, made_up_room(generator, sample_rate))
    if generator.random() < settings.noise_share:
        noise = made_up_noise(generator, len(changed), sample_rate)
        changed = with_noise(changed, noise, generator.uniform(settings.snr_low_db, settings.snr_high_db))
    changed = with_gain(changed, generator.uniform(settings.gain_low_db, settings.gain_high_db))
    if generator.random() < settings.codec_share:
        changed = through_codec(changed, generator, sample_rate)
    return dithered(changed, generator, settings.dither)


def drawn_speeds(seeds: Sequence[int], settings: config.Augmentation) -> npt.NDArray[np.float64]:
    """Return the speeds [utterances] by the numbers of utterances: plans have to know all of them at once."""
    drawn = draws.uniform(torch.tensor(seeds, dtype=torch.int64), draws.Stream.SPEED, 1)[:, 0]
    speeds = np.array(settings.speeds, np.float64)
    return speeds[(drawn.double().numpy() * len(speeds)).astype(np.int64)]


def at_speed(samples: Samples, speed: float, sample_rate: int) -> Samples:
    """Return `samples` played at `speed`, pitch included: 1.1 is shorter and higher."""
    if speed == 1.0 or len(samples) == 0:
        return samples
    resampled: Samples = soxr.resample(samples, sample_rate * speed, sample_rate, quality="LQ")
    return resampled


def shifted(samples: Samples, by: int) -> Samples:
    """Return `samples`, as many as they were, `by` samples later: silence comes in where nothing was.

    The frames of the network fall on other places of the recording then.
    """
    if by == 0 or abs(by) >= len(samples):
        return samples
    silence = np.zeros(abs(by), np.float32)
    return np.concatenate([silence, samples[:-by]] if by > 0 else [samples[-by:], silence])


def made_up_room(generator: np.random.Generator, sample_rate: int) -> Samples:
    """Return an impulse response [samples]: the direct sound at once, a few echoes, then decaying noise.

    The time to decay by 60 dB is 0.1 to 0.6 s; direct sound is 0 to 15 dB louder than all of the rest.
    """
    decay_seconds = generator.uniform(0.1, 0.6)
    first, last = int(0.005 * sample_rate), int(0.05 * sample_rate)  # echoes from the walls nearby
    time = np.arange(1, int(decay_seconds * sample_rate)) / sample_rate
    tail = generator.standard_normal(len(time)) * np.exp(-math.log(1e3) / decay_seconds * time)
    tail[:first] = 0
    tail[generator.integers(first, last, size=6)] *= 8
    rest = math.sqrt(np.square(tail).sum() * 10 ** (generator.uniform(0, 15) / 10))
    return np.concatenate([[1.0], tail / rest]).astype(np.float32)


def in_a_room(samples: Samples, room: Samples) -> Samples:
    """Return `samples` as heard in `room`: as long, as loud and starting when they did."""
    if len(samples) == 0:
        return samples
    heard = convolved(samples, room)
    level = math.sqrt(np.square(samples).sum() / max(float(np.square(heard).sum()), 1e-12))
    return heard * np.float32(level)


def convolved(samples: Samples, room: Samples) -> Samples:
    """Return `samples` through the filter `room`, as many as they were: overlap-add (Stockham 1966).

    Blocks are twice the room's length or more, and so small that the processor's cache holds them; one
    transform of the whole recording takes five times as long.
    """
    size = 1 << (2 * len(room)).bit_length()
    step = size - len(room) + 1  # no block reaches beyond the next one
    count = -(-len(samples) // step)
    blocks = np.pad(samples, (0, count * step - len(samples))).reshape(count, step)
    # numpy's transform, not PyTorch's faster one: that rounds by where in memory the samples happen to lie.
    spectra = np.fft.rfft(blocks, size) * np.fft.rfft(room, size)
    blocks = np.fft.irfft(spectra, size).astype(np.float32)
    blocks[1:, : len(room) - 1] += blocks[:-1, step:]
    heard: Samples = blocks[:, :step].reshape(-1)[: len(samples)]
    return heard


def with_noise(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    """Return `samples` plus `noise` [samples], which is scaled to lie `snr_db` below their mean power."""
    signal_power = float(np.square(samples).mean()) if len(samples) else 0.0
    noise_power = float(np.square(noise).mean()) if len(noise) else 0.0
    if signal_power == 0 or noise_power == 0:
        return samples
    return samples + noise * np.float32(np.sqrt(signal_power / noise_power) * 10 ** (-snr_db / 20))


def with_gain(samples: Samples, gain_db: float) -> Samples:
    """Return `samples` at `gain_db`, or at the highest gain that keeps them within [-1, 1]."""
    peak = float(np.abs(samples).max(initial=1e-6))
    gain = min(10 ** (gain_db / 20), max(1.0, 1.0 / peak))
    return samples * np.float32(gain)


def dithered(samples: Samples, generator: np.random.Generator, steps: float) -> Samples:
    """Return `samples` plus Gaussian noise whose deviation is `steps` of a 16-bit sample."""
    return samples + gaussian(generator, len(samples)) * np.float32(steps / SIXTEEN_BITS)
