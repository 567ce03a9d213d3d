"""Noises that nobody recorded: white, pink, brown, mains hum, and a murmur shaped like distant speech.

Used by `waveforms.py`. Each is drawn as a random spectrum of a certain shape and turned into
samples by one inverse FFT, which costs the same for all of them.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from speechrnn.training.augmentation.gaussian_table import gaussian

Samples = npt.NDArray[np.float32]
Shape = Callable[[np.random.Generator, Samples], Samples]


def made_up_noise(generator: np.random.Generator, samples: int, sample_rate: int) -> Samples:
    """Return noise [samples] of a kind drawn from `KINDS`, at no level in particular."""
    kinds = list(KINDS)
    kind = kinds[int(generator.integers(len(kinds)))]
    noise = shaped_noise(generator, samples, sample_rate, KINDS[kind])
    if kind == "murmur":
        noise *= syllables(generator, samples, sample_rate)
    return noise


def shaped_noise(generator: np.random.Generator, samples: int, sample_rate: int, shape: Shape) -> Samples:
    """Return Gaussian noise [samples] whose amplitude spectrum follows `shape`."""
    size = fast_fft_size(max(2, samples))
    hertz = np.fft.rfftfreq(size, 1 / sample_rate).astype(np.float32)
    spectrum = gaussian(generator, 2 * len(hertz)).view(np.complex64)
    noise: Samples = np.fft.irfft(spectrum * shape(generator, hertz), size)[:samples].astype(np.float32)
    return noise


def fast_fft_size(samples: int) -> int:
    """Return the first size from `samples` on that is a power of two times 1, 9/8, 5/4, 3/2 or 15/8."""
    half = 1 << max(3, samples.bit_length() - 1)
    return next(
        size for size in (half * eighths // 8 for eighths in (8, 9, 10, 12, 15, 16)) if size >= samples
    )


def syllables(generator: np.random.Generator, samples: int, sample_rate: int) -> Samples:
    """Return the loudness [samples] of several people who talk at once: it wavers six times a second."""
    points = np.arange(int(6 * samples / sample_rate) + 2)
    loudness = np.exp(0.6 * generator.standard_normal(len(points)))
    envelope: Samples = np.interp(np.arange(samples) * (6 / sample_rate), points, loudness).astype(np.float32)
    return envelope


def _white(_: np.random.Generator, hertz: Samples) -> Samples:
    return np.ones_like(hertz)


def _pink(_: np.random.Generator, hertz: Samples) -> Samples:
    return np.maximum(hertz, np.float32(30)) ** np.float32(-0.5)


def _brown(_: np.random.Generator, hertz: Samples) -> Samples:
    return np.maximum(hertz, np.float32(30)) ** np.float32(-1)


def _speech(_: np.random.Generator, hertz: Samples) -> Samples:
    """Level from 100 to 500 Hz, then falling by 9 dB an octave: roughly the long-term average of speech."""
    return np.where(hertz < 100, hertz / 100, np.minimum(1, (np.maximum(hertz, 1) / 500) ** -1.5))


def _hum(generator: np.random.Generator, hertz: Samples) -> Samples:
    """Harmonics of 50 or 60 Hz, each weaker than the one before, over a little white noise."""
    shape = np.full_like(hertz, 0.05 / np.sqrt(len(hertz)))
    mains = generator.choice([50.0, 60.0])
    harmonics = np.arange(1, 21)
    harmonics = harmonics[harmonics * mains < hertz[-1]]
    strengths = generator.uniform(0.3, 1.0, len(harmonics)) / harmonics
    shape[np.rint(harmonics * mains / hertz[1]).astype(int)] = strengths
    return shape


KINDS: dict[str, Shape] = {"white": _white, "pink": _pink, "brown": _brown, "murmur": _speech, "hum": _hum}
