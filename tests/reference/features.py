"""Features written out sample by sample, as the conventions describe them, in double precision.

Slow and plain. Takes the arrays of `dsp.Analysis` and shares nothing else with what it checks; the arrays
themselves are held against the published libraries in `tests/test_dsp.py`.
"""

import numpy as np

from speechrnn import config, dsp


def reference_features(settings: config.FrontEnd, samples: np.ndarray, dithered: bool = False) -> np.ndarray:
    """Return features [frames, bins]; `dithered` samples get no noise floor."""
    analysis = dsp.analysis(settings)
    signal = samples.astype(np.float64)
    count = dsp.frame_count(analysis, len(signal))
    if count == 0:
        return np.zeros((0, analysis.features))
    frames = np.stack([frame(analysis, signal, number) for number in range(count)])
    power = np.abs(np.fft.rfft(frames * analysis.window, analysis.fft)) ** 2
    energies = power @ analysis.mel.astype(np.float64)
    if not dithered:
        energies = energies + analysis.noise
    energies = energies + analysis.floor if analysis.floor_is_added else np.maximum(energies, analysis.floor)
    features = np.log(energies) * analysis.log_scale
    if analysis.log_range is not None:
        features = np.maximum(features, features.max() - analysis.log_range)
    if analysis.cosine is not None:
        features = features @ analysis.cosine
    features = np.concatenate([features, *(derivative(features, taps) for taps in analysis.deltas)], axis=1)
    if settings.normalisation == "utterance":
        deviation = np.maximum(features.std(axis=0), analysis.deviation_floor)
        features = (features - features.mean(axis=0)) / deviation
    return features


def frame(analysis: dsp.Analysis, signal: np.ndarray, number: int) -> np.ndarray:
    """Return one frame before the window; where edges are zero it is emphasised as part of the signal."""
    places = range(number * analysis.hop - analysis.before, number * analysis.hop + analysis.after)
    if analysis.edges == "zero":
        emphasised = signal - analysis.pre_emphasis * np.concatenate([[0.0], signal[:-1]])
        return np.array([seen(emphasised, place, analysis.edges) for place in places])
    samples = np.array([seen(signal, place, analysis.edges) for place in places])
    if analysis.remove_mean:
        samples = samples - samples.mean()
    return samples - analysis.pre_emphasis * np.concatenate([samples[:1], samples[:-1]])


def seen(signal: np.ndarray, place: int, edges: str) -> float:
    """Return the sample that is seen at `place`, which may lie outside."""
    if edges == "zero":
        return signal[place] if 0 <= place < len(signal) else 0.0
    again = 1 if edges == "mirror" else 0
    while not 0 <= place < len(signal):
        if len(signal) == 1:
            place = 0
        elif place < 0:
            place = -place - again
        else:
            place = 2 * (len(signal) - 1) - place + again
    return signal[place]


def derivative(features: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Return the weighted sum of the frames around each frame, the first and last one repeated."""
    reach = len(taps) // 2
    frames = np.arange(len(features))
    return sum(
        weight * features[np.clip(frames + offset, 0, len(features) - 1)]
        for offset, weight in zip(range(-reach, reach + 1), taps.astype(np.float64), strict=True)
    )


def speech_like(generator: np.random.Generator, samples: int) -> np.ndarray:
    """Return float32 noise [samples] whose spectrum falls off as that of speech does, at -20 dB."""
    white = generator.standard_normal(samples)
    low = np.zeros(samples)
    for place in range(samples):
        low[place] = white[place] + 0.95 * (low[place - 1] if place else 0.0)
    return (0.03 * low).astype(np.float32)
