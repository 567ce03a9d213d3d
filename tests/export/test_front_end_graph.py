"""The front end in the graph computes what the one in PyTorch computes, for any batch of any lengths."""

import itertools

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn import config, dsp
from speechrnn.export.fourier import power_to_bins, two_stage_transform
from speechrnn.export.front_end import add_front_end
from speechrnn.export.graph import FLOAT, INT64, GraphBuilder
from speechrnn.training.model.front_end import FeatureExtractor
from tests.reference.features import speech_like

CONVENTIONS = ["kaldi", "librosa", "torchaudio", "nemo"]
KINDS = [("logmel", 0), ("logmel", 2), ("mfcc", 0), ("mfcc", 2)]
NORMALISATIONS = ["utterance", "global", "none"]
EVERY_FRONT_END = list(itertools.product(CONVENTIONS, KINDS, NORMALISATIONS))


class Pair:
    """The same front end twice: `torch(audio, lengths)` and `graph(audio, lengths)`, both on numpy arrays."""

    def __init__(self, front_end: config.FrontEnd) -> None:
        self.extractor = FeatureExtractor(front_end).eval()
        statistics = None
        if front_end.normalisation == "global":
            generator = np.random.default_rng(0)
            mean = generator.normal(size=self.extractor.bins).astype(np.float32)
            deviation = generator.uniform(0, 3, size=self.extractor.bins).astype(np.float32)
            statistics = (mean, deviation)
            self.extractor.load_state_dict(
                {"mean": torch.from_numpy(mean), "deviation": torch.from_numpy(deviation)}
            )
        graph = GraphBuilder()
        features, frames = add_front_end(graph, front_end, "audio", "lengths", statistics)
        graph.rename(features, "features")
        graph.rename(frames, "frames")
        model = graph.build(
            {"audio": (FLOAT, ["batch", "samples"]), "lengths": (INT64, ["batch"])},
            {"features": (FLOAT, ["batch", "frames", "bins"]), "frames": (INT64, ["batch"])},
        )
        onnx.checker.check_model(model, full_check=True)
        self.domains = {node.domain for node in model.graph.node}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options)

    def torch(self, audio: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        features, frames = self.extractor(torch.from_numpy(audio), torch.from_numpy(lengths))
        return features.numpy(), frames.numpy()

    def graph(self, audio: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return tuple(self.session.run(None, {"audio": audio, "lengths": lengths}))


def batch_of(lengths: list[int], fill: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    audio = np.full((len(lengths), max(lengths)), fill, np.float32)
    for row, length in zip(audio, lengths, strict=True):
        row[:length] = speech_like(generator, length)
    return audio, np.array(lengths, np.int64)


def assert_close(actual: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Differences are held against the size of the features: cepstra and decibels reach 100 and more."""
    scale = max(1.0, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(actual, expected, atol=tolerance * scale, rtol=0)


@pytest.mark.parametrize(("convention", "kind", "normalisation"), EVERY_FRONT_END)
def test_an_utterance_gives_the_same_alone_and_in_any_batch(convention, kind, normalisation) -> None:
    """In PyTorch and in the graph, which agree; with lengths down to nothing and garbage in the padding.

    Cepstra are allowed more: the first one is near 180, so that float32 itself is no finer than 1.5e-5.
    """
    tolerance = 1e-5 if kind[0] == "logmel" else 5e-5
    front_end = config.FrontEnd(
        convention=convention, kind=kind[0], deltas=kind[1], normalisation=normalisation
    )
    pair = Pair(front_end)
    audio, lengths = batch_of([6000, 0, 1, 159, 160, 400, 2345], fill=float("nan"))
    in_torch, frames = pair.torch(audio, lengths)
    in_graph, graph_frames = pair.graph(audio, lengths)
    np.testing.assert_array_equal(graph_frames, frames)
    assert_close(in_graph, in_torch, 1e-4)
    for row, (length, count) in enumerate(zip(lengths, frames, strict=True)):
        assert count == dsp.frame_count(pair.extractor.analysis, int(length))
        alone = audio[row : row + 1, :length], lengths[row : row + 1]
        assert_close(pair.torch(*alone)[0][0, :count], in_torch[row, :count], tolerance)
        assert_close(pair.graph(*alone)[0][0, :count], in_graph[row, :count], tolerance)
        assert not in_graph[row, count:].any()


@settings(deadline=None, max_examples=25)
@given(
    rate=st.sampled_from([8000, 11025, 16000, 44100]),
    window=st.sampled_from([16.0, 25.0, 30.0]),
    hop=st.sampled_from([5.0, 10.0, 12.5, 16.0]),
    bins=st.integers(1, 40),
    convention=st.sampled_from(CONVENTIONS),
    lengths=st.lists(st.integers(0, 3000), min_size=1, max_size=3),
)
def test_graph_equals_pytorch_at_any_rate_and_size(rate, window, hop, bins, convention, lengths) -> None:
    pair = Pair(
        config.FrontEnd(
            sample_rate=rate,
            window_ms=window,
            hop_ms=hop,
            bins=bins,
            convention=convention,
            normalisation="none",
        )
    )
    audio, lengths = batch_of(lengths)
    in_torch, frames = pair.torch(audio, lengths)
    in_graph, graph_frames = pair.graph(audio, lengths)
    np.testing.assert_array_equal(graph_frames, frames)
    assert_close(in_graph, in_torch, 1e-4)


def test_only_standard_operators_are_used() -> None:
    assert Pair(config.FrontEnd(kind="mfcc", deltas=2)).domains == {""}


def test_global_normalisation_without_statistics_is_refused() -> None:
    with pytest.raises(ValueError, match="training set"):
        add_front_end(GraphBuilder(), config.FrontEnd(normalisation="global"), "audio", "lengths")


@pytest.mark.parametrize(
    ("size", "samples"), [(512, 400), (400, 400), (256, 200), (551, 551), (199, 199), (2048, 2046)]
)
def test_two_stages_give_the_power_of_every_frequency(size, samples) -> None:
    transform = two_stage_transform(size, samples)
    frame = np.random.default_rng(0).standard_normal(samples)
    table = np.pad(frame, (0, transform.rows * transform.columns - samples)).reshape(transform.rows, -1)
    inner = (transform.first @ table).reshape(transform.branches, 2 * transform.columns, 1)
    real, imaginary = np.split(transform.second @ inner, 2, axis=1)
    power = (real**2 + imaginary**2).ravel()
    every_frequency = power_to_bins(transform, np.eye(size // 2 + 1, dtype=np.float32))
    np.testing.assert_allclose(every_frequency @ power, np.abs(np.fft.rfft(frame, size)) ** 2, atol=1e-8)
