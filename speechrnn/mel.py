"""Mel scales, and the triangular filters that gather a power spectrum into mel bins.

Used by `dsp.py`. Two families are in use. Kaldi draws its triangles on the mel axis; librosa, torchaudio and
NeMo draw them on the axis of frequency, between edges that are evenly spaced in mel. Everything is worked out
in double precision; callers round once at the end.
"""

import numpy as np
import numpy.typing as npt

Double = npt.NDArray[np.float64]


def mel_triangles(fft: int, sample_rate: int, bins: int, low_hz: float, high_hz: float) -> Double:
    """Return Kaldi's filters [frequencies, bins]: triangles of height 1 on the mel axis (Povey 2011)."""
    edges = np.linspace(_htk_mel(low_hz), _htk_mel(high_hz), bins + 2)
    frequencies = np.arange(fft // 2 + 1) * sample_rate / fft
    triangles = _triangles(_htk_mel(frequencies), edges)
    triangles[-1] = 0  # Kaldi leaves out the highest frequency of the transform
    return triangles


def htk_triangles(fft: int, sample_rate: int, bins: int, low_hz: float, high_hz: float) -> Double:
    """Return torchaudio's default filters [frequencies, bins]: HTK's mel scale, height 1 in Hz."""
    edges = _htk_hertz(np.linspace(_htk_mel(low_hz), _htk_mel(high_hz), bins + 2))
    # torchaudio spreads frequencies evenly up to half the rate, also where the transform ends just below it.
    return _triangles(np.linspace(0.0, sample_rate // 2, fft // 2 + 1), edges)


def slaney_triangles(fft: int, sample_rate: int, bins: int, low_hz: float, high_hz: float) -> Double:
    """Return librosa's default filters [frequencies, bins]: Slaney's mel scale, area 1 in Hz."""
    edges = _slaney_hertz(np.linspace(_slaney_mel(low_hz), _slaney_mel(high_hz), bins + 2))
    triangles = _triangles(np.arange(fft // 2 + 1) * sample_rate / fft, edges)
    return triangles * (2 / (edges[2:] - edges[:-2]))


def _triangles(positions: Double, edges: Double) -> Double:
    """Return filters [positions, bins] that rise from each edge to the next one and fall to the one after."""
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (positions[:, None] - left) / (centre - left)
    falling = (right - positions[:, None]) / (right - centre)
    return np.maximum(0.0, np.minimum(rising, falling))


def _htk_mel(hertz: npt.ArrayLike) -> Double:
    return 1127.0 * np.log1p(np.asarray(hertz, np.float64) / 700.0)


def _htk_hertz(mel: Double) -> Double:
    return 700.0 * np.expm1(mel / 1127.0)


# Slaney's scale (Auditory Toolbox, 1998): 15 mel are 1 kHz, linear up to there, logarithmic above it.
_SLANEY_STEP = np.log(6.4) / 27.0


def _slaney_mel(hertz: npt.ArrayLike) -> Double:
    hertz = np.asarray(hertz, np.float64)
    above = 15.0 + np.log(np.maximum(hertz, 1000.0) / 1000.0) / _SLANEY_STEP
    return np.where(hertz < 1000.0, hertz * 15.0 / 1000.0, above)


def _slaney_hertz(mel: Double) -> Double:
    above = 1000.0 * np.exp((mel - 15.0) * _SLANEY_STEP)
    return np.where(mel < 15.0, mel * 1000.0 / 15.0, above)
