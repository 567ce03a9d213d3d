"""The writer as graph nodes: log-probabilities of sounds in, of tokens out.

The twin of `training/model/writer.py`. Stands behind the mean of both looks at a recording, so it
reads once what was heard twice.
"""

import numpy as np

from speechrnn.config import Model
from speechrnn.export.encoder import Weights, add_layer, add_linear, add_norm, add_valid
from speechrnn.export.graph import GraphBuilder
from speechrnn.outputs import FRAMES_A_STEP, QUIETEST


def add_writer(graph: GraphBuilder, settings: Model, weights: Weights, heard: str, frames: str) -> str:
    """Add the writer; return natural log-probabilities [batch, frames, tokens].

    `heard` [batch, frames, sounds] are those of the sounds, of which the first `frames` [batch] count.
    """
    graph.section = "writer"
    sounds = len(weights["sound_head.bias"])
    steps = graph.node("Add", frames, graph.constant(FRAMES_A_STEP - 1, "rounding", np.int64))
    steps = graph.node("Div", steps, graph.constant(FRAMES_A_STEP, "step", np.int64))
    hidden = graph.node(
        "Transpose", _seen(graph, heard, frames, sounds), perm=[1, 0, 2]
    )  # [steps, batch, seen]
    valid = add_valid(graph, hidden, steps)
    hidden = graph.node("Mul", add_linear(graph, weights, "writer.projection", hidden), valid)
    for number in range(settings.writer.layers):
        graph.section = f"writer_layer{number}"
        name = f"writer.layers.{number}"
        hidden = add_layer(graph, settings.encoder, weights, name, hidden, valid, steps)
    graph.section = "writer_head"
    hidden = graph.node("Transpose", add_norm(graph, weights, "writer.norm", hidden), perm=[1, 0, 2])
    read = [
        add_linear(graph, weights, f"writer.of_frames.{number}", hidden) for number in range(FRAMES_A_STEP)
    ]
    apart = graph.constant([0, -1, settings.writer.bottleneck], "apart", np.int64)
    each = graph.node("Reshape", graph.node("Concat", *read, axis=-1), apart)
    first, axis = graph.constant([0], "first", np.int64), graph.constant([1], "axis", np.int64)
    each = graph.node("Slice", each, first, graph.node("Shape", heard, start=1, end=2), axis)
    return graph.node("LogSoftmax", add_linear(graph, weights, "writer.head", each), axis=-1)


def _seen(graph: GraphBuilder, heard: str, frames: str, sounds: int) -> str:
    """Return what each step sees of `heard`, [batch, steps, seen], zero in the padding."""
    clipped = graph.node("Max", heard, graph.constant(QUIETEST, "quietest", np.float32))
    scaled = graph.node("Mul", clipped, graph.constant(0.25, "quarter", np.float32))
    raised = graph.node("Add", scaled, graph.constant(1, "one", np.float32))
    doubled = graph.node("Mul", graph.node("Exp", heard), graph.constant(2, "two", np.float32))
    seen = graph.node("Transpose", graph.node("Concat", raised, doubled, axis=-1), perm=[1, 0, 2])
    seen = graph.node("Mul", seen, add_valid(graph, seen, frames))
    seen = graph.node("Transpose", seen, perm=[1, 0, 2])
    # Padded by all but one frame of a step, then cut to whole steps.
    padded = graph.node("Pad", seen, graph.constant([0, 0, 0, 0, FRAMES_A_STEP - 1, 0], "pads", np.int64))
    step = graph.constant([FRAMES_A_STEP], "step", np.int64)
    whole = graph.node("Mul", graph.node("Div", graph.node("Shape", padded, start=1, end=2), step), step)
    first, axis = graph.constant([0], "first", np.int64), graph.constant([1], "axis", np.int64)
    cut = graph.node("Slice", padded, first, whole, axis)
    together = graph.constant([0, -1, FRAMES_A_STEP * 2 * sounds], "together", np.int64)
    return graph.node("Reshape", cut, together)
