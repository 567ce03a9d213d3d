"""The looks at a recording in several phases as nodes of the graph, and their mean (`subsampling.py`).

Between front end and encoder a batch becomes several batches, one for each phase; behind the head they become
one again. The same computation as `Network.in_all_phases`.
"""

import numpy as np

from speechrnn.config import Encoder
from speechrnn.export.graph import GraphBuilder
from speechrnn.subsampling import TIME_STRIDES, phase_offsets


def add_shifted(graph: GraphBuilder, settings: Encoder, features: str, frames: str) -> tuple[str, str]:
    """Add the batches that follow the first; return all of them, [phases x batch, frames, bins] and [...]."""
    graph.section = "phases"
    offsets = phase_offsets(settings.stride, settings.phases)
    room = offsets[-1]
    batches, lengths = [], []
    for offset in offsets:
        pads = graph.constant([0, offset, 0, 0, room - offset, 0], "pads", np.int64)
        batches.append(graph.node("Pad", features, pads))
        lengths.append(graph.node("Add", frames, graph.constant(offset, "offset", np.int64)))
    return graph.node("Concat", *batches, axis=0), graph.node("Concat", *lengths, axis=0)


def add_mean(
    graph: GraphBuilder, settings: Encoder, features: str, log_probs: str, frames: str
) -> tuple[str, str]:
    """Add the mean over the phases of `log_probs` [phases x batch, frames, tokens]; return it and its frames.

    `features` [batch, frames, bins] are those before the shift: the mean has as many frames as they give.
    """
    graph.section = "phases"
    room = graph.node("Shape", features, start=1, end=2)
    for stride in TIME_STRIDES[settings.stride]:
        raised = graph.node("Add", room, graph.constant([stride - 1], "rounding", np.int64))
        room = graph.node("Div", raised, graph.constant([stride], "stride", np.int64))
    first, axis = graph.constant([0], "first", np.int64), graph.constant([1], "axis", np.int64)
    looks = graph.nodes_out("Split", settings.phases, log_probs, axis=0)
    summed = graph.node("Add", *looks)
    mean = graph.node("Mul", summed, graph.constant(1 / settings.phases, "share", np.float32))
    mean = graph.node("Slice", mean, first, room, axis)
    return (
        graph.node("LogSoftmax", mean, axis=-1),
        graph.nodes_out("Split", settings.phases, frames, axis=0)[0],
    )
