"""Gaussian noise cut out of a table, because drawing it costs more than anything else done to a recording.

Dither and made-up noises need a draw for every sample. Each process draws one table, always the same; an
utterance's own generator then says where in it to begin. So the noise still depends on the utterance's seed
alone, and two utterances rarely share any of it. Used by `waveforms.py` and `made_up_noise.py`.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

TABLE_SIZE = 1 << 21  # two minutes at 16 kHz; drawn in some 30 ms


def gaussian(generator: np.random.Generator, count: int) -> Samples:
    """Return `count` numbers of mean 0 and deviation 1, float32 [count], from a place that is drawn.

    They are a part of the table and may not be written to. More than it holds come as its repetition.
    """
    if count > TABLE_SIZE:
        return np.resize(_table(), count)
    start = int(generator.integers(TABLE_SIZE - count + 1))
    return _table()[start : start + count]


@lru_cache(maxsize=1)
def _table() -> Samples:
    table = np.random.Generator(np.random.PCG64(0)).standard_normal(TABLE_SIZE, dtype=np.float32)
    table.setflags(write=False)
    return table
