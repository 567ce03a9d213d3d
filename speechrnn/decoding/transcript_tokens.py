"""A transcript as people write it becomes the tokens that a network would write it with.

The first step of alignment: lines of text -> tokens, and which of them belong to which word. The text stays
as it stands, for subtitles; only its letters are sought in the vocabulary, in the case that the vocabulary
has. Three things that networks do not write are still in transcripts:

- letters and marks that the vocabulary lacks are passed over, as in `don't,`;
- a word of nothing else, such as `1999`, becomes `ANYTHING`, a token that fits whatever is heard;
- marks that stand alone, such as a dash, go with the word before them.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from speechrnn.text import Vocabulary, piece_tokens

SPACE = " "


@dataclass(frozen=True)
class TokenizedWord:
    """A word as it stands in the transcript, and the slice of the transcript's tokens that writes it."""

    text: str
    first: int
    end: int


@dataclass(frozen=True)
class TokenizedTranscript:
    """The `tokens` int64 [length] of a whole transcript, and its words, line by line."""

    tokens: npt.NDArray[np.int64]
    lines: tuple[tuple[TokenizedWord, ...], ...]
    unwritable: tuple[str, ...]
    """Words without any letter of the vocabulary, which are aligned to anything."""

    @cached_property
    def words(self) -> tuple[TokenizedWord, ...]:
        """The words of all lines."""
        return tuple(word for line in self.lines for word in line)


def anything(vocabulary: Vocabulary) -> int:
    """Return the number of the token that fits whatever is heard: the one after the vocabulary's last."""
    return len(vocabulary)


def tokenize(lines: Iterable[str], vocabulary: Vocabulary) -> TokenizedTranscript:
    """Return the tokens of `lines`; lines without a letter or digit are left out."""
    spell = _pieces if vocabulary.kind == "bpe" else _letters
    numbers = {symbol: number for number, symbol in enumerate(vocabulary.symbols)}
    tokens: list[int] = []
    tokenized: list[tuple[TokenizedWord, ...]] = []
    unwritable: list[str] = []
    for line in lines:
        words: list[TokenizedWord] = []
        for text in _words(line):
            if tokens and vocabulary.kind == "characters" and SPACE in numbers:
                tokens.append(numbers[SPACE])
            first = len(tokens)
            written = spell(text, numbers)
            if not written:
                unwritable.append(text)
            tokens += written or [anything(vocabulary)]
            words.append(TokenizedWord(text, first, len(tokens)))
        if words:
            tokenized.append(tuple(words))
    return TokenizedTranscript(np.array(tokens, np.int64), tuple(tokenized), tuple(unwritable))


def _words(line: str) -> list[str]:
    """Return the words of `line`; marks that stand alone join the word before them, or the first word."""
    words: list[str] = []
    for text in line.split():
        if words and not (_is_spoken(text) and _is_spoken(words[-1])):
            words[-1] += SPACE + text
        else:
            words.append(text)
    return [word for word in words if _is_spoken(word)]


def _is_spoken(text: str) -> bool:
    return any(letter.isalnum() for letter in text)


def _known(text: str, numbers: dict[str, int]) -> list[str]:
    """Return the letters of `text` that are in the vocabulary `numbers`, in the case that they have there."""
    composed = unicodedata.normalize("NFC", text).replace("’", "'")
    spellings = ((letter, letter.lower(), letter.upper()) for letter in composed if letter != SPACE)
    found = (next((way for way in ways if way in numbers), None) for ways in spellings)
    return [letter for letter in found if letter is not None]


def _letters(text: str, numbers: dict[str, int]) -> list[int]:
    return [numbers[letter] for letter in _known(text, numbers)]


def _pieces(text: str, numbers: dict[str, int]) -> list[int]:
    return piece_tokens(_known(text, numbers), numbers)
