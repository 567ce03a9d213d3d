"""An `.onnx` file of ours, opened with ONNX Runtime: windows of samples in, log-probabilities out.

The third arrow on the way of a recording. One window is one run on one thread, so what a window gives never
depends on its company: int8 graphs scale activations over all that they are given at once. Whoever wants all
cores runs several windows at a time; `log_probs` may be called from many threads.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.metadata import METADATA_KEY, Metadata, decode_metadata
from speechrnn.outputs import LOG_PROBS, SOUNDS

Samples = npt.NDArray[np.float32]
LogProbs = npt.NDArray[np.float32]

SHORTEST_SECONDS = 0.1
"""Shorter windows are filled up with padding, so that every operator has something to work on."""
FATAL_ONLY = 4
"""ONNX Runtime's level at which it keeps its warnings to itself."""


class AcousticModel:
    """The network of an `.onnx` file, with the file's `metadata`."""

    def __init__(self, path: Path) -> None:
        """Open `path`; raises SpeechRnnError where it is not a whole, current speechrnn model."""
        self.path = path
        self.session = _open(path)
        try:
            self.metadata = _metadata(self.session, path)
            _check_contract(self.session, self.metadata, path)
        except UnicodeDecodeError:  # ONNX Runtime hands over names and texts as they stand in the file
            raise SpeechRnnError(f"{path}: its names are damaged; copy or export it again") from None

    def log_probs(self, samples: Samples, output: str = LOG_PROBS) -> LogProbs:
        """Return natural log-probabilities [frames, tokens] of one window of `samples` [samples].

        `output` is the graph's: what is written, or `SOUNDS` [frames, sounds] where the model knows them.
        """
        missing = max(0, int(SHORTEST_SECONDS * self.metadata.sample_rate) - len(samples))
        feed = {
            "audio": np.pad(samples, (0, missing))[None],
            "lengths": np.array([len(samples)], np.int64),
        }
        try:
            log_probs, frames = self.session.run([output, "frames"], feed)
        except Exception as error:  # ONNX Runtime's errors have no other base class
            raise SpeechRnnError(
                f"{self.path}: the network fails ({_first_line(error)}); export it again"
            ) from error
        result: LogProbs = log_probs[0, : frames[0]]
        if np.isnan(result).any():
            raise SpeechRnnError(f"{self.path}: the network gives NaN; train or export it again")
        return result


def _open(path: Path) -> onnxruntime.InferenceSession:
    check_readable(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # ONNX Runtime's errors have no other base class
        raise SpeechRnnError(
            f"{path}: is not a whole .onnx file ({_first_line(error)}); copy or export it again"
        ) from error


def _metadata(session: onnxruntime.InferenceSession, path: Path) -> Metadata:
    entries = session.get_modelmeta().custom_metadata_map
    if METADATA_KEY not in entries:
        raise SpeechRnnError(f"{path}: is not a speechrnn model; name an .onnx that `speechrnn export` wrote")
    return decode_metadata(entries[METADATA_KEY], str(path))


def _check_contract(session: onnxruntime.InferenceSession, metadata: Metadata, path: Path) -> None:
    """Raise SpeechRnnError unless inputs and outputs are those that every model of ours has."""
    inputs = {value.name: (value.type, len(value.shape)) for value in session.get_inputs()}
    outputs = {value.name: (value.type, value.shape[-1:]) for value in session.get_outputs()}
    wanted = {"audio": ("tensor(float)", 2), "lengths": ("tensor(int64)", 1)}
    heads = {LOG_PROBS: metadata.vocabulary} | ({SOUNDS: metadata.sounds} if metadata.sounds else {})
    fit = [outputs.get(name) == ("tensor(float)", [len(symbols)]) for name, symbols in heads.items()]
    if inputs != wanted or not all(fit) or "frames" not in outputs:
        raise SpeechRnnError(f"{path}: its graph does not fit its description; copy or export it again")


def _first_line(error: Exception) -> str:
    """Return what ONNX Runtime says, without its code and what follows the first line."""
    lines = str(error).split(" : ")[-1].strip().splitlines()
    return lines[0] if lines else type(error).__name__
