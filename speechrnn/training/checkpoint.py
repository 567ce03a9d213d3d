"""The run folder: what is in it, and the training state that a run continues from.

    run.json            what was asked for, and what was settled at the start (updates, precision)
    state.pt            the last checkpoint: weights, average, optimiser, position in the data
    history.jsonl       see `history.py`; tensorboard/ beside it
    best/               model folder: the averaged weights with the lowest validation error rate
    model/              model folder: the averaged weights of the last validation, in the end the result

The state is written to a second file, forced to the disk and then renamed, so that a process killed at any
moment, or a disk that is full, leaves the last good one. It is read with `weights_only=True`: a state from a
stranger cannot execute anything.
"""

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch

from speechrnn import config
from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.text import Vocabulary
from speechrnn.training.given import Given

STATE_FORMAT = 5
STATE_KIND = "speechrnn training state"
RUN_FORMAT = 2


@dataclass(frozen=True)
class RunFolder:
    """The places of a run's files."""

    path: Path

    @property
    def run(self) -> Path:
        """The record of the run."""
        return self.path / "run.json"

    @property
    def state(self) -> Path:
        """The last checkpoint."""
        return self.path / "state.pt"

    @property
    def best(self) -> Path:
        """The model with the lowest validation error rate."""
        return self.path / "best"

    @property
    def model(self) -> Path:
        """The model as it is now, in the end the result."""
        return self.path / "model"

    def create(self) -> None:
        """Make the folder if there is none; raises SpeechRnnError where that is not possible."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpeechRnnError(
                f"{self.path}: cannot be made ({error.strerror}); give --to another folder"
            ) from error


@dataclass(frozen=True)
class RunRecord:
    """What `run.json` holds: a run as it was asked for and as it was settled, on which data."""

    asked: config.Run
    settled: config.Run
    """The same with device, precision, threads and number of updates filled in; never measured again."""
    fingerprint: str
    """Stands for the utterances trained and validated on."""
    vocabulary: Vocabulary
    """What is written: learnt from the training text, or inherited with the weights."""
    sounds: Vocabulary | None = None
    """The sounds of the lexicon, if there is one."""
    lexicon: Given | None = None
    """File that told how words sound."""
    init: Given | None = None
    """Model that the weights came from."""
    format: int = RUN_FORMAT


def write_record(folder: RunFolder, record: RunRecord) -> None:
    """Write `run.json`."""
    write_whole(folder.run, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")


def read_record(folder: RunFolder) -> RunRecord | None:
    """Return what `run.json` holds, or None where no run has begun."""
    if not folder.run.exists():
        return None
    check_readable(folder.run)
    try:
        record = msgspec.json.decode(folder.run.read_bytes(), type=RunRecord)
    except (msgspec.MsgspecError, UnicodeDecodeError, SpeechRnnError) as error:
        raise SpeechRnnError(
            f"{folder.run}: is not the record of a run of this version ({error}); give --to another folder"
        ) from None
    if record.format != RUN_FORMAT:
        raise SpeechRnnError(
            f"{folder.run}: has format version {record.format}, this speechrnn reads {RUN_FORMAT}; "
            "give --to another folder"
        )
    return record


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write the training `state` (tensors, numbers, texts, and containers of them) to `path`."""
    content = io.BytesIO()
    torch.save({"kind": STATE_KIND, "format": STATE_FORMAT} | state, content)
    write_whole(path, content.getvalue())


def read_state(path: Path) -> dict[str, Any]:
    """Return the training state in `path`, on the CPU.

    Raises SpeechRnnError where the file is cut short, of another format version, or not ours.
    """
    check_readable(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (
        Exception
    ) as error:  # PyTorch raises nearly anything for bytes that are not a state; all mean the same
        raise SpeechRnnError(
            f"{path}: is damaged, cut short or not a training state ({type(error).__name__}); "
            "copy it again, or remove it to train from the start"
        ) from error
    if not isinstance(state, dict) or state.get("kind") != STATE_KIND:
        raise SpeechRnnError(f"{path}: is not a training state of speechrnn; name a run folder of speechrnn")
    if state.get("format") != STATE_FORMAT:
        raise SpeechRnnError(
            f"{path}: has format version {state.get('format')}, this speechrnn reads {STATE_FORMAT}; "
            "continue with the speechrnn that wrote it"
        )
    return state


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that at any moment the old content or the new one is there, whole."""
    half_written = path.with_name(path.name + ".partial")
    try:
        with half_written.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        half_written.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        half_written.unlink(missing_ok=True)
        raise SpeechRnnError(
            f"{path}: cannot be written ({error.strerror}); free space and start again; the last save is kept"
        ) from error


def _flush_folder(folder: Path) -> None:
    """Force the renaming inside `folder` to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
