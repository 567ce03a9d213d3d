"""Threads with a core each: where networks run on a CPU, pieces of a batch side by side.

One LSTM on two threads is slower than two LSTMs on one each (1.2 to 1.4 times, see `RESULTS.md`). So
gradients (`optimisation/gradients.py`), validation (`evaluation.py`) and listening (`writing/listening.py`)
cut their batches into as many pieces as there are cores.
"""

from concurrent.futures import ThreadPoolExecutor

import torch


def core_threads(count: int) -> ThreadPoolExecutor:
    """Return `count` threads whose operators use one core and take numbers below 1e-38 for zero."""
    return ThreadPoolExecutor(count, initializer=_prepare)


def _prepare() -> None:
    # OpenMP keeps its number of threads for each thread: the main thread's stays as it is.
    torch.set_num_threads(1)
    # Gates that are shut multiply gradients down to where float32 gives up precision for range. Processors
    # take such numbers apart by microcode: updates of a writer took five times as long (RESULTS.md).
    torch.set_flush_denormal(True)
