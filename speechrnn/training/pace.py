"""How a run is getting on: smoothed loss, audio per second, and the time lost by waiting for data."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from speechrnn.training.optimisation.update import Seen

MEMORY = 0.95  # of running means: about the last 20 updates


class Pace:
    """Running means over the updates of this process; time in which it does other work does not count."""

    def __init__(self) -> None:
        self.loss: float | None = None
        self.audio = 0.0  # seconds, each older update counting MEMORY of the one after it
        self.time = 0.0
        self.waiting = 0.0
        self.started = time.perf_counter()

    @property
    def audio_seconds_per_second(self) -> float:
        """Seconds of audio trained on per second."""
        return self.audio / max(self.time, 1e-9)

    @property
    def waiting_share(self) -> float:
        """Share of the time in which the network waited for data."""
        return self.waiting / max(self.time, 1e-9)

    @contextmanager
    def waits(self) -> Iterator[None]:
        """Count the time of the block as waiting for data."""
        start = time.perf_counter()
        yield
        self.waiting = MEMORY * self.waiting + time.perf_counter() - start

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the time of the block out."""
        start = time.perf_counter()
        yield
        self.started += time.perf_counter() - start

    def take(self, seen: Seen) -> None:
        """Count an update that has just ended."""
        now = time.perf_counter()
        self.audio = MEMORY * self.audio + seen.audio_seconds
        self.time = MEMORY * self.time + now - self.started
        self.started = now
        if seen.applied:
            self.loss = seen.loss if self.loss is None else MEMORY * self.loss + (1 - MEMORY) * seen.loss
