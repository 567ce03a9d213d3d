"""What a front end computes, as plain arrays and numbers.

A `config.FrontEnd` names a convention and sizes; `analysis` turns it into the window, the mel matrix, the
cosine transform and the constants that the computation needs. PyTorch (`training/model/front_end.py`)
and the graph in deployment (`export/front_end.py`) compute from the same `Analysis`, which is why they agree:

    samples -> edges, pre-emphasis -> frames - mean -> x window -> power spectrum -> mel -> + noise, floor,
            log -> (cepstra: range, cosine transform) -> derivatives -> normalisation

Conventions: `kaldi` (kaldi-native-fbank, snip_edges off, no energy term; Povey et al. 2011), `librosa`
(melspectrogram and power_to_db, or mfcc), `torchaudio` (transforms.MelSpectrogram and AmplitudeToDB, or MFCC)
and `nemo` (AudioToMelSpectrogramPreprocessor). Rates and sizes are free in each.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from speechrnn import mel
from speechrnn.config import FrontEnd
from speechrnn.errors import SpeechRnnError

Array = npt.NDArray[np.float32]
Double = npt.NDArray[np.float64]

SIXTEEN_BITS = 32768.0
DITHER = 1.0 / SIXTEEN_BITS  # deviation of the noise that training adds: one step of a 16-bit sample
DECIBELS = 10.0 / np.log(10.0)
DEVIATION_FLOOR = 0.1  # smallest deviation that normalisation divides by, in natural logarithms


@dataclass(frozen=True)
class Analysis:
    """A front end, worked out. Legend: samples of a window, frequencies of the DFT, bins, cepstra, taps."""

    window: Array
    """Window [samples]; the factor from [-1, 1] to the convention's own scale is in it."""
    hop: int
    """Samples from one frame to the next."""
    before: int
    """Samples that the first frame reaches back before the recording starts."""
    rounding: int
    """A recording of n > 0 samples has (n + rounding) // hop frames."""
    edges: Literal["mirror", "reflect", "zero"]
    """What frames see beyond both ends: samples mirrored, the outermost one repeated or not, or zeros."""
    fft: int
    """Size of the DFT; frames are filled up with zeros."""
    mel: Array
    """Mel matrix [frequencies, bins] on the power spectrum, frequencies = fft // 2 + 1."""
    floor: float
    """Smallest mel energy."""
    floor_is_added: bool = False
    """Add the floor to every mel energy instead of raising smaller ones to it."""
    pre_emphasis: float = 0.0
    """Share of the sample before that is taken from each sample of the signal."""
    remove_mean: bool = False
    """Take the mean of each frame away (before pre-emphasis)."""
    log_scale: float = 1.0
    """Factor on the natural logarithm: 1, or `DECIBELS`."""
    log_range: float | None = None
    """Largest distance from the highest value of the utterance; lower values are raised to it."""
    noise: Array = dataclasses.field(default_factory=lambda: np.zeros(0, np.float32))
    """Energy [bins] that dither adds on average; where there is no dither, it is added in its stead."""
    cosine: Array | None = None
    """Cosine transform [bins, cepstra], liftering included; None for log-mel features."""
    deltas: tuple[Array, ...] = ()
    """Filters [taps] over frames, one for each order of derivative appended; edge frames are repeated."""

    @property
    def samples(self) -> int:
        """Samples of a window."""
        return len(self.window)

    @property
    def blocks(self) -> int:
        """Blocks of one hop that a frame reaches into, its first sample being the first of a block."""
        return -(-self.samples // self.hop)

    @property
    def after(self) -> int:
        """Samples that a frame may reach beyond the end of the recording."""
        return self.samples - self.before

    @property
    def emphasis_follows_edges(self) -> bool:
        """Whether pre-emphasis applies to what lies beyond the ends too; if not, zeros there stay zeros."""
        return self.edges != "zero"

    @property
    def features(self) -> int:
        """Numbers that describe a frame."""
        static = self.mel if self.cosine is None else self.cosine
        return int(static.shape[1]) * (1 + len(self.deltas))

    @property
    def deviation_floor(self) -> float:
        """Smallest deviation that normalisation divides by."""
        return DEVIATION_FLOOR * self.log_scale


def analysis(settings: FrontEnd) -> Analysis:
    """Return the arrays and numbers of the front end that `settings` describe.

    Raises SpeechRnnError where sizes contradict each other.
    """
    check(settings)
    spectrum = {"kaldi": _kaldi, "librosa": _librosa, "torchaudio": _torchaudio, "nemo": _nemo}
    plain = spectrum[settings.convention](settings)
    return dataclasses.replace(
        plain, noise=dither_energy(plain), cosine=_cosine(settings), deltas=_derivatives(settings)
    )


def frame_count(analysis: Analysis, samples: int) -> int:
    """Return how many frames a recording of `samples` samples has."""
    return (samples + analysis.rounding) // analysis.hop if samples > 0 else 0


def dither_energy(analysis: Analysis) -> Array:
    """Return the mean energy [bins] of Gaussian noise of deviation `DITHER` in each mel bin.

    It is added to mel energies, not used as their lower bound: `tools/compare_noise_floors.py` finds features
    closest to those of dithered samples that way.
    """
    size = analysis.samples
    # Rows: samples of a frame; columns: the independent samples it is made of, the one before it included.
    frame = np.eye(size, size + 1, 1) - analysis.pre_emphasis * np.eye(size, size + 1)
    if analysis.remove_mean:
        frame[:, 1:] -= (1 - analysis.pre_emphasis) / size
    spectrum = np.fft.rfft(frame * analysis.window[:, None], n=analysis.fft, axis=0)
    power = DITHER**2 * np.square(np.abs(spectrum)).sum(axis=1)
    energy: Array = (power @ analysis.mel).astype(np.float32)
    return energy


def check(settings: FrontEnd) -> None:
    """Raise SpeechRnnError, naming the field, where `settings` cannot be computed."""
    window, hop = _window_and_hop(settings)
    low, high = _band(settings)
    if not 1 <= hop <= window:
        raise SpeechRnnError(
            f"front_end.hop_ms: {settings.hop_ms} ms are {hop} samples; give between 1 sample "
            f"and window_ms ({settings.window_ms} ms)"
        )
    if window < 2:
        raise SpeechRnnError(f"front_end.window_ms: {settings.window_ms} ms is too short; 25 is usual")
    if not 0 <= low < high <= settings.sample_rate / 2:
        raise SpeechRnnError(
            f"front_end.high_hz: the band from {low:g} to {high:g} Hz does not fit a rate of "
            f"{settings.sample_rate} Hz; give 0 <= low_hz < high_hz <= {settings.sample_rate / 2:g}"
        )
    if settings.bins < 1:
        raise SpeechRnnError(f"front_end.bins: {settings.bins}; give 1 or more, 80 is usual")
    if settings.kind == "mfcc" and not 1 <= settings.cepstra <= settings.bins:
        raise SpeechRnnError(
            f"front_end.cepstra: {settings.cepstra}; give between 1 and the number of bins ({settings.bins})"
        )


def _kaldi(settings: FrontEnd) -> Analysis:
    samples, hop = _window_and_hop(settings)
    fft = _power_of_two(samples)
    # Kaldi emphasises each frame by itself. Its window is zero at the first sample of a frame, the only one
    # that would differ, so that emphasising the whole signal once is the same.
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(samples) / (samples - 1))) ** 0.85
    return Analysis(
        window=_single(window * SIXTEEN_BITS),
        hop=hop,
        before=samples // 2 - hop // 2,
        rounding=hop // 2,
        edges="mirror",
        fft=fft,
        mel=_single(mel.mel_triangles(fft, settings.sample_rate, settings.bins, *_band(settings))),
        floor=float(np.finfo(np.float32).eps),
        pre_emphasis=0.97,
        remove_mean=True,
    )


def _librosa(settings: FrontEnd) -> Analysis:
    samples, hop = _window_and_hop(settings)
    fft = _power_of_two(samples)
    return Analysis(
        window=_single(_hann(samples, samples)),
        hop=hop,
        before=fft // 2 - (fft - samples) // 2,
        rounding=hop,
        edges="zero",
        fft=fft,
        mel=_single(mel.slaney_triangles(fft, settings.sample_rate, settings.bins, *_band(settings))),
        floor=1e-10,
        log_scale=DECIBELS,
        log_range=80.0 if settings.kind == "mfcc" else None,
    )


def _torchaudio(settings: FrontEnd) -> Analysis:
    samples, hop = _window_and_hop(settings)
    return Analysis(
        window=_single(_hann(samples, samples)),
        hop=hop,
        before=samples // 2,
        rounding=hop - samples % 2,
        edges="reflect",
        fft=samples,
        mel=_single(mel.htk_triangles(samples, settings.sample_rate, settings.bins, *_band(settings))),
        floor=1e-10,
        log_scale=DECIBELS,
        log_range=80.0 if settings.kind == "mfcc" else None,
    )


def _nemo(settings: FrontEnd) -> Analysis:
    samples, hop = _window_and_hop(settings)
    fft = _power_of_two(samples)
    return Analysis(
        window=_single(_hann(samples, samples - 1)),
        hop=hop,
        before=fft // 2 - (fft - samples) // 2,
        rounding=0,
        edges="zero",
        fft=fft,
        mel=_single(mel.slaney_triangles(fft, settings.sample_rate, settings.bins, *_band(settings))),
        floor=2.0**-24,
        floor_is_added=True,
        pre_emphasis=0.97,
    )


def _window_and_hop(settings: FrontEnd) -> tuple[int, int]:
    """Return the samples of a window and from one window to the next, rounded down as Kaldi does."""
    per_ms = settings.sample_rate * 0.001
    return int(per_ms * settings.window_ms), int(per_ms * settings.hop_ms)


def _band(settings: FrontEnd) -> tuple[float, float]:
    """Return the lower and upper edge of the mel bins in Hz."""
    high = settings.high_hz
    return settings.low_hz, high if high > 0 else settings.sample_rate / 2 + high


def _power_of_two(samples: int) -> int:
    return 1 << (samples - 1).bit_length()


def _hann(samples: int, period: int) -> Double:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(samples) / period)


def _cosine(settings: FrontEnd) -> Array | None:
    """Return the orthonormal DCT-II [bins, cepstra]; Kaldi's convention lifts the higher cepstra (L = 22)."""
    if settings.kind == "logmel":
        return None
    bins, order = np.arange(settings.bins)[:, None], np.arange(settings.cepstra)
    transform = np.cos(np.pi * (bins + 0.5) * order / settings.bins) * np.sqrt(2.0 / settings.bins)
    transform[:, 0] = np.sqrt(1.0 / settings.bins)
    if settings.convention == "kaldi":
        transform *= 1 + 11 * np.sin(np.pi * order / 22)
    return _single(transform)


def _derivatives(settings: FrontEnd) -> tuple[Array, ...]:
    """Return the filters of the derivatives: a tap for each frame, from the earliest to the latest."""
    if settings.convention == "librosa":
        return tuple(_polynomial_filter(order) for order in range(1, settings.deltas + 1))
    slope = np.arange(-2, 3) / 10.0  # least squares over five frames (Young et al., The HTK Book)
    return tuple(_single(taps) for taps in (slope, np.convolve(slope, slope))[: settings.deltas])


def _polynomial_filter(order: int) -> Array:
    """Return the derivative of a polynomial of that order fitted to 9 frames (Savitzky and Golay 1964)."""
    powers = np.vander(np.arange(-4, 5), order + 1, increasing=True)
    return _single(order * np.linalg.pinv(powers)[order])  # order! is 1 and 2


def _single(array: Double) -> Array:
    return array.astype(np.float32)
