"""Ctrl-C is for the training process; the processes that work for it must not answer with tracebacks.

A terminal sends SIGINT to all processes in the foreground at once. A child inherits which signals its parent
was blocking when it began, so one that is started with SIGINT blocked never sees it, not even while it is
still importing. The parent ends its children itself.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Make processes that are started inside deaf to Ctrl-C; one that comes meanwhile is acted on after."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
