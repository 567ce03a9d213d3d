"""A hash table of arcs, state and word -> log-probability and next state, for compiled code.

Open addressing, 16 bytes an arc, so that an arc that is there costs about one miss of the processor's cache.
Most arcs that a search looks for are not there. A filter of a byte an arc (B. H. Bloom 1970, with one hash
function) answers seven of eight such look-ups from memory that is small enough to stay in the cache.

Sizes: slots (of the table), bytes (of the filter).
"""

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled, compiled_in_place

SLOTS_PER_ARC = 1.6


def empty_arcs(arcs: int) -> NDArray[np.int32]:
    """Return a table int32 `[slots, 4]` with room for so many arcs.

    A row holds state (not 0; 0 marks an empty slot), word, bits of the float32 log-probability, next state.
    """
    return np.zeros((int(arcs * SLOTS_PER_ARC) + 8, 4), np.int32)


@compiled_in_place
def find_arc(arcs: NDArray[np.int32], state: int, word: int) -> int:
    """Return the slot of the arc of `word` from `state`, or `-1 - slot` with the one where it would go."""
    slots = len(arcs)
    slot = _share(_hash(state, word), slots)
    while arcs[slot, 0] != 0:
        if arcs[slot, 0] == state and arcs[slot, 1] == word:
            return slot
        slot += 1
        if slot == slots:
            slot = 0
    return -1 - slot


@compiled
def filter_of(arcs: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return the filter uint8 `[bytes]` of all arcs in the table."""
    bits = np.zeros(int(len(arcs) / SLOTS_PER_ARC) + 1, np.uint8)
    for slot in range(len(arcs)):
        if arcs[slot, 0] != 0:
            mixed = _hash(arcs[slot, 0], arcs[slot, 1])
            bits[_share(mixed, len(bits))] |= np.uint8(1 << (mixed & 7))
    return bits


@compiled_in_place
def may_hold(bits: NDArray[np.uint8], state: int, word: int) -> bool:
    """Return False if the table whose filter this is has no such arc for sure."""
    mixed = _hash(state, word)
    return bool((bits[_share(mixed, len(bits))] >> (mixed & 7)) & 1)


@compiled_in_place
def _hash(state: int, word: int) -> int:
    """Return 64 well-mixed bits (the multipliers are those of SplitMix64 and xxHash)."""
    mixed = np.uint64(state) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(word) * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return int(np.int64(mixed))


@compiled_in_place
def _share(mixed: int, places: int) -> int:
    """Return which of `places` (less than 2^32) the high half of the bits falls to."""
    return int(np.int64((np.uint64(mixed) >> np.uint64(32)) * np.uint64(places) >> np.uint64(32)))
