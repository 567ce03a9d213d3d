"""The training loop: update after update to the planned number, validating, recording and saving on the way.

    batches (loader) -> update (update.py) -> history; now and then: average -> validation -> models, state

It knows a task only as targets, loss and metric (`task.py`). Everything that the next update depends on is in
the state: weights, average, optimiser, and the position in the data; randomness comes from (seed, epoch,
utterance) and needs none. So a run that was killed and is started again ends with bitwise the weights of one
that was not, on the CPU.
"""

import signal
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from speechrnn import config
from speechrnn.training.checkpoint import RunFolder, write_state
from speechrnn.training.data.batch import Batch, Epochs
from speechrnn.training.history import UPDATES_A_LINE, History, Silence
from speechrnn.training.interruption import Interruption
from speechrnn.training.optimisation.distributed import summed
from speechrnn.training.optimisation.update import Seen, Updates
from speechrnn.training.pace import Pace


@dataclass
class Position:
    """The next batch to train on."""

    epoch: int = 0
    batch: int = 0


class Training:
    """A run in progress: `go` takes it from where it is to its end, or to a signal."""

    def __init__(
        self,
        run: config.Run,
        folder: RunFolder,
        updates: Updates,
        data: Epochs,
        write_model: Callable[[Path, dict[str, Any]], None],
        left_out: int,
    ) -> None:
        """Prepare a run at its start.

        `write_model` writes the network, as it is when called, into a model folder with a card. `left_out` is
        the number of utterances that are not trained on; the progress line shows it.
        """
        self.run = run
        self.folder = folder
        self.updates = updates
        self.ranks = updates.ranks
        self.data = data
        self.write_model = write_model
        self.left_out = left_out
        self.position = Position()
        self.figures: dict[str, float] = {}
        self.best = float("inf")
        self.pace = Pace()

    def resume(self, state: dict[str, Any]) -> None:
        """Take up where the run that saved `state` was."""
        self.updates.load_state_dict(state["updates"])
        self.position = Position(state["epoch"], state["batch"])
        self.figures = state["figures"]
        self.best = state["best"]

    def go(self) -> int | None:
        """Train to the end; return None, or the number of the signal that ended the run before."""
        history = (
            History(self.folder.path, self.updates.done, self.run.updates) if self.ranks.first else Silence()
        )
        saved = time.monotonic()
        with history, Interruption() as interruption, closing(self.batches()) as batches:
            while self.updates.done < self.run.updates:
                self.step(batches, history)
                due = self.validation_is_due()
                if due:
                    self.validate(history)
                stopped = self.agreed(interruption.signal)
                if due or stopped or time.monotonic() - saved > 60 * self.run.save_minutes:
                    self.save()
                    saved = time.monotonic()
                if stopped and self.updates.done < self.run.updates:
                    history.say(f"stopped after update {self.updates.done}; the same command continues")
                    return stopped
        return None

    def step(self, batches: Iterator[Batch], history: History | Silence) -> None:
        """Make the next update of `batches` and tell of it."""
        with self.pace.waits():
            group = list(islice(batches, self.run.optimisation.accumulate))
        self.record(self.updates(group), history)

    def batches(self) -> Generator[Batch, None, None]:
        """Yield batches from the position on, epoch after epoch; the position is after the last one given."""
        while True:
            for batch in self.data.epoch(self.position.epoch, self.position.batch):
                self.position.batch += 1
                yield batch
            self.position = Position(self.position.epoch + 1)

    def record(self, seen: Seen, history: History | Silence) -> None:
        """Tell what the last update saw."""
        self.pace.take(seen)
        done = self.updates.done
        if not seen.applied:
            history.say(f"update {done}: the gradient is not finite; the weights stay as they were")
        if done % UPDATES_A_LINE == 0 or done == self.run.updates:
            history.line(done, self.scalars(seen))
        history.show(done, self.description(seen))

    def scalars(self, seen: Seen) -> dict[str, float]:
        """Return what the history holds of an update."""
        return {
            "loss": seen.loss,
            "learning_rate": seen.rate,
            "gradient_norm": seen.norms.total,
            "audio_seconds_per_second": self.pace.audio_seconds_per_second,
            "waiting_share": self.pace.waiting_share,
            "epoch": self.position.epoch,
            "audio_hours": self.updates.audio_seconds / 3600,
            **seen.watched,
            **{f"gradient_norm/{layer}": norm for layer, norm in seen.norms.layers.items()},
        }

    def description(self, seen: Seen) -> str:
        """Return the progress line's text."""
        parts = ["" if self.pace.loss is None else f"loss {self.pace.loss:.3f}", told(self.figures)]
        parts += [f"{name} {100 * share:.0f} %" for name, share in seen.watched.items()]
        parts.append(f"gradient {seen.norms.total:.2g}")
        parts.append(f"{self.pace.audio_seconds_per_second:.0f} h of audio an hour")
        parts.append(f"waiting {100 * self.pace.waiting_share:.0f} %")
        parts.append(f"left out {self.left_out}" if self.left_out else "")
        return ", ".join(part for part in parts if part)

    def validation_is_due(self) -> bool:
        """Return whether the average is to be measured after this update."""
        return self.updates.done % self.run.evaluate_every == 0 or self.updates.done == self.run.updates

    def validate(self, history: History | Silence) -> None:
        """Measure the averaged weights; write them as the model, and as the best one if they are."""
        task = self.updates.task
        with self.updates.average.in_place(), self.pace.paused():
            self.figures = task.metric(self.updates.network)
            if not self.ranks.first:
                return
            figures = {f"valid/{name}": value for name, value in self.figures.items()}
            history.line(self.updates.done, figures)
            history.say(f"update {self.updates.done}: " + told(self.figures))
            card = {"updates": self.updates.done, "validation": self.figures}
            self.write_model(self.folder.model, card)
            if self.figures[task.criterion] < self.best:
                self.best = self.figures[task.criterion]
                self.write_model(self.folder.best, card)

    def save(self) -> None:
        """Write the state to the run folder."""
        if not self.ranks.first:
            return
        state = {
            "updates": self.updates.state_dict(),
            "epoch": self.position.epoch,
            "batch": self.position.batch,
            "figures": self.figures,
            "best": self.best,
        }
        write_state(self.folder.state, state)

    def agreed(self, own: int | None) -> int | None:
        """Return a signal if any rank was sent one, so that all stop after the same update."""
        sent = summed([float(own is not None)], self.ranks)[0] > 0
        return (own or signal.SIGTERM) if sent else None


def told(figures: dict[str, float]) -> str:
    """Return error rates in words: "wer 12.3 %, cer 4.5 %"."""
    return ", ".join(f"{name} {100 * value:.1f} %" for name, value in figures.items())
