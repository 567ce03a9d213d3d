"""The encoder's graph gives what PyTorch's encoder gives, alone and in a batch, for every cell and stride."""

import numpy as np
import onnx
import onnxruntime
import pytest

from speechrnn import config
from speechrnn.export.encoder import add_encoder, add_head
from speechrnn.export.graph import FLOAT, INT64, GraphBuilder

torch = pytest.importorskip("torch")

BINS, TOKENS = 12, 5
CELLS = ["lstm", "gru", "rnn", "none"]
STRIDES = [1, 2, 3, 4, 6, 8]


class Acoustics(torch.nn.Module):
    """Encoder and head under the names that a model folder gives them."""

    def __init__(self, settings):
        super().__init__()
        from speechrnn.training.model.encoder import Encoder

        self.encoder = Encoder(settings, BINS)
        self.head = torch.nn.Linear(self.encoder.width, TOKENS)

    def forward(self, features, frames):
        hidden, frames = self.encoder(features, frames)
        return torch.log_softmax(self.head(hidden), dim=-1), frames


def graph_of(settings: config.Encoder, network) -> onnx.ModelProto:
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    graph = GraphBuilder()
    hidden, frames = add_encoder(graph, settings, weights, "features", "lengths")
    graph.rename(add_head(graph, weights, hidden), "log_probs")
    graph.rename(frames, "frames")
    return graph.build(
        {"features": (FLOAT, ["batch", "time", BINS]), "lengths": (INT64, ["batch"])},
        {"log_probs": (FLOAT, ["batch", "frames", TOKENS]), "frames": (INT64, ["batch"])},
    )


def made_up(settings: config.Encoder, seed: int = 0):
    """A network whose every weight, biases included, differs from zero, and a graph of it."""
    torch.manual_seed(seed)
    network = Acoustics(settings).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.3 * torch.randn_like(weight)
    model = graph_of(settings, network)
    onnx.checker.check_model(model, full_check=True)
    return network, onnxruntime.InferenceSession(model.SerializeToString())


def padded_batch(lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    features = np.random.default_rng(0).normal(size=(len(lengths), max(lengths), BINS)).astype(np.float32)
    for row, length in enumerate(lengths):
        features[row, length:] = 0
    return features, np.array(lengths, np.int64)


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [True, False], ids=["both", "forward"])
def test_graph_equals_pytorch_and_padding_changes_nothing(cell, stride, bidirectional):
    settings = config.Encoder(
        cell=cell, layers=2, width=6, bidirectional=bidirectional, stride=stride, channels=3
    )
    network, session = made_up(settings)
    features, lengths = padded_batch([41, 17, 1, 8, 0])
    log_probs, frames = session.run(None, {"features": features, "lengths": lengths})
    with torch.no_grad():
        wanted, wanted_frames = network(torch.from_numpy(features[:4]), torch.from_numpy(lengths[:4]))
    np.testing.assert_array_equal(frames, [*wanted_frames.numpy(), 0])
    for row, (length, count) in enumerate(zip(lengths[:4], frames[:4], strict=True)):
        np.testing.assert_allclose(log_probs[row, :count], wanted[row, :count], atol=1e-5)
        alone, _ = session.run(
            None, {"features": features[row : row + 1, :length], "lengths": lengths[row : row + 1]}
        )
        np.testing.assert_allclose(alone[0], log_probs[row, :count], atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_bottlenecks_are_part_of_the_graph(cell):
    settings = config.Encoder(cell=cell, layers=2, width=6, bottleneck=4, stride=3, channels=3)
    network, session = made_up(settings)
    features, lengths = padded_batch([41, 17, 8])
    log_probs, frames = session.run(None, {"features": features, "lengths": lengths})
    with torch.no_grad():
        wanted, _ = network(torch.from_numpy(features), torch.from_numpy(lengths))
    for row, count in enumerate(frames):
        np.testing.assert_allclose(log_probs[row, :count], wanted[row, :count], atol=1e-5)


def test_what_stands_in_the_padding_changes_nothing():
    """Also where a caller pads with something else than silence."""
    settings = config.Encoder(layers=2, width=6, stride=3, channels=3)
    _, session = made_up(settings)
    features, lengths = padded_batch([30, 12])
    clean, frames = session.run(None, {"features": features, "lengths": lengths})
    hidden_by_padding = features.copy()
    hidden_by_padding[1, 13:] = 7  # the convolutions see one frame beyond the end, which must be zero
    dirty, _ = session.run(None, {"features": hidden_by_padding, "lengths": lengths})
    np.testing.assert_array_equal(dirty[1, : frames[1]], clean[1, : frames[1]])


def test_only_standard_operators():
    settings = config.Encoder(layers=1, width=4, channels=2)
    model = graph_of(settings, Acoustics(settings))
    assert {node.domain for node in model.graph.node} == {""}
    assert [opset.domain for opset in model.opset_import] == [""]
