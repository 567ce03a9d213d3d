"""Threads that read recordings ahead, and threads that work on their windows.

Decoding a file can cost as much time as recognising it, and both leave Python's lock alone, so both are done
on all cores. However long the recordings are, only a few windows are in memory.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from speechrnn.runtime.windows import Window, windows

Samples = npt.NDArray[np.float32]
Result = TypeVar("Result")

WINDOWS_A_THREAD = 2
"""Windows in memory for each thread: one in work, one waiting."""


@dataclass(frozen=True)
class Reading(Generic[Result]):
    """A recording that has been read to its end: the results of its windows, to come, and its length."""

    results: tuple[Future[Result], ...]
    samples: int


class Crew(Generic[Result]):
    """`threads` readers, and as many threads that call `work` on a window; leaving the context stops them."""

    def __init__(self, threads: int, work: Callable[[Window], Result]) -> None:
        self.work = work
        self.readers = ThreadPoolExecutor(threads, thread_name_prefix="reader")
        self.workers = ThreadPoolExecutor(threads, thread_name_prefix="worker")
        self.room = threading.Semaphore(WINDOWS_A_THREAD * threads)
        self.stopped = threading.Event()

    def __enter__(self) -> "Crew[Result]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self.readers.shutdown(wait=False, cancel_futures=True)
        self.workers.shutdown(cancel_futures=True)
        self.readers.shutdown()

    def read(self, blocks: Iterable[Samples], sample_rate: int) -> Future[Reading[Result]]:
        """Begin to read `blocks` of float32 [samples]; whatever reading raises, the future raises."""
        return self.readers.submit(self._read, blocks, sample_rate)

    def _read(self, blocks: Iterable[Samples], sample_rate: int) -> Reading[Result]:
        results = []
        samples = 0
        for window in windows(blocks, sample_rate):
            samples += len(window.samples)
            self.room.acquire()
            if self.stopped.is_set():
                break
            result = self.workers.submit(self.work, window)
            result.add_done_callback(lambda _: self.room.release())
            results.append(result)
        return Reading(tuple(results), samples)
