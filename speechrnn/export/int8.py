"""An fp32 graph becomes one with int8 weights: a quarter of the size, and for LSTMs three times the speed.

ONNX Runtime has an int8 kernel for LSTM (`DynamicQuantizeLSTM`) and for products with a matrix, and none for
GRU and plain RNN. Of those the file is quantised and the weights become floats again when it is loaded: as
small, but no faster. Front end, convolutions and what is read off the encoder stay in fp32: they are small,
and decide much. A writer's head decides as much and is large: it is stored like a GRU, with eight bits, and
reads activations in fp32 (that of a model with 1,000 pieces: 35.07 % of the words of held-out speakers wrong,
as in fp32; with seven bits 35.34).

Weights have a scale for each row, and seven bits where they meet int8 activations: on x86 without VNNI the
sum of two products of eight bits saturates. Measured on such a processor, mean distance from fp32:

    bits and scales       untrained 4x320 BiLSTM on noise     trained 2x256 BiLSTM on 80 spoken sentences
                          (distance of log-probabilities)     (share of probability moved)
    eight, one a matrix   0.152                               0.0022
    eight, one a row      0.159                               0.0035
    seven, one a matrix   0.026                               0.0034
    seven, one a row      0.024                               0.0025
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from speechrnn.export.graph import FLOAT

# ONNX Runtime's quantiser asks, through the root logger, for a preparation that graphs written by hand do
# not need, unless this entry says that it was done.
PREPARED = {"onnx.quant.pre_process": "onnxruntime.quant"}
FILE_ONLY = ("GRU", "RNN")


def with_int8_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` with the weights of its recurrent and dense layers in int8; its metadata are kept."""
    quantised = _stored_in_int8(_computed_in_int8(model))
    helper.set_model_props(quantised, {entry.key: entry.value for entry in model.metadata_props})
    onnx.checker.check_model(quantised)
    return quantised


def _computed_in_int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` with int8 kernels for LSTM and for the products inside encoder and writer."""
    chosen = [node.name for node in model.graph.node if node.op_type == "LSTM" or _is_dense(node)]
    prepared = onnx.ModelProto()
    prepared.CopyFrom(model)
    helper.set_model_props(prepared, PREPARED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        quantize_dynamic(
            prepared,
            path,
            nodes_to_quantize=chosen,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
        return onnx.load(path)


def _is_dense(node: onnx.NodeProto) -> bool:
    computed = ("subsampling/", "layer", "writer_layer", "writer/")
    return node.op_type == "MatMul" and node.name.startswith(computed)


def _stored_places(node: onnx.NodeProto) -> dict[int, int]:
    """Return which inputs of `node` are weights to be stored in int8, and along which axis each is summed."""
    if node.op_type in FILE_ONLY:
        return {1: -1, 2: -1}  # input weights, recurrent weights
    return {1: -2} if node.op_type == "MatMul" and node.name.startswith("writer_head") else {}


def _stored_in_int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` with further weights in int8, and nodes that turn them to floats at loading."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        for place, axis in _stored_places(node).items():
            tensor = weights[node.input[place]]
            nodes += _replaced(model.graph, tensor, axis)
            node.input[place] = f"{tensor.name}.float"
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _replaced(graph: onnx.GraphProto, tensor: onnx.TensorProto, axis: int) -> list[onnx.NodeProto]:
    """Replace `tensor` by integers in `graph`, a scale for all along `axis`; return what multiplies them.

    A cast and a product rather than `DequantizeLinear`: ONNX Runtime computes the former once, at loading.
    """
    weight = numpy_helper.to_array(tensor)
    scale = np.abs(weight).max(axis=axis, keepdims=True) / 127
    scale[scale == 0] = 1
    name = tensor.name
    graph.initializer.remove(tensor)
    graph.initializer.append(numpy_helper.from_array(np.rint(weight / scale).astype(np.int8), f"{name}.int8"))
    graph.initializer.append(numpy_helper.from_array(scale.astype(np.float32), f"{name}.scale"))
    return [
        helper.make_node("Cast", [f"{name}.int8"], [f"{name}.cast"], name=f"{name}.cast", to=FLOAT),
        helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], [f"{name}.float"], name=f"{name}.float"),
    ]
