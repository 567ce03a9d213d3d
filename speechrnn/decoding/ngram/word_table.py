"""Words and their numbers, in plain arrays that compiled code can search.

Both parsers (training text and ARPA files) turn bytes into word numbers with this table, and a saved model
carries it as it is. Numbers follow the order of first appearance; the first three are fixed.

Sizes: words, letters (bytes of all words together in UTF-8), slots (of the hash table, a power of two).
"""

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled, compiled_in_place

UNKNOWN, BEGIN, END = 0, 1, 2
SPECIAL_WORDS = ("<unk>", "<s>", "</s>")

_EMPTY = -1


class WordArrays(NamedTuple):
    """The table as compiled code takes it.

    letters: uint8 `[letters]`, the words one after the other; offsets: int64 `[words + 1]`, where each
    starts; slots: int32 `[slots]`, word numbers placed by hash, -1 where empty.
    """

    letters: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    slots: NDArray[np.int32]


class WordTable:
    """A vocabulary that may grow. `size` is the number of words, `arrays` may have room for more."""

    def __init__(self, words: Iterable[str] = SPECIAL_WORDS) -> None:
        self.size = 0
        self.arrays = WordArrays(np.empty(0, np.uint8), np.zeros(1, np.int64), np.full(8, _EMPTY, np.int32))
        self.add(words)

    @classmethod
    def over(cls, arrays: WordArrays) -> "WordTable":
        """Return a table of the words in `arrays`, which are used in place and may be read-only."""
        table = cls.__new__(cls)
        table.size = len(arrays.offsets) - 1
        table.arrays = arrays
        return table

    def __len__(self) -> int:
        return self.size

    def add(self, words: Iterable[str]) -> None:
        """Give every word that is new the next number."""
        for word in words:
            spelling = np.frombuffer(word.encode("utf-8"), np.uint8)
            self.reserve(1, len(spelling))
            _, self.size = number_or_new(self.arrays, self.size, spelling, 0, len(spelling))

    def reserve(self, words: int, letters: int) -> None:
        """Make room for so many more words and letters, so that compiled code can add them."""
        old = self.arrays
        needed_letters = int(old.offsets[self.size]) + letters
        needed_words = self.size + words
        if needed_letters > len(old.letters):
            old = old._replace(letters=_enlarged(old.letters, needed_letters))
        if needed_words >= len(old.offsets):
            old = old._replace(offsets=_enlarged(old.offsets, needed_words + 1))
        if 2 * needed_words > len(old.slots):
            slots = np.full(1 << (4 * needed_words - 1).bit_length(), _EMPTY, np.int32)
            old = old._replace(slots=slots)
            _fill_slots(old, self.size)
        self.arrays = old

    def trimmed(self) -> WordArrays:
        """Return the arrays without the room for more words, for storing."""
        letters, offsets, _ = self.arrays
        slots = np.full(1 << (2 * self.size - 1).bit_length(), _EMPTY, np.int32)
        kept = WordArrays(letters[: offsets[self.size]].copy(), offsets[: self.size + 1].copy(), slots)
        _fill_slots(kept, self.size)
        return kept

    def number(self, word: str) -> int:
        """Return the number of `word`, or `UNKNOWN`."""
        spelling = np.frombuffer(word.encode("utf-8"), np.uint8)
        return max(int(find_word(self.arrays, spelling, 0, len(spelling))), UNKNOWN)

    def word(self, number: int) -> str:
        """Return the word with this number."""
        letters, offsets, _ = self.arrays
        return letters[offsets[number] : offsets[number + 1]].tobytes().decode("utf-8")

    def words(self) -> list[str]:
        """Return all words, in the order of their numbers."""
        spellings = self.arrays.letters.tobytes()
        offsets = self.arrays.offsets[: self.size + 1].tolist()
        return [spellings[a:b].decode("utf-8") for a, b in itertools.pairwise(offsets)]


@compiled_in_place
def find_word(table: WordArrays, text: NDArray[np.uint8], start: int, end: int) -> int:
    """Return the number of the word `text[start:end]`, or `-1 - slot` with the slot where it would go."""
    mask = len(table.slots) - 1
    slot = _hash(text, start, end) & mask
    while True:
        number = int(table.slots[slot])
        if number == _EMPTY:
            return -1 - slot
        begin = table.offsets[number]
        if table.offsets[number + 1] - begin == end - start:
            same = True
            for i in range(end - start):
                if table.letters[begin + i] != text[start + i]:
                    same = False
                    break
            if same:
                return number
        slot = (slot + 1) & mask


@compiled
def number_or_new(
    table: WordArrays, size: int, text: NDArray[np.uint8], start: int, end: int
) -> tuple[int, int]:
    """Return the number of the word `text[start:end]`, adding it if new, and the new size of the table."""
    found = find_word(table, text, start, end)
    if found >= 0:
        return found, size
    begin = table.offsets[size]
    for i in range(end - start):
        table.letters[begin + i] = text[start + i]
    table.offsets[size + 1] = begin + end - start
    table.slots[-1 - found] = size
    return size, size + 1


@compiled
def _fill_slots(table: WordArrays, size: int) -> None:
    """Enter the first `size` words into the empty slots."""
    for number in range(size):
        place = find_word(table, table.letters, table.offsets[number], table.offsets[number + 1])
        table.slots[-1 - place] = number


@compiled_in_place
def _hash(text: NDArray[np.uint8], start: int, end: int) -> int:
    """Return the FNV-1a hash of the bytes, with its high bits folded into the low ones."""
    value = np.uint64(0xCBF29CE484222325)
    for i in range(start, end):
        value = (value ^ np.uint64(text[i])) * np.uint64(0x100000001B3)
    return int(value ^ (value >> np.uint64(32)))


def _enlarged(array: NDArray[Any], needed: int) -> NDArray[Any]:
    """Return a copy of `array` with room for `needed` entries and as many again."""
    larger = np.empty(2 * needed, array.dtype)
    larger[: len(array)] = array
    return larger
