"""The front end in PyTorch does what the conventions say, to every utterance of a batch as to one alone."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn import config, dsp
from speechrnn.training.model.front_end import FeatureExtractor, estimate_statistics
from tests.reference.features import reference_features, speech_like

CONVENTIONS = ["kaldi", "librosa", "torchaudio", "nemo"]


def padded(utterances: list[np.ndarray], spare: int = 0, fill: float = 0.0):
    """Utterances as a batch, with `spare` more samples of padding than needed."""
    lengths = [len(samples) for samples in utterances]
    audio = np.full((len(utterances), max(lengths) + spare), fill, np.float32)
    for row, samples in zip(audio, utterances, strict=True):
        row[: len(samples)] = samples
    return torch.from_numpy(audio), torch.tensor(lengths)


def utterances_of(seed: int, lengths: list[int]) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [speech_like(generator, length) for length in lengths]


front_ends = st.builds(
    config.FrontEnd,
    kind=st.sampled_from(["logmel", "mfcc"]),
    convention=st.sampled_from(CONVENTIONS),
    sample_rate=st.sampled_from([8000, 16000, 22050]),
    window_ms=st.sampled_from([20.0, 25.0, 32.0]),
    hop_ms=st.sampled_from([8.0, 10.0, 12.5, 20.0]),
    bins=st.integers(13, 60),
    deltas=st.sampled_from([0, 1, 2]),
    normalisation=st.sampled_from(["none", "utterance"]),
)


@settings(deadline=None, max_examples=40)
@given(front_ends, st.lists(st.integers(0, 2500), min_size=1, max_size=3), st.booleans())
def test_features_are_those_of_the_sample_by_sample_reference(front_end, lengths, dithered) -> None:
    utterances = utterances_of(0, lengths)
    extractor = FeatureExtractor(front_end).train(dithered)
    features, frames = extractor(*padded(utterances))
    for row, count, samples in zip(features, frames, utterances, strict=True):
        expected = reference_features(front_end, samples, dithered)
        assert count == len(expected)
        scale = max(1.0, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(row[:count].numpy(), expected, atol=1e-3 * scale, rtol=0)
        assert not row[count:].any()


@pytest.mark.parametrize(("convention", "kind"), list(itertools.product(CONVENTIONS, ["logmel", "mfcc"])))
def test_what_stands_in_the_padding_is_never_read(convention, kind) -> None:
    extractor = FeatureExtractor(config.FrontEnd(convention=convention, kind=kind, deltas=1)).eval()
    utterances = utterances_of(1, [3000, 1, 700, 0])
    clean, _ = extractor(*padded(utterances, spare=900))
    dirty, _ = extractor(*padded(utterances, spare=900, fill=float("nan")))
    assert torch.equal(clean, dirty)


def test_each_bin_of_each_utterance_has_mean_zero_and_deviation_one() -> None:
    extractor = FeatureExtractor(config.FrontEnd()).eval()
    features, frames = extractor(*padded(utterances_of(2, [8000, 16000, 5000])))
    for row, count in zip(features, frames, strict=True):
        np.testing.assert_allclose(row[:count].mean(dim=0), np.zeros(80), atol=1e-4)
        np.testing.assert_allclose(row[:count].std(dim=0, correction=0), np.ones(80), atol=1e-4)


def test_digital_silence_gives_zeros_rather_than_noise_blown_up() -> None:
    extractor = FeatureExtractor(config.FrontEnd()).eval()
    features, _ = extractor(torch.zeros(1, 8000), torch.tensor([8000]))
    assert features.abs().max() < 1e-3


def test_a_constant_gain_does_not_change_what_is_well_above_the_noise_floor() -> None:
    extractor = FeatureExtractor(config.FrontEnd()).eval()
    audio, lengths = padded(utterances_of(3, [16000]))
    loud, _ = extractor(audio, lengths)
    quiet, _ = extractor(audio / 10, lengths)
    assert (loud - quiet).abs().mean() < 0.01


def test_the_noise_floor_stands_in_for_dither() -> None:
    """A quiet recording without dither looks as it does with dither on average, if there is a noise floor."""
    extractor = FeatureExtractor(config.FrontEnd(normalisation="none"))
    audio, lengths = padded(utterances_of(4, [16000]))
    audio = audio * 1e-3  # near the last bit, as quiet passages of quiet recordings are
    draws = torch.Generator().manual_seed(0)
    dithered = [audio + dsp.DITHER * torch.randn(audio.shape, generator=draws) for _ in range(20)]
    average = torch.stack([extractor.train()(samples, lengths)[0] for samples in dithered]).mean(dim=0)
    with_floor = (extractor.eval()(audio, lengths)[0] - average).abs().mean()
    without_floor = (extractor.train()(audio, lengths)[0] - average).abs().mean()
    assert with_floor < 0.3
    assert without_floor > 3 * with_floor


def test_global_statistics_are_those_of_all_valid_frames() -> None:
    plain = FeatureExtractor(config.FrontEnd(normalisation="none")).eval()
    extractor = FeatureExtractor(config.FrontEnd(normalisation="global")).eval()
    batches = [padded(utterances_of(seed, lengths)) for seed, lengths in ((5, [4000, 900]), (6, [2500]))]
    estimate_statistics(extractor, batches)
    frames = []
    for audio, lengths in batches:
        features, counts = plain(audio, lengths)
        frames += [row[:count] for row, count in zip(features, counts, strict=True)]
    everything = torch.cat(frames).double()
    np.testing.assert_allclose(extractor.mean, everything.mean(dim=0), rtol=1e-5)
    np.testing.assert_allclose(extractor.deviation, everything.std(dim=0, correction=0), rtol=1e-4)
    normalised, counts = extractor(*batches[1])
    expected = (frames[-1] - extractor.mean) / extractor.deviation
    np.testing.assert_allclose(normalised[0, : counts[0]], expected, atol=1e-5)


def test_only_global_statistics_are_stored_with_the_weights() -> None:
    assert not FeatureExtractor(config.FrontEnd()).state_dict()
    assert set(FeatureExtractor(config.FrontEnd(normalisation="global")).state_dict()) == {
        "mean",
        "deviation",
    }


def test_features_stay_float32_under_autocast() -> None:
    extractor = FeatureExtractor(config.FrontEnd(kind="mfcc")).eval()
    audio, lengths = padded(utterances_of(7, [8000]))
    expected, _ = extractor(audio, lengths)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features, _ = extractor(audio, lengths)
    assert torch.equal(features, expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_gpu_computes_the_same_features(convention) -> None:
    extractor = FeatureExtractor(config.FrontEnd(convention=convention)).eval()
    audio, lengths = padded(utterances_of(8, [8000, 400, 3000]))
    expected, frames = extractor(audio, lengths)
    features, on_gpu = extractor.cuda()(audio.cuda(), lengths.cuda())
    assert torch.equal(on_gpu.cpu(), frames)
    np.testing.assert_allclose(features.cpu(), expected, atol=1e-3)
