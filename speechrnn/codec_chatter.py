"""Keep what codec libraries print away from the user's terminal, and nothing else.

libmpg123 (inside libsndfile) and some of FFmpeg's decoders print notes on every damaged and on many a
healthy file with C's `fprintf(stderr, ...)`, and libsndfile offers no way to stop them. Moving file
descriptor 2 aside would also swallow our own messages, and those of every other thread. Python does not
write through C's `stderr` but straight to the descriptor, so it is enough to let that one C variable point at
the null device while a codec runs. Sections of several threads may overlap: the first one in redirects, the
last one out restores.

Glibc and macOS let a program assign to `stderr`; elsewhere (musl, Windows) the section does nothing.
"""

import ctypes
import os
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def codecs_kept_quiet() -> Iterator[None]:
    """Send what C code prints to `stderr` to the null device for as long as the section lasts."""
    _REDIRECTION.enter()
    try:
        yield
    finally:
        _REDIRECTION.leave()


class _Redirection:
    """How many sections are open, and where C's `stderr` pointed before the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sections = 0
        self._stream = _c_stderr()
        self._terminal = self._stream.value if self._stream else None
        self._null: int | None = None

    def enter(self) -> None:
        with self._lock:
            self._sections += 1
            if self._stream and self._sections == 1:
                self._terminal = self._stream.value
                self._stream.value = self._null_stream()

    def leave(self) -> None:
        with self._lock:
            self._sections -= 1
            if self._stream and self._sections == 0:
                self._stream.value = self._terminal

    def restore_after_fork(self) -> None:
        """Undo in a child process what threads that exist only in its parent had under way."""
        self._lock = threading.Lock()
        self._sections = 0
        if self._stream:
            self._stream.value = self._terminal

    def _null_stream(self) -> int | None:
        """Return a C stream on the null device, opened once and never closed: a codec may still hold it."""
        if self._null is None:
            fopen = ctypes.CDLL(None).fopen
            fopen.restype = ctypes.c_void_p
            self._null = fopen(os.devnull.encode(), b"w")
        return self._null or self._terminal


def _c_stderr() -> ctypes.c_void_p | None:
    """Return C's variable `stderr`, or None where it cannot be assigned to."""
    if sys.platform == "darwin":
        return ctypes.c_void_p.in_dll(ctypes.CDLL(None), "__stderrp")
    if platform.libc_ver()[0] == "glibc":
        return ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr")
    return None


_REDIRECTION = _Redirection()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_REDIRECTION.restore_after_fork)
