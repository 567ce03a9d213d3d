"""A trained model on disk: `config.json` and `weights.safetensors`, nothing that can execute.

Training writes the folder, `export`, fine-tuning, `evaluate` and `info` read it. The configuration says what
the network is, the weights fill it: float32 arrays under the names that the network gives its parameters.
"""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from speechrnn.config import Model
from speechrnn.errors import SpeechRnnError, check_readable, missing_extra
from speechrnn.metadata import FORMAT, check_format
from speechrnn.text import Vocabulary

CONFIGURATION_FILE = "config.json"
WEIGHTS_FILE = "weights.safetensors"


@dataclass(frozen=True)
class TrainedModel:
    """A trained model as values: what it is, what it writes, its weights, its card, the sounds it knows."""

    model: Model
    vocabulary: Vocabulary
    weights: dict[str, npt.NDArray[np.float32]]
    card: dict[str, Any] = field(default_factory=dict)
    sounds: Vocabulary | None = None


@dataclass(frozen=True)
class _Configuration:
    """The content of `config.json`."""

    format: int
    model: Model
    vocabulary: Vocabulary
    card: dict[str, Any]
    sounds: Vocabulary | None = None


def write_model_folder(folder: Path, trained: TrainedModel) -> None:
    """Write `trained` as `folder`, whole or not at all; a model that was there before is replaced.

    Raises SpeechRnnError where the disk is full or the place cannot be written.
    """
    from safetensors.numpy import save_file

    configuration = _Configuration(FORMAT, trained.model, trained.vocabulary, trained.card, trained.sounds)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            text = msgspec.json.format(msgspec.json.encode(configuration), indent=2)
            (fresh / CONFIGURATION_FILE).write_bytes(text + b"\n")
            save_file(_contiguous(trained.weights), fresh / WEIGHTS_FILE)
            fresh.chmod(0o755)
            _replace(folder, fresh)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise SpeechRnnError(
            f"{folder}: cannot be written ({error.strerror}); free space or choose another folder"
        ) from error


def read_model_folder(folder: Path) -> TrainedModel:
    """Return the model in `folder`; raises SpeechRnnError where a file is missing, cut short or not ours."""
    if not folder.is_dir():
        raise SpeechRnnError(f"{folder}: is not a model folder; name a folder with a {CONFIGURATION_FILE}")
    configuration = _read_configuration(folder / CONFIGURATION_FILE)
    weights = _read_weights(folder / WEIGHTS_FILE)
    return TrainedModel(
        configuration.model, configuration.vocabulary, weights, configuration.card, configuration.sounds
    )


def _read_configuration(path: Path) -> _Configuration:
    check_readable(path)
    text = path.read_bytes()
    check_format(text, str(path))
    try:
        return msgspec.json.decode(text, type=_Configuration)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SpeechRnnError(
            f"{path}: does not fit ({error}); it was changed or made by another version"
        ) from None
    except SpeechRnnError as error:
        raise SpeechRnnError(f"{path}: {error}") from None


def _read_weights(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load
    except ImportError:
        raise missing_extra("safetensors", "export", "reading a model folder") from None
    check_readable(path)
    try:
        weights = load(path.read_bytes())
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise SpeechRnnError(f"{path}: is damaged or cut short ({error}); copy the folder again") from None
    for name, weight in weights.items():
        if weight.dtype != np.float32 or not np.isfinite(weight).all():
            raise SpeechRnnError(
                f"{path}: {name} is not finite float32 numbers; train or copy the model again"
            )
    return weights


def _contiguous(weights: dict[str, npt.NDArray[np.float32]]) -> dict[str, npt.NDArray[np.float32]]:
    """Return the weights laid out as safetensors stores them, which takes no strides into account."""
    return {name: np.ascontiguousarray(weight, dtype=np.float32) for name, weight in weights.items()}


def _replace(folder: Path, fresh: Path) -> None:
    """Move the files of `fresh` to `folder`; those of an old model go only now that the new one is whole."""
    folder.mkdir(exist_ok=True)
    for name in (WEIGHTS_FILE, CONFIGURATION_FILE):
        (fresh / name).replace(folder / name)
