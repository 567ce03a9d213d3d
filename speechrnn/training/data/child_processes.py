"""The processes that prepare batches: deaf to Ctrl-C, and missed when they are killed.

A terminal sends SIGINT to all processes in the foreground at once, and these must not answer with tracebacks.
A child inherits which signals its parent was blocking when it began, so one that is started with SIGINT
blocked never sees it, not even while it is still importing. The parent ends its children itself.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from speechrnn.errors import SpeechRnnError


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Make processes that are started inside deaf to Ctrl-C; one that comes meanwhile is acted on after."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
