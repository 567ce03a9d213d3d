"""Written words: the one rule of normalisation, and the vocabulary a network writes with.

Every transcript, reference and language-model text of a recipe passes `normalise` once, so that training and
scoring see the same letters. A `Vocabulary` turns text into token numbers for CTC targets and back; number 0
is the blank. Nothing here knows about audio or networks.
"""

import itertools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from speechrnn.errors import SpeechRnnError

BLANK = "<blank>"
WORD_BOUNDARY = "▁"  # sentencepiece's mark at the start of a word's first piece


def normalise(text: str) -> str:
    """Return `text` in NFC, lower case, with single spaces between words and none at the ends."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower()).split())


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a model: `symbols[0]` is the blank, the rest characters or byte-pair pieces."""

    kind: Literal["characters", "bpe", "sounds"]
    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raise SpeechRnnError for a vocabulary without a blank at 0 or with a token twice."""
        if not self.symbols or self.symbols[0] != BLANK:
            raise SpeechRnnError(f"vocabulary: token 0 must be {BLANK}, got {self.symbols[:1]}")
        if len(set(self.symbols)) != len(self.symbols):
            raise SpeechRnnError("vocabulary: a token occurs twice; every token must be distinct")

    def __len__(self) -> int:
        return len(self.symbols)

    def spell(self, tokens: Iterable[int]) -> str:
        """Return the text that `tokens` (without blanks) write."""
        text = "".join(self.symbols[token] for token in tokens)
        if self.kind == "bpe":
            text = text.replace(WORD_BOUNDARY, " ")
        return " ".join(text.split())


def characters_of(texts: Iterable[str]) -> Vocabulary:
    """Return the vocabulary of all characters in `texts` (already normalised), in code-point order."""
    letters = sorted(set().union(*map(set, texts), " "))
    return Vocabulary("characters", (BLANK, *letters))


def character_tokens(text: str, vocabulary: Vocabulary) -> tuple[list[int], list[str]]:
    """Return the token numbers of `text` and the characters of it that the vocabulary lacks."""
    index = {symbol: number for number, symbol in enumerate(vocabulary.symbols)}
    tokens = [index[letter] for letter in text if letter in index]
    return tokens, [letter for letter in text if letter not in index]


def piece_tokens(letters: Sequence[str], numbers: Mapping[str, int]) -> list[int]:
    """Return the byte-pair pieces of a word: the word itself, or else the pair learnt first is merged first.

    `numbers` are those of the pieces, in the order in which they were learnt, whole words after them. For
    pieces alone this is sentencepiece's encoding (Sennrich, Haddow and Birch 2016, "Neural machine
    translation of rare words with subword units") without its model, which an `.onnx` does not hold. Letters
    that no piece writes are left out.
    """
    if not letters:
        return []
    whole = numbers.get(WORD_BOUNDARY + "".join(letters))
    if whole is not None:
        return [whole]
    pieces = [WORD_BOUNDARY, *letters]
    while True:
        merged = [numbers.get(left + right, len(numbers)) for left, right in itertools.pairwise(pieces)]
        place = min(range(len(merged)), key=merged.__getitem__)
        if merged[place] == len(numbers):
            return [numbers[piece] for piece in pieces if piece in numbers]
        pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]


def needed_frames(tokens: Sequence[int]) -> int:
    """Return the fewest frames that CTC aligns `tokens` to: one each, a blank between equal ones."""
    return len(tokens) + sum(a == b for a, b in itertools.pairwise(tokens))
