"""The candidates for the next beam: how the best of them are found without sorting them.

Each is a rank, the entry that it comes from, and the token that it adds; the three are swapped together.
"""

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled_in_place
from speechrnn.decoding.beam.records import Beam


@compiled_in_place
def keep_best(beam: Beam, count: int, width: int) -> float:
    """Move the best `width` of `count` candidates to the front; return the rank of the worst of them.

    Quickselect (Hoare 1961).
    """
    low, high = 0, count - 1
    while low < high:
        pivot = beam.ranks[(low + high) >> 1]
        left, right = low, high
        while left <= right:
            while beam.ranks[left] > pivot:
                left += 1
            while beam.ranks[right] < pivot:
                right -= 1
            if left <= right:
                _swap(beam, left, right)
                left += 1
                right -= 1
        if width - 1 <= right:
            high = right
        elif width - 1 >= left:
            low = left
        else:
            break
    return lowest(beam.ranks, width)


@compiled_in_place
def lowest(ranks: NDArray[np.float64], count: int) -> float:
    """Return the lowest of the first `count` ranks."""
    worst = np.inf
    for number in range(count):
        worst = min(worst, ranks[number])
    return worst


@compiled_in_place
def without_hopeless(beam: Beam, count: int, least: float) -> int:
    """Move the candidates ranked above `least` to the front; return their number."""
    kept = 0
    for number in range(count):
        if beam.ranks[number] > least and beam.ranks[number] > -np.inf:
            _swap(beam, kept, number)
            kept += 1
    return kept


@compiled_in_place
def _swap(beam: Beam, one: int, other: int) -> None:
    beam.ranks[one], beam.ranks[other] = beam.ranks[other], beam.ranks[one]
    beam.places[one], beam.places[other] = beam.places[other], beam.places[one]
    beam.tokens[one], beam.tokens[other] = beam.tokens[other], beam.tokens[one]
