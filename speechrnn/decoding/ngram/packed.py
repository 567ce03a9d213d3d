"""An n-gram model made small: two to three bytes an n-gram, to travel with a package.

The form that opens at once (`container.py`) takes thirty-two bytes an n-gram, most of them for finding it.
Here n-grams are sorted by context and word, so that numbers become small differences; logarithms are rounded
to a 32nd of a decade, which moves a probability by at most four in a hundred; the rest is left to xz.
`model.py` unpacks such a file once, into the folder where compiled code is kept.

The file is an xz stream of a line that says what it is, a line of JSON, and the sections that `_sections`
lists, whose sizes follow from that line.
"""

import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from speechrnn.decoding.ngram.backoff_model import BackoffModel, NgramOrder
from speechrnn.decoding.ngram.text_blocks import Units
from speechrnn.decoding.ngram.whole_file import whole_file
from speechrnn.decoding.ngram.word_table import SPECIAL_WORDS, WordArrays, WordTable
from speechrnn.errors import SpeechRnnError, check_readable

SUFFIXES = [".ngram", ".xz"]
MAGIC = b"speechrnn packed n-gram model\n"
FORMAT_VERSION = 1
STEPS_A_DECADE = 32


def is_packed(path: Path) -> bool:
    """Return whether the file holds a packed model, as far as its beginning shows."""
    check_readable(path)
    try:
        with lzma.open(path) as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except (lzma.LZMAError, EOFError):
        return False


def write_packed(path: Path, model: BackoffModel, units: Units) -> None:
    """Write `model`, its logarithms rounded; the file gets its name only when it is whole."""
    words = WordTable.over(model.words.trimmed()).arrays
    counts = [len(ngrams) for ngrams in model.orders]
    header = {"format": FORMAT_VERSION, "units": units, "counts": counts, "letters": len(words.letters)}
    parts = [MAGIC, json.dumps(header).encode("utf-8") + b"\n"]
    parts += [words.letters.tobytes(), _planes(np.diff(words.offsets))]
    ranks = np.zeros(0, np.int64)  # of the order below: where its n-grams have come to stand
    for number, ngrams in enumerate(model.orders):
        order = np.arange(len(ngrams))
        if number > 0:
            contexts = ranks[ngrams.contexts]
            order = np.lexsort((ngrams.words, contexts))
            contexts, last_words = contexts[order], ngrams.words[order].astype(np.int64)
            is_first = np.diff(contexts, prepend=-1) > 0
            steps = np.where(is_first, last_words, np.diff(last_words, prepend=0))
            parts += [_planes(np.bincount(contexts, minlength=len(ranks))), _planes(steps)]
        parts += [
            _rounded(-ngrams.log10_probs[order], np.uint8),
            _rounded(ngrams.log10_backoffs[order], np.int8),
        ]
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
    with whole_file(path) as unfinished, lzma.open(unfinished, "wb", preset=9) as stream:
        for part in parts:
            stream.write(part)


def read_packed(path: Path) -> tuple[BackoffModel, Units]:
    """Return the model in the file and what its symbols are.

    Raises SpeechRnnError if the file is damaged, cut short, or of another version.
    """
    check_readable(path)
    try:
        with lzma.open(path) as stream:
            if stream.readline() != MAGIC:
                raise ValueError("another beginning")
            header = json.loads(stream.readline())
            if header["format"] != FORMAT_VERSION:
                raise SpeechRnnError(
                    f"{path}: has format version {header['format']}, this speechrnn reads {FORMAT_VERSION};"
                    " make it again with: speechrnn lm convert"
                )
            if header["units"] not in get_args(Units):
                raise ValueError("unknown units")
            sections = _sections(stream.read(), list(header["counts"]), header["letters"])
        return _model(sections, len(header["counts"])), header["units"]
    except (lzma.LZMAError, EOFError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SpeechRnnError(f"{path}: is damaged or cut short; copy or make it again") from error


def _sections(data: bytes, counts: list[int], letters: int) -> Iterator[NDArray[Any]]:
    """Yield the arrays in `data`.

    Of the words: letters, lengths. Of each order: from the second on the children of each context and the
    steps between their words, then the logarithms of probabilities and of back-off weights. Raises
    ValueError unless they take all of `data`.
    """
    kinds: list[tuple[int, type[np.integer[Any]]]] = [(letters, np.uint8), (4 * counts[0], np.uint8)]
    for number, count in enumerate(counts):
        if number > 0:
            kinds += [(4 * counts[number - 1], np.uint8), (4 * count, np.uint8)]
        kinds += [(count, np.uint8), (count, np.int8)]
    if any(size < 0 for size, _ in kinds) or sum(size for size, _ in kinds) != len(data):
        raise ValueError("sections of other sizes")
    place = 0
    for size, kind in kinds:
        yield np.frombuffer(data, kind, size, place)
        place += size


def _model(sections: Iterator[NDArray[Any]], orders: int) -> BackoffModel:
    """Return the model of which `sections` yields the arrays; raises ValueError where they make none."""
    words = _word_table(next(sections), _from_planes(next(sections)))
    found: list[NgramOrder] = []
    for number in range(orders):
        contexts, last_words = np.zeros(len(words), np.int32), np.arange(len(words), dtype=np.int32)
        if number > 0:
            children, steps = _from_planes(next(sections)), _from_planes(next(sections))
            contexts, last_words = _unfolded(children, steps, len(words))
        log10_probs = next(sections) * np.float32(-1 / STEPS_A_DECADE)
        log10_backoffs = next(sections) * np.float32(1 / STEPS_A_DECADE)
        found.append(NgramOrder(contexts, last_words, log10_probs, log10_backoffs))
    return BackoffModel(words, tuple(found))


def _word_table(letters: NDArray[np.uint8], lengths: NDArray[np.int64]) -> WordTable:
    """Return the table of the words whose spellings stand one after the other in `letters`."""
    if (lengths < 0).any() or lengths.sum() != len(letters):
        raise ValueError("words of other lengths")
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    table = WordTable.over(WordArrays(letters, offsets, np.zeros(0, np.int32)))
    if tuple(table.words()[: len(SPECIAL_WORDS)]) != SPECIAL_WORDS or len(set(table.words())) < len(table):
        raise ValueError("no vocabulary")
    return WordTable.over(table.trimmed())


def _unfolded(
    children: NDArray[np.int64], steps: NDArray[np.int64], words: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the contexts and last words of n-grams, from the `children` of each context and the `steps`."""
    if (children < 0).any() or children.sum() != len(steps):
        raise ValueError("contexts of other sizes")
    contexts = np.repeat(np.arange(len(children)), children)
    is_first = np.diff(contexts, prepend=-1) > 0
    sums = np.cumsum(steps)
    before = sums - steps  # what the steps of the contexts before add up to
    starts = np.flatnonzero(is_first)
    last_words = sums - np.repeat(before[starts], children[children > 0])
    if (steps[~is_first] <= 0).any() or (last_words < 0).any() or (last_words >= words).any():
        raise ValueError("words out of order")
    return contexts.astype(np.int32), last_words.astype(np.int32)


def _planes(numbers: NDArray[Any]) -> bytes:
    """Return int32 `numbers` byte by byte: all of the lowest bytes, then the next ones; xz likes them so."""
    return numbers.astype("<i4").view(np.uint8).reshape(-1, 4).T.tobytes()


def _from_planes(planes: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.ascontiguousarray(planes.reshape(4, -1).T).view("<i4").ravel().astype(np.int64)


def _rounded(log10: NDArray[np.float32], kind: type[np.integer[Any]]) -> bytes:
    """Return `log10` as whole steps in the range of `kind`."""
    limits = np.iinfo(kind)
    return np.clip(np.rint(log10 * STEPS_A_DECADE), limits.min, limits.max).astype(kind).tobytes()
