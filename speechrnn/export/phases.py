"""Two looks at a recording, in two phases of the frames (`subsampling.py`), as nodes of the graph.

Between front end and encoder the batch is doubled, behind the head the mean makes one of the two halves. The
same computation as `Network.in_all_phases`.
"""

import numpy as np

from speechrnn.config import Encoder
from speechrnn.export.graph import GraphBuilder
from speechrnn.subsampling import TIME_STRIDES, phase_offsets


def add_shifted(graph: GraphBuilder, settings: Encoder, features: str, frames: str) -> tuple[str, str]:
    """Return the batch as it is and, after it, shifted: [2 x batch, frames, bins], and frames [2 x batch]."""
    graph.section = "phases"
    offsets = phase_offsets(settings.stride, settings.phases)
    room = offsets[-1]
    batches, lengths = [], []
    for offset in offsets:
        pads = graph.constant([0, offset, 0, 0, room - offset, 0], "pads", np.int64)
        batches.append(graph.node("Pad", features, pads))
        lengths.append(graph.node("Add", frames, graph.constant(offset, "offset", np.int64)))
    return graph.node("Concat", *batches, axis=0), graph.node("Concat", *lengths, axis=0)


def add_mean(graph: GraphBuilder, settings: Encoder, features: str, log_probs: str) -> str:
    """Return the mean of both halves of `log_probs` [2 x batch, frames, tokens].

    `features` [batch, frames, bins] are those before the shift: the mean has as many frames as they give.
    """
    graph.section = "phases"
    room = graph.node("Shape", features, start=1, end=2)
    for stride in TIME_STRIDES[settings.stride]:
        raised = graph.node("Add", room, graph.constant([stride - 1], "rounding", np.int64))
        room = graph.node("Div", raised, graph.constant([stride], "stride", np.int64))
    first, axis = graph.constant([0], "first", np.int64), graph.constant([1], "axis", np.int64)
    one, other = graph.nodes_out("Split", 2, log_probs, axis=0)
    mean = graph.node("Mul", graph.node("Add", one, other), graph.constant(0.5, "half", np.float32))
    mean = graph.node("Slice", mean, first, room, axis)
    return graph.node("LogSoftmax", mean, axis=-1)


def add_first_half(graph: GraphBuilder, frames: str) -> str:
    """Return the first half of `frames` [2 x batch]: those of the mean."""
    graph.section = "phases"
    return graph.nodes_out("Split", 2, frames, axis=0)[0]
