"""What the alignment of a long recording costs: processor time and memory, beside the full table of pointers.

    python tools/benchmark_alignment.py
    python tools/benchmark_alignment.py --minutes 60 --frame-seconds 0.03

The log-probabilities are random and the text is as dense as fast speech; neither changes the cost.
"""

import resource
import sys
import time
from dataclasses import dataclass

import numpy as np
import tyro

from speechrnn.decoding.viterbi import best_path

LETTERS_A_SECOND = 14
VOCABULARY = 30
KILOBYTES = 1024 if sys.platform == "darwin" else 1
"""What one unit of `ru_maxrss` has to be divided by to be a kilobyte."""


@dataclass(frozen=True)
class Options:
    """Align a made-up recording and tell what it cost."""

    minutes: float = 60.0
    """Its length."""
    frame_seconds: float = 0.03
    """Length of a frame."""


def main(options: Options) -> None:
    """Print one line."""
    frames = round(60 * options.minutes / options.frame_seconds)
    letters = round(60 * options.minutes * LETTERS_A_SECOND)
    random = np.random.default_rng(0)
    best_path(random.normal(-5, 1, (100, VOCABULARY)).astype(np.float32), np.arange(1, 20))  # compiles
    log_probs = random.standard_normal((frames, VOCABULARY), np.float32)
    log_probs -= 5
    tokens = random.integers(1, VOCABULARY, letters)
    before, start = peak(), time.process_time()
    best_path(log_probs, tokens)
    print(
        f"{frames} frames, {letters} letters: {time.process_time() - start:.1f} s of processor time;"
        f" memory {peak() - before:.0f} MB above the {log_probs.nbytes / 1e6:.0f} MB of log-probabilities"
        f" (one byte for each pointer of the full table: {frames * letters / 1e6:.0f} MB)"
    )


def peak() -> float:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KILOBYTES / 1e3


if __name__ == "__main__":
    main(tyro.cli(Options))
