"""Text into distinct n-grams with their counts, the first half of training a model.

Every word of the text, and the end of every sentence, closes one n-gram: itself and the `order - 1` words
before it, where the sentence's start is filled up with `<s>`. The n-grams come sorted by their last word,
then the one before it, and so on. In this *suffix order* all n-grams that share their last k words lie side
by side, so that the counts of every lower order can be read off in one pass (`kneser_ney`).

Texts larger than memory are counted in chunks: each is sorted on its own, and sorted chunks are merged.

Sizes: text (bytes), tokens (word numbers of a chunk), ngrams, order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled
from speechrnn.decoding.ngram.word_table import (
    BEGIN,
    END,
    UNKNOWN,
    WordArrays,
    WordTable,
    find_word,
    number_or_new,
)
from speechrnn.errors import SpeechRnnError

MAX_ORDER = 6
CHUNK_TOKENS = 16_000_000


@dataclass(frozen=True)
class NgramCounts:
    """The distinct n-grams of a text, in suffix order.

    ngrams: int32 `[ngrams, order]`, word numbers; counts: int64 `[ngrams]`.
    """

    words: WordTable
    ngrams: NDArray[np.int32]
    counts: NDArray[np.int64]


def count_ngrams(text: Iterable[bytes], order: int, chunk_tokens: int = CHUNK_TOKENS) -> NgramCounts:
    """Return the n-grams of `text`, blocks of whole lines with a sentence each, words between white space.

    An empty line is an empty sentence. Raises SpeechRnnError when there is no line, or when a line contains
    one of the words that models reserve.
    """
    if not 1 <= order <= MAX_ORDER:
        raise SpeechRnnError(f"order {order} is not possible; choose one from 1 to {MAX_ORDER}")
    words = WordTable()
    runs: list[tuple[NDArray[np.int32], NDArray[np.int64]]] = []
    for tokens in _chunks(encode(text, words, pads=order - 1, grow=True), chunk_tokens):
        runs.append(_distinct(tokens, _suffix_order(tokens, order, len(words)), order))
        while len(runs) > 1 and len(runs[-2][0]) < 2 * len(runs[-1][0]):
            runs[-2:] = [_merged(*runs[-2], *runs[-1])]
    while len(runs) > 1:
        runs[-2:] = [_merged(*runs[-2], *runs[-1])]
    if not runs:
        raise SpeechRnnError("the text has no lines; give one sentence a line")
    return NgramCounts(words, *runs[0])


def encode(
    text: Iterable[bytes], words: WordTable, pads: int, grow: bool, padding: int = BEGIN
) -> Iterator[NDArray[np.int32]]:
    """Yield word numbers of blocks of `text`, every line as `pads` times `padding`, its words, `</s>`.

    New words get a number if `grow`, and the reserved words raise SpeechRnnError; otherwise what the table
    lacks is `UNKNOWN`.
    """
    for block in text:
        characters = np.frombuffer(block, np.uint8)
        if grow:
            words.reserve(len(block) // 2 + 1, len(block))
        tokens = np.empty(block.count(b"\n") * (pads + 1) + len(block) // 2 + 1, np.int32)
        used, words.size, broken = _encode_lines(
            characters, words.arrays, words.size, grow, pads, padding, tokens
        )
        if broken >= 0:
            word = block[broken:].split()[0].decode()
            raise SpeechRnnError(f"the text contains {word}, which models reserve; take it out of the text")
        yield tokens[:used]


def _chunks(blocks: Iterable[NDArray[np.int32]], size: int) -> Iterator[NDArray[np.int32]]:
    """Yield the blocks joined to arrays of at least `size` tokens (the last may be shorter)."""
    gathered: list[NDArray[np.int32]] = []
    tokens = 0
    for block in blocks:
        gathered.append(block)
        tokens += len(block)
        if tokens >= size:
            yield np.concatenate(gathered)
            gathered, tokens = [], 0
    if tokens:
        yield np.concatenate(gathered)


@compiled
def _encode_lines(
    text: NDArray[np.uint8],
    table: WordArrays,
    size: int,
    grow: bool,
    pads: int,
    padding: int,
    tokens: NDArray[np.int32],
) -> tuple[int, int, int]:
    """Fill `tokens`; return how many, the new size of `table`, and where a reserved word stands or -1."""
    used = 0
    position = 0
    while position < len(text):
        for _ in range(pads):
            tokens[used] = padding
            used += 1
        while text[position] != 10:
            if _is_space(text[position]):
                position += 1
                continue
            start = position
            while not _is_space(text[position]):
                position += 1
            if grow:
                number, size = number_or_new(table, size, text, start, position)
                if number <= END:
                    return used, size, start
            else:
                number = max(find_word(table, text, start, position), UNKNOWN)
            tokens[used] = number
            used += 1
        tokens[used] = END
        used += 1
        position += 1
    return used, size, -1


@compiled
def _is_space(byte: int) -> bool:
    """Return whether the byte is white space: what C calls so in ASCII, and NUL, as KenLM has it."""
    return byte == 32 or 9 <= byte <= 13 or byte == 0


@compiled
def _suffix_order(tokens: NDArray[np.int32], order: int, words: int) -> NDArray[np.int32]:
    """Return the positions where n-grams end, sorted by the word there, the word before it, and so on.

    A radix sort with words as digits: one stable pass a column, the least significant first.
    """
    positions = np.empty(len(tokens), np.int32)
    used = 0
    for position in range(len(tokens)):
        if tokens[position] != BEGIN:
            positions[used] = position
            used += 1
    positions = positions[:used]
    target = np.empty_like(positions)
    for back in range(order - 1, -1, -1):
        starts = np.zeros(words + 1, np.int64)
        for i in range(used):
            starts[tokens[positions[i] - back] + 1] += 1
        for word in range(words):
            starts[word + 1] += starts[word]
        for i in range(used):
            word = tokens[positions[i] - back]
            target[starts[word]] = positions[i]
            starts[word] += 1
        positions, target = target, positions
    return positions


@compiled
def _distinct(tokens: NDArray[np.int32], positions: NDArray[np.int32], order: int) -> Any:
    """Return the distinct n-grams `[ngrams, order]` that end at the sorted `positions`, and their counts."""
    is_new = np.empty(len(positions), np.bool_)
    distinct = 0
    for i in range(len(positions)):
        is_new[i] = i == 0
        for back in range(order):
            if i > 0 and tokens[positions[i] - back] != tokens[positions[i - 1] - back]:
                is_new[i] = True
                break
        distinct += is_new[i]
    ngrams = np.empty((distinct, order), np.int32)
    counts = np.zeros(distinct, np.int64)
    row = -1
    for i in range(len(positions)):
        if is_new[i]:
            row += 1
            for back in range(order):
                ngrams[row, order - 1 - back] = tokens[positions[i] - back]
        counts[row] += 1
    return ngrams, counts


@compiled
def _merged(
    ngrams: NDArray[np.int32],
    counts: NDArray[np.int64],
    other_ngrams: NDArray[np.int32],
    other_counts: NDArray[np.int64],
) -> Any:
    """Return the union of two sets of distinct n-grams in suffix order, with summed counts."""
    size = len(counts) + len(other_counts)
    merged = np.empty((size, ngrams.shape[1]), np.int32)
    sums = np.empty(size, np.int64)
    row = i = j = 0
    while i < len(counts) or j < len(other_counts):
        if j == len(other_counts):
            sign = -1
        elif i == len(counts):
            sign = 1
        else:
            sign = _compared(ngrams[i], other_ngrams[j])
        sums[row] = 0
        if sign <= 0:
            for column in range(ngrams.shape[1]):
                merged[row, column] = ngrams[i, column]
            sums[row] += counts[i]
            i += 1
        if sign >= 0:
            for column in range(ngrams.shape[1]):
                merged[row, column] = other_ngrams[j, column]
            sums[row] += other_counts[j]
            j += 1
        row += 1
    return merged[:row].copy(), sums[:row].copy()


@compiled
def _compared(one: NDArray[np.int32], other: NDArray[np.int32]) -> int:
    """Return -1, 0 or 1 as `one` comes before, with or after `other` in suffix order."""
    for column in range(len(one) - 1, -1, -1):
        if one[column] != other[column]:
            return -1 if one[column] < other[column] else 1
    return 0
