"""An `.onnx` of ours becomes a trained model again: the way of `assemble.py` and `int8.py`, backwards.

So a file that ships is all that fine-tuning needs. The weights of an fp32 file are those that were exported,
bit for bit; those of an int8 file are the floats that its integers stand for, at most half a step of their
row from the originals. They are found by their names in the graph (`graph.py`): section, kind, and a number
that rises in the order of writing.
"""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from speechrnn import config
from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.export.encoder import CELLS, Cell
from speechrnn.metadata import METADATA_KEY, decode_metadata
from speechrnn.model_folder import TrainedModel
from speechrnn.outputs import FRAMES_A_STEP
from speechrnn.subsampling import TIME_STRIDES

Floats = npt.NDArray[np.float32]

STORED = re.compile(r"(?P<name>(?P<kind>\w+/\w+)\.\d+)(?P<form>_quantized|\.int8|)")


def read_onnx(path: Path) -> TrainedModel:
    """Return the model that the `.onnx` file `path` was exported from, as far as it can be known.

    Raises SpeechRnnError where the file is damaged or none of ours.
    """
    check_readable(path)
    try:
        model = onnx.load(path)
    except DecodeError:
        raise SpeechRnnError(f"{path}: is not a whole .onnx file; copy or export it again") from None
    properties = {entry.key: entry.value for entry in model.metadata_props}
    if METADATA_KEY not in properties:
        raise SpeechRnnError(f"{path}: is not a speechrnn model; name an .onnx that `speechrnn export` wrote")
    metadata = decode_metadata(properties[METADATA_KEY], str(path))
    try:
        weights = weights_of(model.graph, metadata.configuration, metadata.sounds is not None)
    except (KeyError, IndexError, ValueError):
        raise SpeechRnnError(
            f"{path}: its graph does not fit its description; copy or export it again"
        ) from None
    return TrainedModel(metadata.configuration, metadata.vocabulary, weights, metadata.card, metadata.sounds)


def weights_of(
    graph: onnx.GraphProto, settings: config.Model, with_sounds: bool = False
) -> dict[str, Floats]:
    """Return the weights in `graph` under the names and in the shapes that the network gives them.

    Raises KeyError or IndexError where one is missing, ValueError where one has an impossible shape.
    """
    stored = _Stored(graph)
    weights: dict[str, Floats] = {}
    if settings.front_end.normalisation == "global":
        weights["front_end.mean"] = stored.next("front_end/mean").ravel()
        weights["front_end.deviation"] = stored.next("front_end/deviation").ravel()
    for number in range(len(TIME_STRIDES[settings.encoder.stride])):
        name = f"encoder.subsampling.convolutions.{number}"
        weights[f"{name}.weight"] = stored.next("subsampling/kernel")
        weights[f"{name}.bias"] = stored.next("subsampling/bias")
    weights |= _linear(stored, "subsampling", "encoder.projection")
    for number in range(settings.encoder.layers):
        weights |= _layer(stored, f"layer{number}", f"encoder.layers.{number}", settings.encoder)
    weights |= _norm(stored, "norm", "encoder.norm")
    if with_sounds:
        weights |= _linear(stored, "sound_head", "sound_head")
    if not settings.writer.layers:
        return weights | _linear(stored, "head", "head")
    weights |= _linear(stored, "writer", "writer.projection")
    for number in range(settings.writer.layers):
        weights |= _layer(stored, f"writer_layer{number}", f"writer.layers.{number}", settings.encoder)
    weights |= _norm(stored, "writer_head", "writer.norm")
    for number in range(FRAMES_A_STEP):
        weights |= _linear(stored, "writer_head", f"writer.of_frames.{number}")
    return weights | _linear(stored, "writer_head", "writer.head")


class _Stored:
    """The weights in a graph as floats in the layout of the fp32 graph, each kind in the order of writing."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.tensors = {tensor.name: tensor for tensor in graph.initializer}
        self.waiting: dict[str, list[re.Match[str]]] = defaultdict(list)
        found = [match for name in self.tensors if (match := STORED.fullmatch(name))]
        for match in sorted(found, key=lambda match: int(match["name"].rpartition(".")[2])):
            self.waiting[match["kind"]].append(match)

    def next(self, kind: str) -> Floats:
        """Return the next weights of `kind`, such as "head/bias"."""
        match = self.waiting[kind].pop(0)
        name, numbers = match["name"], self.array(match.group())
        if match["form"] == ".int8":
            return np.float32(numbers) * self.array(f"{name}.scale")
        if match["form"] == "_quantized":
            scale, zero = (self.array(f"{name}_{part}")[..., None, :] for part in ("scale", "zero_point"))
            matrices = (np.float32(numbers) - zero) * scale
            # The int8 kernel for LSTM wants its matrices the other way round than the one in fp32.
            return matrices.swapaxes(-1, -2) if kind.endswith("_weights") else matrices
        return numbers

    def array(self, name: str) -> Floats:
        return numpy_helper.to_array(self.tensors[name])


def _linear(stored: _Stored, section: str, name: str) -> dict[str, Floats]:
    matrix, bias = stored.next(f"{section}/weight"), stored.next(f"{section}/bias")
    return {f"{name}.weight": matrix.T, f"{name}.bias": bias}


def _norm(stored: _Stored, section: str, name: str) -> dict[str, Floats]:
    scale, bias = stored.next(f"{section}/scale"), stored.next(f"{section}/bias")
    return {f"{name}.weight": scale, f"{name}.bias": bias}


def _layer(stored: _Stored, section: str, name: str, settings: config.Encoder) -> dict[str, Floats]:
    """Return the weights of a layer of the encoder or of the writer."""
    weights = _norm(stored, section, f"{name}.norm")
    if settings.cell == "none":
        return weights | _linear(stored, section, f"{name}.dense")
    if settings.bottleneck:
        weights[f"{name}.bottleneck.weight"] = stored.next(f"{section}/weight").T
    return weights | _recurrent(stored, section, f"{name}.recurrent.recurrence", settings)


def _recurrent(stored: _Stored, section: str, name: str, settings: config.Encoder) -> dict[str, Floats]:
    """Return the weights of a recurrent layer: directions apart, gates in PyTorch's order."""
    cell = CELLS[settings.cell]
    inputs, recurrent = stored.next(f"{section}/input_weights"), stored.next(f"{section}/recurrent_weights")
    biases = np.split(stored.next(f"{section}/bias"), 2, axis=1)
    kinds = zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), (inputs, recurrent, *biases), strict=True)
    ends = ("_l0", "_l0_reverse") if settings.bidirectional else ("_l0",)
    return {
        f"{name}.{kind}{end}": _reordered(of_direction, cell)
        for kind, both in kinds
        for end, of_direction in zip(ends, both, strict=True)
    }


def _reordered(weight: Floats, cell: Cell) -> Floats:
    """Return `weight` [gates x width, ...] with the gates in PyTorch's order."""
    gates = np.split(weight, len(cell.gates))
    return np.concatenate([gates[cell.gates.index(number)] for number in range(len(gates))])
