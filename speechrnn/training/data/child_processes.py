"""Ctrl-C and SIGTERM are for the training process; the processes that work for it must not answer to them.

A terminal sends SIGINT to all processes in the foreground at once, a scheduler SIGTERM to all processes of a
job. The training process saves and exits then; until it does it needs its batches. A child inherits which
signals its parent was blocking when it began, so one that is started with these blocked never sees them, not
even while it is still importing. The parent ends its children itself.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

BLOCKED = {signal.SIGINT, signal.SIGTERM}


@contextmanager
def deaf_to_interruption() -> Iterator[None]:
    """Make processes started inside deaf to both; a signal that comes meanwhile is acted on afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
