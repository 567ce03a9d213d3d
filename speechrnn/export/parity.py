"""An exported file is held against the PyTorch network that it was made from, before it gets its name.

Both hear the same made-up recordings in one padded batch, of lengths that nothing was built for. This is the
one place outside of `training` that runs PyTorch, and it imports it when it is called.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import onnxruntime

from speechrnn.errors import SpeechRnnError, missing_extra

Floats = npt.NDArray[np.float32]

SECONDS = (3.217, 1.031, 0.449, 2.003)
"""Lengths of the made-up recordings."""
FP32_TOLERANCE = 1e-3
"""Largest distance of two log-probabilities that are the same but for the order of sums."""
INT8_TOLERANCE = 0.1
"""Largest share of its probability that a frame may move to other tokens, in the mean over frames."""


@dataclass(frozen=True)
class Answer:
    """What a network says to the made-up recordings."""

    log_probs: Floats
    """Natural log-probabilities of tokens and sounds, side by side: [batch, frames, tokens + sounds]."""
    frames: npt.NDArray[np.int64]
    """Valid frames [batch]."""


def answer_of_pytorch(folder: Path) -> Answer:
    """Return what the network in the model folder `folder` says.

    Raises SpeechRnnError where the weights are not those of the configured network, or PyTorch is missing.
    """
    try:
        import torch
    except ImportError:
        raise missing_extra("torch", "train", "checking an export against PyTorch") from None
    from speechrnn.training.model.network_folder import read_network

    network, trained = read_network(folder)
    audio, lengths = made_up_recordings(trained.model.front_end.sample_rate)
    with torch.no_grad():
        log_probs, frames = network.eval()(torch.from_numpy(audio), torch.from_numpy(lengths))
    return Answer(log_probs.numpy(), frames.numpy())


def answer_of_graph(path: Path, sample_rate: int) -> Answer:
    """Return what the `.onnx` file `path` says."""
    audio, lengths = made_up_recordings(sample_rate)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs = [value.name for value in session.get_outputs() if value.name != "frames"]
    *log_probs, frames = session.run([*outputs, "frames"], {"audio": audio, "lengths": lengths})
    return Answer(np.concatenate(log_probs, axis=-1), frames)


def distance_between(found: Answer, wanted: Answer, precision: Literal["fp32", "int8"]) -> float:
    """Return how far an exported graph is from PyTorch.

    In fp32 that is the largest distance of two log-probabilities, in int8 the share of its probability that
    a frame gives to other tokens (total variation), in the mean. Raises SpeechRnnError where it is more than
    the tolerance.
    """
    if not np.array_equal(found.frames, wanted.frames):
        raise SpeechRnnError(
            f"the graph counts {found.frames.tolist()} frames, PyTorch {wanted.frames.tolist()};"
            " this is a bug, please report it with the model's config.json"
        )
    valid = np.arange(wanted.log_probs.shape[1]) < wanted.frames[:, None]
    of_graph, of_pytorch = found.log_probs[valid], wanted.log_probs[valid]
    if precision == "fp32":
        distance, tolerance = float(np.abs(of_graph - of_pytorch).max()), FP32_TOLERANCE
        cure = "this is a bug, please report it with the model's config.json"
    else:
        moved = np.abs(np.exp(of_graph) - np.exp(of_pytorch)).sum(axis=1) / 2
        distance, tolerance = float(moved.mean()), INT8_TOLERANCE
        cure = "export without --int8"
    if not distance <= tolerance:
        raise SpeechRnnError(
            f"the {precision} graph is {distance:.2g} from PyTorch, more than {tolerance}; {cure}"
        )
    return distance


def made_up_recordings(sample_rate: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return noise [batch, samples] that rises and falls as speech does, and the lengths [batch]."""
    random = np.random.default_rng(1)
    lengths = np.array([round(seconds * sample_rate) for seconds in SECONDS], np.int64)
    time = np.arange(lengths.max()) / sample_rate
    audio = np.zeros((len(lengths), len(time)), np.float32)
    for row, length in enumerate(lengths):
        syllables = np.sin(2 * np.pi * random.uniform(2, 5) * time[:length]) ** 2
        audio[row, :length] = 0.1 * syllables * random.normal(size=length)
    return audio, lengths
