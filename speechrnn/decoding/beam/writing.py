"""What the tokens of a prefix write: its words, and which of the tokens each of them has.

In letters a word ends before the next boundary. In sounds it ends where a word was chosen, and only the
choices tell which one (`sounds.py`). `hypotheses.py`, `word_times.py` and `stream.py` ask for it.

Sizes: codes (the tokens of a prefix, with choices).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from speechrnn.decoding.beam.automaton import ROOT, Automaton, follow
from speechrnn.decoding.beam.spelling import TokenArrays
from speechrnn.text import Vocabulary

Codes = NDArray[np.int32]


class Writing(Protocol):
    """How `codes` int32 `[codes]` are read."""

    def words(self, codes: Codes) -> tuple[str, ...]:
        """Return the words, the last one perhaps unfinished."""

    def spans(self, codes: Codes) -> Iterator[tuple[int, int]]:
        """Yield the start and the end in `codes` of each of these words, without separators."""

    def complete(self, codes: Codes) -> int:
        """Return how many of the words are complete."""


@dataclass(frozen=True)
class InLetters:
    """Codes are tokens that write letters and boundaries."""

    vocabulary: Vocabulary
    tokens: TokenArrays

    def words(self, codes: Codes) -> tuple[str, ...]:
        """See `Writing`."""
        return tuple(self.vocabulary.spell(codes.tolist()).split())

    def spans(self, codes: Codes) -> Iterator[tuple[int, int]]:
        """See `Writing`."""
        starts = [0, *np.flatnonzero(self.tokens.boundary[codes]).tolist(), len(codes)]
        is_separator = [*(codes == self.tokens.separator).tolist(), False]
        for start, end in pairwise(starts):
            first = start + is_separator[start]
            if first < end:
                yield first, end

    def complete(self, codes: Codes) -> int:
        """See `Writing`."""
        boundaries = np.flatnonzero(self.tokens.boundary[codes])
        return sum(1 for _ in self.spans(codes[: boundaries[-1]])) if len(boundaries) else 0


@dataclass(frozen=True)
class InSounds:
    """Codes are sounds and choices among the words that end there; `names` are those of all words."""

    vocabulary: Vocabulary
    automaton: Automaton
    names: Sequence[str]

    def words(self, codes: Codes) -> tuple[str, ...]:
        """See `Writing`; an unfinished word is written as its sounds, such as `k-ae-`."""
        written, state, heard = [], ROOT, ""
        for code in codes.tolist():
            choice, sound = divmod(code, len(self.vocabulary))
            state = follow(self.automaton, state, sound - 1)
            heard += self.vocabulary.symbols[sound].lower() + "-"
            if choice:
                word = self.automaton.said[self.automaton.said_from[state] + choice - 1]
                written.append(self.names[word])
                state, heard = ROOT, ""
        return (*written, heard) if heard else tuple(written)

    def spans(self, codes: Codes) -> Iterator[tuple[int, int]]:
        """See `Writing`."""
        ends = (np.flatnonzero(codes >= len(self.vocabulary)) + 1).tolist()
        unfinished = [] if len(codes) in (0, *ends) else [len(codes)]
        yield from pairwise([0, *ends, *unfinished])

    def complete(self, codes: Codes) -> int:
        """See `Writing`."""
        return int((codes >= len(self.vocabulary)).sum())
