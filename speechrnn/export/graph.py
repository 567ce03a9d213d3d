"""A thin pen for ONNX graphs: nodes are written one by one, in the order the data flows.

Front end, encoder and head each add their nodes to one `GraphBuilder`; `build` closes the graph. Written by
hand rather than by an exporter because exporters do not carry lengths through bidirectional layers.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
FLOAT = TensorProto.FLOAT
INT32 = TensorProto.INT32
INT64 = TensorProto.INT64


class GraphBuilder:
    """Collects nodes and constants; every method that adds some returns the names of the values it made.

    `section` is the part of the model under construction. Names of nodes and values start with it, so that
    whoever opens the file in a viewer finds his way, `int8.py` the nodes that it may touch, and
    `read_back.py` the weights.
    """

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.section = "graph"

    def constant(self, value: npt.ArrayLike, name: str, dtype: npt.DTypeLike | None = None) -> str:
        """Store `value` under a name that holds `name`."""
        unique = f"{self.section}/{name}.{len(self.constants)}"
        self.constants.append(
            numpy_helper.from_array(np.ascontiguousarray(np.asarray(value, dtype=dtype)), unique)
        )
        return unique

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Append `operator` with one output."""
        return self.nodes_out(operator, 1, *inputs, domain=domain, **attributes)[0]

    def nodes_out(
        self, operator: str, count: int, *inputs: str, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Append `operator` with `count` outputs."""
        name = f"{self.section}/{operator.lower()}.{len(self.nodes)}"
        outputs = [f"{name}.{number}" for number in range(count)]
        self.nodes.append(
            helper.make_node(operator, list(inputs), outputs, name=name, domain=domain, **attributes)
        )
        return outputs

    def rename(self, value: str, name: str) -> None:
        """Give `value` the public name `name`, for an output of the graph."""
        self.nodes.append(helper.make_node("Identity", [value], [name], name=name))

    def build(
        self, inputs: dict[str, tuple[int, list[str | int]]], outputs: dict[str, tuple[int, list[str | int]]]
    ) -> onnx.ModelProto:
        """Return the model; `inputs` and `outputs` map names to (TensorProto type, shape)."""
        graph = helper.make_graph(
            self.nodes,
            "speechrnn",
            [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
            [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()],
            self.constants,
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="speechrnn",
        )
