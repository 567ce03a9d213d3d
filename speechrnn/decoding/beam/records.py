"""The records that the search works on: prefixes ever kept, and the beam of those alive.

`PREFIX` rows form the tree of prefixes (label sequences without blanks): each row is one prefix, its parent
the prefix without the last token. A prefix is in the tree once, which is what makes merging exact. `ENTRY`
rows are the beam: one a prefix that is alive, with its probability and all that decides how it may go on.

Everything that an entry holds besides these probabilities follows from its prefix alone. Sizes: width
(entries of the beam), prefixes, frames, tokens.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

NONE = -1

PREFIX = np.dtype(
    [
        ("parent", np.int32),
        ("token", np.int32),  # the last token, with the choice of a word (`sounds.py`), -1: the empty prefix
        ("child", np.int32),  # the child that was made last, -1: none
        ("sibling", np.int32),  # the child of the same parent that was made before, -1: none
        ("entry", np.int32),  # the place in the beam, -1: not alive
        ("first", np.int32),  # the first frame at whose end it was in the beam, -1: from the start
        ("last", np.int32),  # the last one
        ("fed_from", np.int32),  # the last frame at whose end a child of it was a candidate
    ],
    align=True,
)

ENTRY = np.dtype(
    [
        ("blank", np.float64),  # log-probability of all paths that write the prefix and end in a blank
        ("label", np.float64),  # that of those which end in its last token
        ("total", np.float64),  # that of both
        ("next_blank", np.float64),  # the same three after the frame that is being looked at
        ("next_label", np.float64),
        ("next_total", np.float64),
        ("earned", np.float64),  # weighted language model, bonus and hot words of what is written, for good
        ("ahead", np.float64),  # the best that the unfinished word can still earn, and credit of hot phrases
        ("closing", np.float64),  # what the open word earns when it ends here; NaN: not looked up yet
        ("closing_lm", np.int64),  # the language model's state then
        ("lm", np.int64),  # the language model's state
        ("prefix", np.int32),
        ("token", np.int32),  # the last token
        ("code", np.int32),  # the last token, with the choice of a word
        ("state", np.int32),  # in the automaton of what may be written
        ("hot", np.int32),  # in the automaton of hot words
        ("open", np.int32),  # 1 when the last word has letters, 0 after a boundary and at the start
        ("begun", np.int32),  # the state of the automaton before the last word
    ],
    align=True,
)

Records: TypeAlias = Any
"""A structured array of PREFIX or ENTRY rows, or one such row."""


class Beam(NamedTuple):
    """A search under way, as compiled code takes it.

    prefixes: PREFIX `[capacity]`; entries, spare: ENTRY `[width]`, the beam and the place to build the next
    one; counts: int64 `[2]`, the prefixes and entries in use; ranks, places, tokens: `[2 x width + 1]`, the
    candidates for the next beam: rank, entry that it comes from, token and choice that it adds (-1: none);
    order: int64 `[tokens]`, a frame's tokens by probability; taken: int32 `[width, tokens x choices]`, the
    last frame in which the extension of an entry by a token was in the beam already; buckets: int32 `[a power
    of two]` and alike: int32 `[width]`, a table of entries by what decides their future: the first of each
    bucket, and the next of each entry, -1: none.
    """

    prefixes: Records
    entries: Records
    spare: Records
    counts: NDArray[np.int64]
    ranks: NDArray[np.float64]
    places: NDArray[np.int32]
    tokens: NDArray[np.int32]
    order: NDArray[np.int64]
    taken: NDArray[np.int32]
    buckets: NDArray[np.int32]
    alike: NDArray[np.int32]
