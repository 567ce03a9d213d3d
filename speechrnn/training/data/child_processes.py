"""The processes that prepare batches: behind the training process, ended by it alone, missed when killed.

A terminal sends SIGINT to all processes in the foreground at once, and these must not answer with tracebacks.
Schedulers send SIGTERM to a run and all of its processes; the training process saves and exits then, and
until it does it needs its batches. A child inherits which signals its parent was blocking when it began, so
one that is started with them blocked never sees them, not even while it is still importing.

On a CPU the training process has a thread a core, and all of them wait for the last one at every update. A
child of equal rights takes its time from one of them; one of a lower priority fills moments in which they
wait.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process

from speechrnn.errors import SpeechRnnError

NICENESS = 10
"""By how much a child steps back: enough not to be in the way, not so far that other programs starve it."""


@contextmanager
def deaf_to(*signals: signal.Signals) -> Iterator[None]:
    """Make processes started inside deaf to `signals`; one that comes meanwhile is acted on after."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def behind_parent(worker: int) -> None:
    """Have this process, whichever `worker` it is, run at a low priority, and end for its parent alone."""
    os.nice(NICENESS)
    end_for_parent_alone()


def end_for_parent_alone() -> None:
    """Have this process end on SIGTERM from its parent and from nobody else.

    The parent sends it as a last resort, when it fails while its children wait for work. Only Linux tells who
    sent a signal: elsewhere children leave the group of processes that a terminal or a shell signals.
    """
    if sys.platform != "linux":
        os.setpgrp()
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    parent = parent_process()
    assert parent is not None
    threading.Thread(target=_wait_for_end, args=(parent.pid,), daemon=True).start()


def _wait_for_end(parent: int | None) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)


@contextmanager
def deaths_told() -> Iterator[None]:
    """Raise SpeechRnnError where a worker is killed from outside, as a system does that runs out of memory.

    PyTorch raises its own error wherever the training process happens to be when it hears of the death.
    """
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        told = str(error).splitlines()[0].strip().rstrip(".")
        raise SpeechRnnError(
            f"a process that prepares batches is gone ({told}), for want of memory perhaps; free some or give"
            " --batching.workers 0: the same command continues from what was saved last"
        ) from None
