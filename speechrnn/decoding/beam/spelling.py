"""Tokens taken apart into what the search sees: a word boundary, letters, or both.

A character vocabulary writes one letter a token and has a space. A byte-pair piece such as `▁the` ends the
word before it and writes three letters. Of sounds each is a letter of its own, and none a boundary. The
search, its automata and the hot words know letters and boundaries only, so one search serves all
vocabularies, and any way to write a word in pieces is found.

Letters are numbered 0 to L - 1 in the order of the vocabulary. Sizes: tokens, letters, words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechrnn.errors import SpeechRnnError
from speechrnn.text import WORD_BOUNDARY, Vocabulary

NO_TOKEN = -1
NO_LETTER = -1


class TokenArrays(NamedTuple):
    """What each token writes, as compiled code takes it. Token 0, the blank, writes nothing.

    boundary: bool `[tokens]`, the token ends the word before it; offsets: int32 `[tokens + 1]` into letters:
    int32, its letters; separator: the token that is a boundary without letters (space or `▁`), or -1;
    longest: the most letters of a token.
    """

    boundary: NDArray[np.bool_]
    offsets: NDArray[np.int32]
    letters: NDArray[np.int32]
    separator: int
    longest: int


@dataclass(frozen=True)
class SpelledWords:
    """Words as letters: `letters` int32, those of word n from `offsets[n]` to `offsets[n + 1]`."""

    letters: NDArray[np.int32]
    offsets: NDArray[np.int64]

    @cached_property
    def writable(self) -> NDArray[np.bool_]:
        """Whether each word has letters, all of them known: bool `[words]`."""
        unknown = np.concatenate(([0], np.cumsum(self.letters == NO_LETTER)))
        has_unknown = np.diff(unknown[self.offsets]) > 0
        return np.asarray(~has_unknown & (np.diff(self.offsets) > 0))

    def only(self, kept: NDArray[np.bool_]) -> "SpelledWords":
        """Return the words for which `kept` bool `[words]` is true."""
        lengths = np.diff(self.offsets)
        offsets = np.concatenate(([0], np.cumsum(lengths[kept])))
        return SpelledWords(self.letters[np.repeat(kept, lengths)], offsets)


class Spelling:
    """The letters of a vocabulary, and its tokens in terms of them."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        parts: list[tuple[bool, Sequence[str]]]
        if vocabulary.kind == "sounds":
            parts = [(False, [sound]) for sound in vocabulary.symbols[1:]]
        else:
            parts = [_parts(symbol, vocabulary) for symbol in vocabulary.symbols[1:]]
        separators = [number for number, part in enumerate(parts, start=1) if part == (True, "")]
        if len(separators) > 1:
            names = [vocabulary.symbols[number] for number in separators]
            raise SpeechRnnError(f"vocabulary: {names} are all spaces; a beam search needs one or none")
        self.vocabulary = vocabulary
        self.numbers = {
            letter: n
            for n, letter in enumerate(dict.fromkeys(chain.from_iterable(text for _, text in parts)))
        }
        self.tokens = TokenArrays(
            np.array([False, *(boundary for boundary, _ in parts)]),
            np.cumsum([0, 0, *(len(text) for _, text in parts)], dtype=np.int32),
            np.array([self.numbers[letter] for _, text in parts for letter in text], np.int32),
            separators[0] if separators else NO_TOKEN,
            max((len(text) for _, text in parts), default=0),
        )

    def spell(self, words: Sequence[str]) -> SpelledWords:
        """Return `words` as letters, with `NO_LETTER` for characters that no token writes."""
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        return SpelledWords(self._letters("".join(words)), np.concatenate(([0], np.cumsum(lengths))))

    def spell_utf8(self, text: NDArray[np.uint8], offsets: NDArray[np.int64]) -> SpelledWords:
        """Return as letters the words `text[offsets[n]:offsets[n + 1]]`, bytes in UTF-8."""
        text = text[offsets[0] : offsets[-1]]
        is_first_byte = (text & 0xC0) != 0x80
        places = np.concatenate(([0], np.cumsum(is_first_byte)))
        return SpelledWords(self._letters(text.tobytes().decode("utf-8")), places[offsets - offsets[0]])

    def unknown_characters(self, text: str) -> list[str]:
        """Return the characters of `text`, spaces aside, that no token writes."""
        return sorted({letter for letter in text if not letter.isspace()} - self.numbers.keys())

    def _letters(self, text: str) -> NDArray[np.int32]:
        points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        known = np.array([ord(letter) for letter in self.numbers], np.uint32)
        table = np.full(int(max(points.max(initial=0), known.max(initial=0))) + 1, NO_LETTER, np.int32)
        table[known] = np.arange(len(known))
        return table[points]


def _parts(symbol: str, vocabulary: Vocabulary) -> tuple[bool, str]:
    """Return whether a token ends the word before it, and its letters."""
    boundary = symbol[:1].isspace() or (vocabulary.kind == "bpe" and symbol.startswith(WORD_BOUNDARY))
    letters = symbol[1:] if boundary else symbol
    if any(letter.isspace() or (vocabulary.kind == "bpe" and letter == WORD_BOUNDARY) for letter in letters):
        raise SpeechRnnError(
            f"vocabulary: the token {symbol!r} has a word boundary inside; a beam search needs tokens of at"
            " most one word, so train the pieces with split_by_whitespace"
        )
    return boundary, letters
