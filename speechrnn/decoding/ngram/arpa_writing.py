"""A back-off model into an ARPA file, plain or gzipped.

The format is Doug Paul's (MIT Lincoln Laboratory); every tool reads it: logarithms in base 10, one n-gram a
line, tabs between probability, words and back-off weight. Lines are made by compiled code, since models have
tens of millions.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled
from speechrnn.decoding.ngram.backoff_model import BackoffModel
from speechrnn.decoding.ngram.whole_file import whole_file
from speechrnn.decoding.ngram.word_table import WordArrays

_LINES_A_BLOCK = 200_000
_LONGEST_NUMBER = 24  # letters; anything of float32's size in `_DECIMALS` decimals
_DECIMALS = 7


def write_arpa(path: Path, model: BackoffModel) -> None:
    """Write `model` to `path`, gzipped if its name ends in .gz, with seven decimals."""
    with whole_file(path) as unfinished, _opened(unfinished, path.suffix == ".gz") as stream:
        stream.write(b"\\data\\\n")
        for order, ngrams in enumerate(model.orders, start=1):
            stream.write(f"ngram {order}={len(ngrams)}\n".encode())
        for order in range(1, len(model.orders) + 1):
            stream.write(f"\n\\{order}-grams:\n".encode())
            for block in _lines(model, order):
                stream.write(block)
        stream.write(b"\n\\end\\\n")


def _opened(path: Path, gzipped: bool) -> IO[bytes]:
    """Return a stream to write the file with."""
    if gzipped:
        return cast(IO[bytes], gzip.open(path, "wb", compresslevel=6))
    return path.open("wb")


def _lines(model: BackoffModel, order: int) -> Iterator[memoryview]:
    """Yield the lines of all n-grams of `order`, in blocks."""
    words = model.words.arrays
    longest = int(np.diff(words.offsets[: len(model.words) + 1]).max()) + 1
    ngrams = model.orders[order - 1]
    highest = order == len(model.orders)
    for start in range(0, len(ngrams), _LINES_A_BLOCK):
        rows = np.arange(start, min(start + _LINES_A_BLOCK, len(ngrams)))
        spelled = np.empty((len(rows), order), np.int32)
        below: NDArray[Any] = rows
        for k in range(order, 0, -1):
            level = model.orders[k - 1]
            spelled[:, k - 1] = level.words[below]
            below = level.contexts[below]
        text = np.empty(len(rows) * (2 * _LONGEST_NUMBER + order * longest), np.uint8)
        used = _format_lines(
            spelled, ngrams.log10_probs[rows], ngrams.log10_backoffs[rows], not highest, words, text
        )
        yield text[:used].data


@compiled
def _format_lines(
    ngrams: NDArray[np.int32],
    log10_probs: NDArray[np.float32],
    log10_backoffs: NDArray[np.float32],
    with_backoff: bool,
    words: WordArrays,
    text: NDArray[np.uint8],
) -> int:
    """Write a line for each of `ngrams` `[ngrams, order]` into `text`; return how many bytes."""
    used = 0
    for row in range(len(ngrams)):
        used = _format_number(log10_probs[row], text, used)
        separator = 9
        for column in range(ngrams.shape[1]):
            text[used] = separator
            used += 1
            word = ngrams[row, column]
            for letter in range(words.offsets[word], words.offsets[word + 1]):
                text[used] = words.letters[letter]
                used += 1
            separator = 32
        if with_backoff:
            text[used] = 9
            used = _format_number(log10_backoffs[row], text, used + 1)
        text[used] = 10
        used += 1
    return used


@compiled
def _format_number(number: float, text: NDArray[np.uint8], used: int) -> int:
    """Write `number` with `_DECIMALS` decimals, without zeros at its end; return the end of `text`."""
    scaled = np.int64(round(abs(number) * 10**_DECIMALS))
    if number < 0 and scaled > 0:
        text[used] = 45
        used += 1
    digits = np.empty(_LONGEST_NUMBER, np.uint8)
    size = 0
    while scaled > 0 or size <= _DECIMALS:
        digits[size] = 48 + scaled % 10
        scaled //= 10
        size += 1
    last = 0
    while last < _DECIMALS and digits[last] == 48:
        last += 1
    for place in range(size - 1, last - 1, -1):
        if place == _DECIMALS - 1:
            text[used] = 46
            used += 1
        text[used] = digits[place]
        used += 1
    return used
