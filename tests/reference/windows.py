"""Where to cut a recording: every place of a pause tried one after the other."""

import math


def quietest_reference(samples, sample_rate: int) -> int:
    """Return the middle of the quietest 0.3 s of `samples`, tried every 10 ms."""
    step, pause = sample_rate // 100, 30
    best, place = math.inf, len(samples) // 2
    for first in range(len(samples) // step - pause + 1):
        energy = math.fsum(float(x) ** 2 for x in samples[first * step : (first + pause) * step])
        if energy < best:
            best, place = energy, (first + pause // 2) * step
    return place
