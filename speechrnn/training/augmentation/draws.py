"""Randomness that depends on (seed, epoch, utterance) alone.

Whatever is random about an utterance (its speed, its noise, its masks, its dropout) is drawn from a number
made of the run's seed, the epoch and the utterance's id. The draws are then the same in any batch, on any
rank, with any number of workers, and after a resume. Work on waveforms takes a numpy generator; work on
many utterances at once takes `uniform`, a counter-based generator: SplitMix64 (Steele, Lea and Flood, "Fast
splittable pseudorandom number generators", 2014) in integer tensor arithmetic, so that a whole batch is drawn
at once and a CPU and a GPU draw the same numbers.
"""

import hashlib
from enum import IntEnum

import numpy as np
import torch

_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: the step of SplitMix64's counter


class Stream(IntEnum):
    """Purposes of draws within an utterance; each has its own independent numbers.

    The encoder's layers use `DROPOUT` + the number of the layer.
    """

    FREQUENCY_MASKS = 0
    TIME_MASKS = 1
    SPEED = 2
    DROPOUT = 1000


def utterance_seed(seed: int, epoch: int, utterance: str) -> int:
    """Return the number, in the range of int64, that all draws for `utterance` in this epoch come from."""
    digest = hashlib.blake2b(f"{seed}/{epoch}/{utterance}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def generator(seed: int) -> np.random.Generator:
    """Return a fresh numpy generator for the utterance whose number is `seed`."""
    return np.random.Generator(np.random.PCG64(seed & (2**64 - 1)))


def uniform(seeds: torch.Tensor, stream: int, count: int) -> torch.Tensor:
    """Return draws from [0, 1), float32 `[batch, count]`, on the device of `seeds`.

    `seeds` is int64 `[batch]`. Row by row the draws depend on the seed and `stream` alone, and a larger
    `count` continues the same sequence.
    """
    keys = _mixed(seeds + _signed(_GOLDEN * (2 * stream + 1)))
    counters = torch.arange(1, count + 1, device=seeds.device, dtype=torch.int64) * _signed(_GOLDEN)
    bits = _mixed(keys[:, None] + counters)
    # The top 24 bits are what float32 holds exactly below one.
    return _shifted(bits, 40).to(torch.float32) * 2.0**-24


def of_other_view(seeds: torch.Tensor) -> torch.Tensor:
    """Return other seeds, int64 `[batch]`, for a second look at the same utterances."""
    return _mixed(seeds + _signed(_GOLDEN))


def _mixed(state: torch.Tensor) -> torch.Tensor:
    """Return SplitMix64's output function of `state`: every bit of the result hangs on every bit given."""
    state = (state ^ _shifted(state, 30)) * _signed(0xBF58476D1CE4E5B9)
    state = (state ^ _shifted(state, 27)) * _signed(0x94D049BB133111EB)
    return state ^ _shifted(state, 31)


def _shifted(state: torch.Tensor, places: int) -> torch.Tensor:
    """Return int64 `state` shifted right as if it were unsigned."""
    return (state >> places) & ((1 << (64 - places)) - 1)


def _signed(number: int) -> int:
    """Return the int64 with the same low 64 bits as `number`."""
    return (number + 2**63) % 2**64 - 2**63
