"""An exported file is held against the PyTorch network that it was made from, before it gets its name.

Both hear the same made-up recordings in one padded batch, of lengths that nothing was built for. This is the
one place outside of `training` that runs PyTorch, and it imports it when it is called.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from speechrnn.errors import SpeechRnnError, missing_extra
from speechrnn.metadata import Metadata

Floats = npt.NDArray[np.float32]

SECONDS = (3.217, 1.031, 0.449, 2.003)
"""Lengths of the made-up recordings."""
FP32_TOLERANCE = 1e-3
"""Largest distance of two log-probabilities that are the same but for the order of sums."""
INT8_TOLERANCE = 0.1
"""Largest share of its probability that a frame may move to other tokens, in the mean over frames."""


def check_against_pytorch(exported: Path, folder: Path, metadata: Metadata) -> float:
    """Return how far the `.onnx` file `exported` is from the network in `folder`.

    That is, in fp32, the largest distance of two log-probabilities, and in int8 the share of its probability
    that a frame gives to other tokens (total variation), in the mean. Raises SpeechRnnError where it is more
    than the tolerance.
    """
    audio, lengths = made_up_recordings(metadata.sample_rate)
    wanted, wanted_frames = _run_pytorch(folder, audio, lengths)
    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    found, found_frames = session.run(["log_probs", "frames"], {"audio": audio, "lengths": lengths})
    if not np.array_equal(found_frames, wanted_frames):
        raise SpeechRnnError(
            f"{folder}: the graph counts {found_frames.tolist()} frames, PyTorch {wanted_frames.tolist()};"
            " this is a bug, please report it with the model's config.json"
        )
    valid = np.arange(wanted.shape[1]) < wanted_frames[:, None]
    if metadata.precision == "fp32":
        distance, tolerance = _largest_distance(found[valid], wanted[valid]), FP32_TOLERANCE
    else:
        distance, tolerance = _moved_share(found[valid], wanted[valid]), INT8_TOLERANCE
    if not distance <= tolerance:
        raise SpeechRnnError(
            f"{folder}: the {metadata.precision} graph is {distance:.2g} from PyTorch, more than {tolerance};"
            + (
                " export without --int8"
                if metadata.precision == "int8"
                else " this is a bug, please report it"
            )
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


def _run_pytorch(
    folder: Path, audio: Floats, lengths: npt.NDArray[np.int64]
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return log-probabilities [batch, frames, tokens] and frames [batch] of the network in `folder`."""
    try:
        import torch
    except ImportError:
        raise missing_extra("torch", "train", "checking an export against PyTorch") from None
    from speechrnn.training.network_folder import read_network

    network, _ = read_network(folder)
    with torch.no_grad():
        log_probs, frames = network.eval()(torch.from_numpy(audio), torch.from_numpy(lengths))
    return log_probs.numpy(), frames.numpy()


def _largest_distance(found: Floats, wanted: Floats) -> float:
    return float(np.abs(found - wanted).max())


def _moved_share(found: Floats, wanted: Floats) -> float:
    return float(np.abs(np.exp(found) - np.exp(wanted)).sum(axis=1).mean() / 2)
