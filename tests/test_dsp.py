"""The arrays of every convention give what the library of that name gives, over a grid of settings.

The computation is the slow one of `tests/reference/features.py`, in double precision; the distance that is
left is the libraries' own rounding.
"""

import itertools
import os
from pathlib import Path

import numpy as np
import pytest

from speechrnn import config, dsp
from speechrnn.audio import read_audio
from speechrnn.errors import SpeechRnnError
from tests.reference.features import reference_features, speech_like
from tests.reference.torchaudio_part import torchaudio_part

knf = pytest.importorskip("kaldi_native_fbank")
librosa = pytest.importorskip("librosa")

# (sample rate, window in ms, hop in ms, bins, lowest Hz, highest Hz)
GRID = [
    (16000, 25.0, 10.0, 80, 20.0, -400.0),
    (16000, 25.0, 10.0, 23, 20.0, 0.0),
    (16000, 32.0, 12.5, 40, 0.0, 7000.0),
    (16000, 20.0, 20.0, 64, 60.0, -200.0),
    (8000, 25.0, 10.0, 40, 20.0, -400.0),
    (22050, 25.0, 10.0, 80, 20.0, -400.0),
    (44100, 46.4, 11.6, 128, 30.0, 16000.0),
]
LENGTHS = [1, 159, 400, 4321]
EVERY_SIZE = [*itertools.product(GRID, [4321]), *itertools.product(GRID[:1], LENGTHS[:-1])]


def settings_of(grid, **others) -> config.FrontEnd:
    rate, window, hop, bins, low, high = grid
    return config.FrontEnd(
        sample_rate=rate,
        window_ms=window,
        hop_ms=hop,
        bins=bins,
        low_hz=low,
        high_hz=high,
        normalisation="none",
        **others,
    )


def sizes(settings: config.FrontEnd) -> tuple[int, int, float]:
    """Samples of the window and of the hop, and the upper edge in Hz."""
    analysis = dsp.analysis(settings)
    high = settings.high_hz
    return analysis.samples, analysis.hop, high if high > 0 else settings.sample_rate / 2 + high


def frames_of(extractor, settings: config.FrontEnd, samples: np.ndarray) -> np.ndarray:
    extractor.accept_waveform(settings.sample_rate, samples.tolist())
    extractor.input_finished()
    return np.stack([extractor.get_frame(number) for number in range(extractor.num_frames_ready)])


def kaldi_options(options, settings: config.FrontEnd):
    options.frame_opts.samp_freq = settings.sample_rate
    options.frame_opts.frame_length_ms = settings.window_ms
    options.frame_opts.frame_shift_ms = settings.hop_ms
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = settings.bins
    options.mel_opts.low_freq = settings.low_hz
    options.mel_opts.high_freq = settings.high_hz
    return options


@pytest.mark.parametrize(("grid", "length"), EVERY_SIZE)
def test_kaldi_logmel_is_that_of_kaldi_native_fbank(grid, length) -> None:
    settings = settings_of(grid)
    samples = speech_like(np.random.default_rng(length), length) + np.float32(0.01)
    ours = reference_features(settings, samples, dithered=True)
    if len(ours) == 0:
        return
    extractor = knf.OnlineFbank(kaldi_options(knf.FbankOptions(), settings))
    np.testing.assert_allclose(ours, frames_of(extractor, settings, samples * 32768), atol=1e-3, rtol=0)


@pytest.mark.data
@pytest.mark.skipif("SPEECHRNN_DATA" not in os.environ, reason="SPEECHRNN_DATA names no recordings")
def test_default_features_of_real_speech_are_those_of_kaldi_native_fbank() -> None:
    settings = config.FrontEnd(normalisation="none")
    tree = Path(os.environ["SPEECHRNN_DATA"]) / "librispeech-small" / "test-clean-flac"
    for path in sorted(tree.rglob("*.flac"))[:40:10]:
        samples = read_audio(path)[:80000]
        extractor = knf.OnlineFbank(kaldi_options(knf.FbankOptions(), settings))
        distance = np.abs(
            reference_features(settings, samples, dithered=True)
            - frames_of(extractor, settings, samples * 32768)
        )
        # Where a bin of one frequency is by chance 70 dB below the rest, Kaldi's own float32 shows.
        assert np.quantile(distance, 0.9999) < 1e-3


@pytest.mark.parametrize("grid", GRID)
def test_kaldi_cepstra_are_those_of_kaldi_native_fbank(grid) -> None:
    settings = settings_of(grid, kind="mfcc")
    samples = speech_like(np.random.default_rng(0), 6000)
    options = kaldi_options(knf.MfccOptions(), settings)
    options.use_energy = False
    theirs = frames_of(knf.OnlineMfcc(options), settings, samples * 32768)
    np.testing.assert_allclose(
        reference_features(settings, samples, dithered=True), theirs, atol=1e-2, rtol=1e-4
    )


def test_kaldi_derivatives_are_those_of_kaldi_native_fbank() -> None:
    settings = settings_of(GRID[0], kind="mfcc", deltas=2)
    ours = reference_features(settings, speech_like(np.random.default_rng(0), 5000), dithered=True)
    options = knf.DeltaOptions()
    theirs = knf.compute_deltas(options, ours[:, : settings.cepstra].astype(np.float32))
    np.testing.assert_allclose(ours, np.asarray(theirs), atol=1e-4)


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large")
@pytest.mark.parametrize(("grid", "length"), EVERY_SIZE)
def test_librosa_logmel_is_that_of_librosa(grid, length) -> None:
    settings = settings_of(grid, convention="librosa")
    samples = speech_like(np.random.default_rng(length), length)
    analysis = dsp.analysis(settings)
    energies = librosa.feature.melspectrogram(y=samples.astype(np.float64), **librosa_options(settings))
    theirs = librosa.power_to_db(energies, ref=1.0, amin=1e-10, top_db=None).T
    ours = reference_features(settings, samples, dithered=True)
    assert len(ours) == dsp.frame_count(analysis, length)
    np.testing.assert_allclose(ours, theirs, atol=1e-3, rtol=0)


@pytest.mark.parametrize("grid", GRID)
def test_librosa_cepstra_are_those_of_librosa(grid) -> None:
    settings = settings_of(grid, convention="librosa", kind="mfcc", deltas=2)
    samples = speech_like(np.random.default_rng(1), 6000)
    samples[2000:5000] = 0  # silence, far below the range that librosa keeps
    static = librosa.feature.mfcc(y=samples.astype(np.float64), n_mfcc=13, **librosa_options(settings))
    derivatives = [librosa.feature.delta(static, order=order, mode="nearest") for order in (1, 2)]
    ours = reference_features(settings, samples, dithered=True)
    np.testing.assert_allclose(ours, np.concatenate([static, *derivatives]).T, atol=2e-3, rtol=0)


def librosa_options(settings: config.FrontEnd) -> dict:
    window, hop, high = sizes(settings)
    return {
        "sr": settings.sample_rate,
        "n_fft": dsp.analysis(settings).fft,
        "win_length": window,
        "hop_length": hop,
        "n_mels": settings.bins,
        "fmin": settings.low_hz,
        "fmax": high,
    }


def torchaudio_options(settings: config.FrontEnd) -> dict:
    window, hop, high = sizes(settings)
    return {
        "n_fft": window,
        "hop_length": hop,
        "n_mels": settings.bins,
        "f_min": settings.low_hz,
        "f_max": high,
    }


@pytest.mark.parametrize(("grid", "length"), list(itertools.product(GRID, [2048, 4321])))
def test_torchaudio_logmel_is_that_of_torchaudio(grid, length) -> None:
    torch = pytest.importorskip("torch")
    transforms = torchaudio_part("transforms")
    settings = settings_of(grid, convention="torchaudio")
    samples = speech_like(np.random.default_rng(length), length)
    spectrogram = transforms.MelSpectrogram(settings.sample_rate, **torchaudio_options(settings)).double()
    theirs = transforms.AmplitudeToDB("power")(spectrogram(torch.from_numpy(samples).double()))
    ours = reference_features(settings, samples, dithered=True)
    np.testing.assert_allclose(ours, theirs.T, atol=1e-3, rtol=0)


@pytest.mark.parametrize("grid", GRID)
def test_torchaudio_cepstra_are_those_of_torchaudio(grid) -> None:
    torch = pytest.importorskip("torch")
    transforms = torchaudio_part("transforms")
    functional = torchaudio_part("functional")
    settings = settings_of(grid, convention="torchaudio", kind="mfcc", deltas=2)
    samples = speech_like(np.random.default_rng(2), 6000)
    samples[2000:5000] = 0
    cepstra = transforms.MFCC(
        settings.sample_rate, n_mfcc=13, melkwargs=torchaudio_options(settings)
    ).double()
    static = cepstra(torch.from_numpy(samples).double()[None])[0]
    first = functional.compute_deltas(static)
    second = functional.compute_deltas(first)
    ours = reference_features(settings, samples, dithered=True)
    np.testing.assert_allclose(ours[:, :26], torch.cat([static, first]).T, atol=2e-3, rtol=0)
    # At its edges torchaudio repeats the first derivative, Kaldi and this package repeat the frame itself.
    np.testing.assert_allclose(ours[2:-2, 26:], second.T[2:-2], atol=2e-3, rtol=0)


@pytest.mark.parametrize("length", [*LENGTHS, 16000, 16001])
def test_nemo_logmel_is_that_of_kaldi_native_fbank_for_nemo_models(length) -> None:
    settings = settings_of((16000, 25.0, 10.0, 80, 0.0, 0.0), convention="nemo")
    samples = speech_like(np.random.default_rng(length), length)
    ours = reference_features(settings, samples, dithered=True)
    extractor = knf.OnlineNemoFbank(knf.NemoFbankOptions())
    extractor.accept_waveform(16000, samples.tolist())
    extractor.input_finished()
    assert len(ours) == extractor.num_frames_ready
    if len(ours):
        theirs, _ = extractor.get_frames(0, len(ours), is_final=True)
        np.testing.assert_allclose(ours, theirs, atol=1e-3, rtol=0)


@pytest.mark.parametrize("convention", ["kaldi", "librosa", "torchaudio", "nemo"])
def test_the_noise_floor_is_the_mean_energy_of_dither(convention) -> None:
    settings = config.FrontEnd(convention=convention, bins=20)
    analysis = dsp.analysis(settings)
    frames = np.random.default_rng(0).standard_normal((4000, analysis.samples + 1)) * dsp.DITHER
    if analysis.remove_mean:
        frames -= frames[:, 1:].mean(axis=1, keepdims=True)
    emphasised = frames[:, 1:] - analysis.pre_emphasis * frames[:, :-1]
    power = np.abs(np.fft.rfft(emphasised * analysis.window, analysis.fft)) ** 2
    np.testing.assert_allclose(analysis.noise, (power @ analysis.mel).mean(axis=0), rtol=0.1)


@pytest.mark.parametrize("convention", ["kaldi", "librosa", "torchaudio", "nemo"])
def test_nothing_has_no_frames_and_more_samples_never_have_fewer(convention) -> None:
    analysis = dsp.analysis(config.FrontEnd(convention=convention))
    counts = [dsp.frame_count(analysis, samples) for samples in range(2000)]
    assert counts[0] == 0
    assert set(np.diff(counts)) <= {0, 1}
    assert counts[1600] in (10, 11)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (config.FrontEnd(hop_ms=30.0), "hop_ms"),
        (config.FrontEnd(hop_ms=0.0), "hop_ms"),
        (config.FrontEnd(window_ms=0.05, hop_ms=0.05), "hop_ms"),
        (config.FrontEnd(window_ms=0.1, hop_ms=0.1), "window_ms"),
        (config.FrontEnd(high_hz=9000.0), "high_hz"),
        (config.FrontEnd(low_hz=7600.0), "high_hz"),
        (config.FrontEnd(low_hz=-1.0), "high_hz"),
        (config.FrontEnd(bins=0), "bins"),
        (config.FrontEnd(kind="mfcc", bins=10), "cepstra"),
    ],
)
def test_sizes_that_contradict_each_other_are_named(settings, field) -> None:
    with pytest.raises(SpeechRnnError, match=rf"^front_end\.{field}: .*; give|is usual"):
        dsp.analysis(settings)
