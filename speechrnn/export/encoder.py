"""The encoder as graph nodes: subsampling, projection, stack, head. The twin of `training/model/encoder.py`.

Takes the features of `front_end.py` and the weights of a model folder. Every layer gets its input with zeros
in the padding, and the recurrent nodes get the lengths as `sequence_lens`, so an utterance never sees its
neighbours. The stack runs time first, [frames, batch, width], as the recurrent nodes want it.

ONNX orders the gates of its cells in another way than PyTorch: see `GATES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from speechrnn.config import Encoder
from speechrnn.export.graph import FLOAT, INT32, GraphBuilder
from speechrnn.subsampling import FREQUENCY_STRIDES, TIME_STRIDES

Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Cell:
    """How a recurrent cell is written in ONNX: `gates` are PyTorch's gate numbers in ONNX's order."""

    operator: str
    gates: tuple[int, ...]
    attributes: dict[str, Any]


CELLS = {
    "lstm": Cell("LSTM", (0, 3, 1, 2), {}),  # PyTorch: input, forget, cell, output; ONNX: i, o, f, c
    "gru": Cell("GRU", (1, 0, 2), {"linear_before_reset": 1}),  # reset, update, new; ONNX: z, r, h
    "rnn": Cell("RNN", (0,), {}),
}


def add_encoder(
    graph: GraphBuilder, settings: Encoder, weights: Weights, features: str, frames: str
) -> tuple[str, str]:
    """Add subsampling and stack; return hidden states [frames, batch, width] and their counts [batch].

    `features` is float32 [batch, frames, bins] with zeros in the padding, `frames` int64 [batch].
    """
    graph.section = "subsampling"
    hidden, frames = _add_subsampling(graph, settings, weights, features, frames)
    valid = add_valid(graph, hidden, frames)
    hidden = graph.node("Mul", add_linear(graph, weights, "encoder.projection", hidden), valid)
    for number in range(settings.layers):
        graph.section = f"layer{number}"
        hidden = add_layer(graph, settings, weights, f"encoder.layers.{number}", hidden, valid, frames)
    graph.section = "norm"
    return graph.node("Mul", add_norm(graph, weights, "encoder.norm", hidden), valid), frames


def add_layer(
    graph: GraphBuilder, settings: Encoder, weights: Weights, name: str, hidden: str, valid: str, frames: str
) -> str:
    """Add the layer whose weights are called `name`; return the sum of its input and what it makes of it.

    `hidden` is [frames, batch, width]; `valid` [frames, batch, 1] is 1 in the `frames` [batch] of each
    utterance and 0 in the padding.
    """
    inputs = graph.node("Mul", add_norm(graph, weights, f"{name}.norm", hidden), valid)
    if settings.cell == "none":
        outputs = graph.node("Relu", add_linear(graph, weights, f"{name}.dense", inputs))
    else:
        if settings.bottleneck:
            matrix = graph.constant(weights[f"{name}.bottleneck.weight"].T, "weight")
            inputs = graph.node("MatMul", inputs, matrix)
        lengths = graph.node("Cast", frames, to=INT32)
        outputs = _add_recurrent(graph, settings, weights, f"{name}.recurrent.recurrence", inputs, lengths)
    return graph.node("Add", hidden, outputs)


def add_valid(graph: GraphBuilder, hidden: str, frames: str) -> str:
    """Return [frames, batch, 1]: 1 in the `frames` [batch] that count of `hidden` [frames, batch, width]."""
    valid = graph.node("Transpose", _valid_frames(graph, hidden, 0, frames), perm=[1, 0])
    return graph.node("Unsqueeze", valid, graph.constant([2], "axis", np.int64))


def add_head(graph: GraphBuilder, weights: Weights, hidden: str, name: str = "head") -> str:
    """Add the linear head `name`; return its natural log-probabilities [batch, frames, tokens]."""
    graph.section = name
    log_probs = graph.node("LogSoftmax", add_linear(graph, weights, name, hidden), axis=-1)
    return graph.node("Transpose", log_probs, perm=[1, 0, 2])


def _add_subsampling(
    graph: GraphBuilder, settings: Encoder, weights: Weights, features: str, frames: str
) -> tuple[str, str]:
    """Add the convolutions; return [frames, batch, channels x bins] and the frame counts [batch]."""
    hidden = graph.node("Unsqueeze", features, graph.constant([1], "axis", np.int64))
    strides = zip(TIME_STRIDES[settings.stride], FREQUENCY_STRIDES, strict=False)
    for number, (time, frequency) in enumerate(strides):
        name = f"encoder.subsampling.convolutions.{number}"
        kernel = graph.constant(weights[f"{name}.weight"], "kernel")
        bias = graph.constant(weights[f"{name}.bias"], "bias")
        hidden = graph.node("Conv", hidden, kernel, bias, strides=[time, frequency], pads=[1, 1, 1, 1])
        frames = _divide_rounding_up(graph, frames, time)
        valid = _valid_frames(graph, hidden, 2, frames)
        valid = graph.node("Unsqueeze", valid, graph.constant([1, 3], "axes", np.int64))
        hidden = graph.node("Mul", graph.node("Relu", hidden), valid)
    hidden = graph.node("Transpose", hidden, perm=[2, 0, 1, 3])  # [frames, batch, channels, bins]
    return graph.node("Reshape", hidden, graph.constant([0, 0, -1], "shape", np.int64)), frames


def _add_recurrent(
    graph: GraphBuilder, settings: Encoder, weights: Weights, name: str, hidden: str, lengths: str
) -> str:
    """Add a recurrent node over `hidden` [frames, batch, inputs]; return all directions side by side."""
    cell = CELLS[settings.cell]
    suffixes = ("_l0", "_l0_reverse") if settings.bidirectional else ("_l0",)

    def stacked(*kinds: str) -> npt.NDArray[np.float32]:
        """Return the weights of all directions, the rows of each kind in ONNX's order of gates."""
        return np.stack(
            [
                np.concatenate([_reorder(weights[f"{name}.{kind}{end}"], cell) for kind in kinds])
                for end in suffixes
            ]
        )

    outputs = graph.node(
        cell.operator,
        hidden,
        graph.constant(stacked("weight_ih"), "input_weights"),
        graph.constant(stacked("weight_hh"), "recurrent_weights"),
        graph.constant(stacked("bias_ih", "bias_hh"), "bias"),
        lengths,
        hidden_size=settings.width,
        direction="bidirectional" if settings.bidirectional else "forward",
        **cell.attributes,
    )  # [frames, directions, batch, width]
    outputs = graph.node("Transpose", outputs, perm=[0, 2, 1, 3])
    return graph.node("Reshape", outputs, graph.constant([0, 0, -1], "shape", np.int64))


def _reorder(weight: npt.NDArray[np.float32], cell: Cell) -> npt.NDArray[np.float32]:
    """Return `weight` [gates x width, ...] with the gates in ONNX's order."""
    gates = np.split(weight, len(cell.gates))
    return np.concatenate([gates[gate] for gate in cell.gates])


def add_linear(graph: GraphBuilder, weights: Weights, name: str, hidden: str) -> str:
    """Add the linear map `name` with its bias."""
    matrix = graph.constant(weights[f"{name}.weight"].T, "weight")
    return graph.node(
        "Add", graph.node("MatMul", hidden, matrix), graph.constant(weights[f"{name}.bias"], "bias")
    )


def add_norm(graph: GraphBuilder, weights: Weights, name: str, hidden: str) -> str:
    """Add the normalisation `name` over the last axis."""
    scale = graph.constant(weights[f"{name}.weight"], "scale")
    bias = graph.constant(weights[f"{name}.bias"], "bias")
    return graph.node("LayerNormalization", hidden, scale, bias, axis=-1, epsilon=1e-5)


def _divide_rounding_up(graph: GraphBuilder, frames: str, stride: int) -> str:
    if stride == 1:
        return frames
    raised = graph.node("Add", frames, graph.constant(stride - 1, "rounding", np.int64))
    return graph.node("Div", raised, graph.constant(stride, "stride", np.int64))


def _valid_frames(graph: GraphBuilder, hidden: str, axis: int, frames: str) -> str:
    """Return 1 where a frame belongs to its utterance, 0 in the padding: float32 [batch, frames].

    `axis` is the axis of `hidden` that counts frames.
    """
    count = graph.node("Shape", hidden, start=axis, end=axis + 1)
    count = graph.node("Squeeze", count, graph.constant([0], "axis", np.int64))
    zero, one = graph.constant(0, "zero", np.int64), graph.constant(1, "one", np.int64)
    places = graph.node("Range", zero, count, one)
    limits = graph.node("Unsqueeze", frames, graph.constant([1], "axis", np.int64))
    return graph.node("Cast", graph.node("Less", places, limits), to=FLOAT)
