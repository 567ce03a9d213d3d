"""Things timed side by side, as every benchmark here does it.

Machines differ by a factor of two, and a busy one differs from minute to minute. So what is compared runs in
turn, round after round; each round gives a ratio, and the middle one of these is told.
"""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

Work = Callable[[], float]
"""Does a piece of work and returns how much it was, in whatever unit."""


@dataclass(frozen=True)
class Rates:
    """Work per second of several ways to do it: a figure a round, rounds in the same order for all."""

    rounds: Mapping[str, Sequence[float]]

    def middle(self, way: str) -> float:
        """Return the median of a way's rates."""
        return statistics.median(self.rounds[way])

    def times_slower(self, way: str, reference: str) -> float:
        """Return how many times as long `way` takes as `reference`: the median over rounds."""
        pairs = zip(self.rounds[reference], self.rounds[way], strict=True)
        return statistics.median(fast / slow for fast, slow in pairs)


def side_by_side(ways: Mapping[str, Work], rounds: int, prepare: Callable[[], None] = lambda: None) -> Rates:
    """Return the rates of `ways`, each of which is called once to warm up and then once a round.

    Every other round goes backwards, so that no way always follows the same one. `prepare` is called before
    each round, and its time is nobody's.
    """
    for work in ways.values():
        work()
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        prepare()
        for name in list(ways)[:: -1 if number % 2 else 1]:
            start = time.perf_counter()
            done = ways[name]()
            rates[name].append(done / (time.perf_counter() - start))
    return Rates(rates)


def rate_table(title: str, unit: str, rates: Rates, reference: str) -> Table:
    """Return a table of `rates`, and of the time that each takes in multiples of `reference`'s."""
    table = Table(title=title, title_justify="left", title_style="bold", min_width=len(title))
    for heading in ("", unit, "lowest", "highest", "times as long"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, values in rates.rounds.items():
        figures = (rates.middle(name), min(values), max(values))
        table.add_row(
            name, *(f"{figure:,.1f}" for figure in figures), f"{rates.times_slower(name, reference):.2f}"
        )
    return table


def stage() -> Console:
    """Return where benchmarks print: in one width, in files as on terminals."""
    return Console(width=110, highlight=False)


def surroundings() -> str:
    """Return how busy the machine is and which commit this is, for the head of a benchmark's output."""
    load = f"load average {os.getloadavg()[0]:.1f} before the start" if hasattr(os, "getloadavg") else ""
    return ", ".join(part for part in (load, f"commit {_commit()}") if part)


def _commit() -> str:
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"
