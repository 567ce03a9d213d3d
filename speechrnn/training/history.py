"""What a run tells while it goes on: a progress line, `history.jsonl`, and TensorBoard's scalars.

`history.jsonl` holds one JSON object a line, each with `update`: every tenth update with what training sees,
and every validation with its error rates. A run that continues from a state first drops the lines that came
after that state, so that the file reads as if nothing had happened.
"""

import json
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from speechrnn.training.checkpoint import write_whole

HISTORY_FILE = "history.jsonl"
TENSORBOARD_FOLDER = "tensorboard"
UPDATES_A_LINE = 10


class History:
    """The record of a run, open for writing; a context manager."""

    def __init__(self, folder: Path, update: int, updates: int) -> None:
        """Continue the record in `folder` after `update` of `updates`."""
        from torch.utils.tensorboard import SummaryWriter

        self.console = Console(file=sys.stderr, soft_wrap=True, highlight=False)
        self.path = folder / HISTORY_FILE
        _drop_after(self.path, update)
        self.lines = self.path.open("a", encoding="utf-8")
        self.board = SummaryWriter(str(folder / TENSORBOARD_FOLDER), purge_step=update + 1)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.progress.add_task("starting", total=updates, completed=update)

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()
        self.lines.close()
        self.board.close()

    def say(self, text: str) -> None:
        """Print a line above the progress line."""
        self.console.print(text, markup=False)

    def line(self, update: int, values: dict[str, float]) -> None:
        """Write `values` (name -> number; a slash groups names in TensorBoard) as those of `update`."""
        rounded = {name: float(f"{value:.6g}") for name, value in values.items()}
        self.lines.write(json.dumps({"update": update, "time": round(time.time(), 1)} | rounded) + "\n")
        self.lines.flush()
        for name, value in values.items():
            self.board.add_scalar(name, value, update)

    def show(self, update: int, description: str) -> None:
        """Set the progress line to `update` and `description`."""
        self.progress.update(self.task, completed=update, description=description)


class Silence:
    """The record of a rank that does not write."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""

    def line(self, update: int, values: dict[str, float]) -> None:
        """Do nothing."""

    def show(self, update: int, description: str) -> None:
        """Do nothing."""


def _drop_after(path: Path, update: int) -> None:
    """Remove the lines of the history in `path` that are later than `update`, and a last one cut short."""
    if not path.exists():
        return
    kept = [line for line in path.read_bytes().splitlines(keepends=True) if _belongs(line, update)]
    write_whole(path, b"".join(kept))


def _belongs(line: bytes, update: int) -> bool:
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return False
    return line.endswith(b"\n") and entry["update"] <= update
