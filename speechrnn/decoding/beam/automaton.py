"""What may be written: an automaton over letters and word boundaries.

One kind of automaton serves four purposes. A *lexicon* is a tree of its words whose boundary leads back to
the root. A *grammar* (`grammar.py`) has such a tree for every place in a sentence. With an *open vocabulary*
the tree holds the words that the language model knows, and whoever leaves it writes an unknown word. Without
any of them there is only the root.

States: a word starts in a state that is entered over a boundary (the root: state 0), its letters lead from
state to state along arcs, and always to a higher number. The last state is the *stray* one: the place of
words that are not in the tree. Sizes: states, arcs.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled_in_place
from speechrnn.decoding.beam.spelling import SpelledWords

ROOT = 0
NO_WORD = -1
REFUSED = -1


class Automaton(NamedTuple):
    """The automaton as compiled code takes it; all arrays read-only.

    closed: words outside it are refused; arcs: int32 `[states + 1]`, where each state's arcs start; letters:
    int32 `[arcs]`, ascending within a state; targets: int32 `[arcs]`; word: int32 `[states]`, the word that
    is complete in this state, or -1; after: int32 `[states]`, the state behind the boundary that follows it;
    final: bool `[states]`, the sentence may end on this side of a boundary; stray: the last state; said:
    int32 `[words]`, where words need no boundary to end: those that are complete in state n stand from
    said_from[n] to said_from[n + 1]; said_from: int32 `[states + 1]`.
    """

    closed: bool
    arcs: NDArray[np.int32]
    letters: NDArray[np.int32]
    targets: NDArray[np.int32]
    word: NDArray[np.int32]
    after: NDArray[np.int32]
    final: NDArray[np.bool_]
    stray: int
    said: NDArray[np.int32]
    said_from: NDArray[np.int32]


@dataclass(frozen=True)
class Branches:
    """Trees of letters that grow from the states below `roots`, by depth, then parent, then letter."""

    roots: int
    parents: NDArray[np.int64]
    """`[states - roots]`: the state before each further state."""
    letters: NDArray[np.int64]
    """`[states - roots]`: the letter that leads to it."""
    ends: NDArray[np.int64]
    """`[words]`: the state in which each word is complete."""


def tree(words: SpelledWords, numbers: NDArray[np.int32], closed: bool) -> Automaton:
    """Return the automaton of `words`; `numbers` int32 `[words]` names each in `Automaton.word`.

    With `closed`, nothing but these words can be written. Of equal words the last number counts.
    """
    grown = grow(words, np.zeros(len(numbers), np.int64), roots=1)
    states = 1 + len(grown.parents) + 1
    word = np.full(states, NO_WORD, np.int32)
    word[grown.ends] = numbers
    final = np.zeros(states, np.bool_)
    final[ROOT] = True
    return assembled(grown, word, np.zeros(states, np.int32), final, closed)


def grow(words: SpelledWords, starts: NDArray[np.int64], roots: int) -> Branches:
    """Return the trees of `words`, all of them writable, each from its root in `starts` int64 `[words]`."""
    lengths = np.diff(words.offsets)
    letters = words.letters.astype(np.int64)
    alphabet = int(letters.max(initial=0)) + 1
    at = starts.copy()
    parents, arcs, states = [np.empty(0, np.int64)], [np.empty(0, np.int64)], roots
    for depth in range(int(lengths.max(initial=0))):
        longer = np.flatnonzero(lengths > depth)
        keys = at[longer] * alphabet + letters[words.offsets[longer] + depth]
        distinct, place = np.unique(keys, return_inverse=True)
        at[longer] = states + place
        parents.append(distinct // alphabet)
        arcs.append(distinct % alphabet)
        states += len(distinct)
    return Branches(roots, np.concatenate(parents), np.concatenate(arcs), at)


def assembled(
    grown: Branches,
    word: NDArray[np.int32],
    after: NDArray[np.int32],
    final: NDArray[np.bool_],
    closed: bool,
    said: NDArray[np.int32] | None = None,
    said_from: NDArray[np.int32] | None = None,
) -> Automaton:
    """Return the automaton of `grown` and what is known of each of its states and of the stray one."""
    states = len(word)
    said = np.zeros(0, np.int32) if said is None else said
    said_from = np.zeros(states + 1, np.int32) if said_from is None else said_from
    order = np.argsort(grown.parents, kind="stable")
    arcs = np.searchsorted(grown.parents[order], np.arange(states + 1)).astype(np.int32)
    letters = grown.letters[order].astype(np.int32)
    targets = (grown.roots + order).astype(np.int32)
    for array in (arcs, letters, targets, word, after, final, said, said_from):
        array.setflags(write=False)
    return Automaton(closed, arcs, letters, targets, word, after, final, states - 1, said, said_from)


@compiled_in_place
def follow(automaton: Automaton, state: int, letter: int) -> int:
    """Return the state behind `letter`, the stray state for an open vocabulary, or `REFUSED`."""
    low, high = automaton.arcs[state], automaton.arcs[state + 1]
    while low < high:
        middle = (low + high) >> 1
        found = automaton.letters[middle]
        if found == letter:
            return int(automaton.targets[middle])
        if found < letter:
            low = middle + 1
        else:
            high = middle
    return REFUSED if automaton.closed else int(automaton.stray)


@compiled_in_place
def best_below(automaton: Automaton, own: NDArray[np.float64]) -> None:
    """Raise `own` [states] to the highest value among a state and all that can be reached by letters."""
    for state in range(len(own) - 1, -1, -1):
        for arc in range(automaton.arcs[state], automaton.arcs[state + 1]):
            own[state] = max(own[state], own[automaton.targets[arc]])
