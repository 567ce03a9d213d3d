"""A run folder before the first update: what it holds, whether that is the run asked for, where it goes on.

    folder -> `begun` -> `check_same_run` -> (`run.py`, `writing/run.py`: corpus, network) -> `taken_up`

A record without a state is a run that was stopped before it first saved: it starts over, as it was settled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.training.checkpoint import RunFolder, RunRecord, read_record, read_state
from speechrnn.training.data.batch import Epochs
from speechrnn.training.given import Given, given
from speechrnn.training.loop import Training
from speechrnn.training.model.network import Network
from speechrnn.training.model.network_folder import write_network
from speechrnn.training.optimisation.distributed import Ranks, of_first, threads_for
from speechrnn.training.optimisation.update import Updates
from speechrnn.training.settings import difference


@dataclass(frozen=True)
class Begun:
    """What a run folder holds: nothing of a new run, its record, or that and the last state."""

    folder: RunFolder
    record: RunRecord | None
    state: dict[str, Any] | None

    def threads(self, run: config.Run, ranks: Ranks) -> int:
        """Return the threads of the run: those that it began with, those that `run` asks for, or as fit."""
        return self.record.settled.threads if self.record else run.threads or threads_for(ranks)


def begun(folder: RunFolder, ranks: Ranks) -> Begun:
    """Return what the first rank finds in `folder`, on all ranks."""
    record = of_first(read_record(folder) if ranks.first else None, ranks)
    state = of_first(read_state(folder.state) if ranks.first and folder.state.exists() else None, ranks)
    return Begun(folder, record, state)


def check_same_run(
    found: Begun,
    run: config.Run,
    fingerprint: str,
    init: Path | None,
    lexicon: Path | None,
    init_flag: str = "--init",
) -> None:
    """Raise SpeechRnnError if another run has begun than `run` with these files.

    `fingerprint` stands for its utterances, `init_flag` is how the user gives `init`, which may have changed
    or gone since: its weights are in the run.
    """
    record = found.record
    if record is None:
        return
    folder = found.folder.path
    cure = "give --to another folder, or the same flags and manifests to continue it"
    different = difference(record.asked, run)
    if different is not None:
        raise SpeechRnnError(f"{folder}: holds a run with {different}; {cure}")
    if not _same_place(record.init, init) and not _same_content(record.init, init):
        raise SpeechRnnError(f"{folder}: holds a run with {_told(init_flag, record.init)}; {cure}")
    if not _same_content(record.lexicon, lexicon):
        changed = ", which has changed" if _same_place(record.lexicon, lexicon) else ""
        told = _told("--lexicon", record.lexicon) + changed
        raise SpeechRnnError(f"{folder}: holds a run with {told}; {cure}")
    if record.fingerprint != fingerprint:
        raise SpeechRnnError(f"{folder}: holds a run on other utterances or texts; {cure}")


def taken_up(
    found: Begun,
    record: RunRecord,
    updates: Updates,
    data: Epochs,
    network: Network,
    left_out: int,
    say: Callable[[str], None],
) -> Training:
    """Return the run of `record`, at its start or where its last state was saved.

    `network` is what is written into model folders, all of it or a part of it learns by `updates`.
    """
    run = record.settled
    write_model = partial(
        write_network, network=network, model=run.model, vocabulary=record.vocabulary, sounds=record.sounds
    )
    training = Training(run, found.folder, updates, data, write_model, left_out)
    if found.state is not None:
        training.resume(found.state)
        say(f"continuing {found.folder.path} after update {updates.done} of {run.updates}")
    return training


def _same_place(began: Given | None, asked: Path | None) -> bool:
    return began is not None and began.path == str(asked)


def _same_content(began: Given | None, asked: Path | None) -> bool:
    now = given(asked)
    return (began and began.digest) == (now and now.digest)


def _told(flag: str, began: Given | None) -> str:
    return f"no {flag}" if began is None else f"{flag} {began.path}"
