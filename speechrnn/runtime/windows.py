"""Blocks of samples become windows: pieces short enough for the network, cut where it is quiet.

The second arrow on the way of a recording: file -> blocks -> windows -> graph. A recording that fits is one
window. A longer one is cut at the quietest moment of the second half of each window, which people leave often
enough, so that no word lies across a cut. Only about one and a half windows are ever in memory.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

LONGEST_SECONDS = 24.0
"""Longest window. Networks are trained on utterances of up to 20 s or so."""
SHORTEST_SHARE = 0.25
"""No window of a recording that has to be cut is shorter than this share of the longest."""
PAUSE_SECONDS = 0.3
"""Length of the pause that is looked for."""
STEP_SECONDS = 0.01
"""Distance between the places that are looked at."""


@dataclass(frozen=True)
class Window:
    """A piece of a recording: `samples` float32 [samples], the first of them number `start`."""

    start: int
    samples: Samples


def windows(
    blocks: Iterable[Samples], sample_rate: int, longest_seconds: float = LONGEST_SECONDS
) -> Iterator[Window]:
    """Yield the windows of the recording that `blocks` of float32 [samples] make up, each sample once.

    Where the cuts are does not depend on the size of the blocks.
    """
    longest = int(longest_seconds * sample_rate)
    enough = longest + longest // 2
    start = 0
    pieces: list[Samples] = []  # put together only when there is enough: every copy costs as much as reading
    held = 0
    ended = np.zeros(0, np.float32), longest + 1
    for block, limit in chain(zip(blocks, repeat(enough), strict=False), [ended]):
        pieces.append(block)
        held += len(block)
        if held < limit:
            continue
        kept = np.concatenate(pieces)
        while len(kept) >= limit:
            cut = _cut(kept, longest, sample_rate)
            yield Window(start, kept[:cut])
            start, kept = start + cut, kept[cut:]
        pieces, held = [kept], len(kept)
    if held:
        yield Window(start, np.concatenate(pieces))


def _cut(samples: Samples, longest: int, sample_rate: int) -> int:
    """Return where to end the window that begins `samples` [samples], which are more than `longest`."""
    last = min(longest, len(samples) - int(SHORTEST_SHARE * longest))
    first = longest // 2
    return first + quietest(samples[first:last], sample_rate)


def quietest(samples: Samples, sample_rate: int) -> int:
    """Return the middle of the quietest pause in `samples` [samples], the first of equals."""
    step = max(1, int(STEP_SECONDS * sample_rate))
    pause = max(1, round(PAUSE_SECONDS / STEP_SECONDS))
    steps = len(samples) // step
    if steps <= pause:
        return len(samples) // 2
    energies = np.square(samples[: steps * step], dtype=np.float64).reshape(steps, step).sum(axis=1)
    totals = np.concatenate([[0.0], np.cumsum(energies)])
    return (int(np.argmin(totals[pause:] - totals[:-pause])) + pause // 2) * step
