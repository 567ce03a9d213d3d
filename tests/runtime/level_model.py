"""A made-up model that hears loudness: a token is a level of the signal, a frame a twentieth of a second.

What it writes is known exactly, so tests of windows, threads and commands need no trained network.
"""

from pathlib import Path

import numpy as np
import onnx

from speechrnn.config import Model
from speechrnn.export.assemble import described
from speechrnn.export.graph import FLOAT, INT64, GraphBuilder
from speechrnn.metadata import Metadata
from speechrnn.text import BLANK, Vocabulary

RATE = 16000
FRAME = RATE // 20
LETTERS = Vocabulary("characters", (BLANK, " ", "a", "b", "c", "d", "e"))
SOUNDS = Vocabulary("sounds", (BLANK, "Q", "A", "B", "C", "D", "E"))
METADATA = Metadata(
    format=1,
    vocabulary=LETTERS,
    sample_rate=RATE,
    frame_rate=RATE / FRAME,
    receptive_field=FRAME,
    precision="fp32",
    configuration=Model(),
    card={"name": "levels"},
)

AB_OR_AC = np.repeat(np.array([0.0, 0.2, 0.0, 0.345, 0.0], np.float32), FRAME)
"""Samples [samples] in which the model hears `ab`, and nearly as much `ac`: b is e times as likely as c."""


def write_level_model(path: Path, metadata: Metadata = METADATA) -> Path:
    """Write the model; where `metadata` have sounds, a level is as much a sound as a letter."""
    graph = GraphBuilder()
    axis = graph.constant([1], "axis", np.int64)
    loudness = graph.node(
        "AveragePool",
        graph.node("Unsqueeze", graph.node("Abs", "audio"), axis),
        kernel_shape=[FRAME],
        strides=[FRAME],
    )  # [batch, 1, frames]
    loudness = graph.node("Transpose", loudness, perm=[0, 2, 1])
    levels = np.arange(len(LETTERS), dtype=np.float32) / 10
    distance = graph.node("Sub", loudness, graph.constant(levels, "levels"))
    logits = graph.node(
        "Mul", graph.node("Mul", distance, distance), graph.constant(-1e3, "slope", np.float32)
    )
    graph.rename(graph.node("LogSoftmax", logits, axis=-1), "log_probs")
    graph.rename(graph.node("Div", "lengths", graph.constant(FRAME, "frame", np.int64)), "frames")
    outputs = {"log_probs": (FLOAT, ["batch", "time", len(LETTERS)]), "frames": (INT64, ["batch"])}
    if metadata.sounds is not None:
        graph.rename(graph.node("Identity", "log_probs"), "sounds")
        outputs["sounds"] = outputs["log_probs"]
    model = graph.build({"audio": (FLOAT, ["batch", "samples"]), "lengths": (INT64, ["batch"])}, outputs)
    onnx.save(described(model, metadata), path)
    return path


def speak(text: str) -> np.ndarray:
    """Return samples [samples] in which the model hears `text`: 0.1 s a letter, 0.5 s a space."""
    levels: list[float] = []
    for letter in text:
        levels += [0.0, LETTERS.symbols.index(letter) / 10]
        levels += [0.0] * 8 * (letter == " ")
    return np.repeat(np.array([*levels, 0.0], np.float32), FRAME)
