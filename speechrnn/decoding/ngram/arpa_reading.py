"""An ARPA file, ours or anybody's, into a back-off model.

Files from SRILM, KenLM, IRSTLM, MITLM and others differ in white space, in line ends, in whether a back-off
weight of 0 is written and in how careful they are. What can be read without changing what the model says is
read; what is lost or put right on the way is counted and said in one warning each. The rest is an error that
names the line.

Lines are parsed by compiled code, block by block, so that memory holds numbers and never the text.
"""

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled
from speechrnn.decoding.ngram.arc_table import empty_arcs, find_arc
from speechrnn.decoding.ngram.arpa_parsing import (
    BAD_NUMBER,
    BLOCK_END,
    FEW_WORDS,
    MANY_WORDS,
    NEW_WORD,
    POSITIVE,
    SECTION_END,
    ParsedNgrams,
    parse_ngrams,
)
from speechrnn.decoding.ngram.backoff_model import BackoffModel, NgramOrder
from speechrnn.decoding.ngram.text_blocks import text_blocks
from speechrnn.decoding.ngram.word_table import BEGIN, END, UNKNOWN, WordTable
from speechrnn.errors import SpeechRnnError

MISSING_UNKNOWN_LOG10_PROB = -100.0  # as KenLM gives it to a model without <unk>
_MOST_NGRAMS = 2**31 - 16  # they are numbered in int32
_UPPER_UNKNOWN = re.compile(rb"(?<=[\t ])<UNK>(?=[\t\r\n ])")


def warn_in_python(message: str) -> None:
    """Warn in Python's way."""
    warnings.warn(message, stacklevel=3)


def read_arpa(path: Path, warn: Callable[[str], None] = warn_in_python) -> BackoffModel:
    """Return the model in the file `path` (plain, gzipped, xz or bzip2).

    `warn` is called with one line for each kind of flaw that could be mended: a wrong count in the header,
    n-grams listed twice (the first is taken), n-grams whose context is not listed (they are left out, and the
    model backs off instead), no `<unk>`. Raises SpeechRnnError, with the number of the line, for everything
    else that is wrong.
    """
    lines = _Lines(path, warn)
    announced = _read_header(lines)
    words, unigrams, rows = _read_unigrams(lines)
    _check_count(lines, 1, announced[0], rows)
    orders = [unigrams]
    numbered = empty_arcs(0)  # n-grams of two words and more, as arcs from context to n-gram
    starts = [0, 1, 1 + len(words)]
    for order, count in enumerate(announced[1:], start=2):
        _take_title(lines, order)
        parsed = _read_section(lines, order, words)
        _check_count(lines, order, count, len(parsed.ngrams))
        if starts[-1] + len(parsed.ngrams) > _MOST_NGRAMS:
            raise SpeechRnnError(f"{path}: more than {_MOST_NGRAMS:,} n-grams; prune the model")
        numbered = _with_room(numbered, starts[-1] - starts[2] + len(parsed.ngrams))
        contexts = _number_ngrams(numbered, parsed.ngrams, starts[-1])
        _warn_about_lost(lines, order, contexts)
        kept = contexts >= 0
        ngrams = parsed.ngrams[kept, -1].copy()
        orders.append(
            NgramOrder(
                contexts[kept] - np.int32(starts[order - 1]),
                ngrams,
                parsed.log10_probs[kept],
                parsed.log10_backoffs[kept],
            )
        )
        starts.append(starts[-1] + len(ngrams))
    _read_end(lines)
    return BackoffModel(words, tuple(orders))


class _Lines:
    """The lines of a text file, one by one, or as the bytes that are at hand, for compiled parsers."""

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self.path = path
        self._warn = warn
        self.number = 0  # of lines taken
        self._blocks = text_blocks(path)
        self._block = b""
        self._position = 0

    def next(self) -> str | None:
        """Take the next line; None at the end of the file."""
        block = self.at_hand()
        if not block:
            return None
        end = self._block.index(b"\n", self._position)
        line = self._block[self._position : end].decode("utf-8")
        self.take(end + 1 - self._position, 1)
        return line.strip(" \t\r")

    def next_filled(self) -> str | None:
        """Take lines up to the next that is not empty; return that one, or None at the end of the file."""
        line = self.next()
        while line == "":
            line = self.next()
        return line

    def at_hand(self) -> memoryview:
        """Return bytes that are not taken yet, whole lines; none at the end of the file."""
        if self._position == len(self._block):
            self._block = next(self._blocks, b"")
            if b"<UNK>" in self._block:
                self._block = _UPPER_UNKNOWN.sub(b"<unk>", self._block)
            self._position = 0
        return memoryview(self._block)[self._position :]

    def take(self, size: int, lines: int) -> None:
        """Count `size` bytes of those at hand, `lines` lines, as taken."""
        self._position += size
        self.number += lines

    def warn(self, what: str) -> None:
        """Warn of something in the file that was mended."""
        self._warn(f"{self.path}: {what}")

    def problem(self, what: str) -> SpeechRnnError:
        """Return the error for `what` in the line taken last."""
        return SpeechRnnError(f"{self.path}: line {self.number} {what}")

    def cut_short(self, where: str) -> SpeechRnnError:
        """Return the error for a file that ends too early."""
        return SpeechRnnError(
            f"{self.path}: ends {where}, after line {self.number}; it was cut short: copy or make it again"
        )


def _read_header(lines: _Lines) -> list[int]:
    """Take the header, and the line that opens the unigrams; return the number of n-grams by order."""
    line = lines.next()
    while line is not None and line.lstrip("\ufeff") != "\\data\\":
        line = lines.next()
    if line is None:
        raise SpeechRnnError(
            f"{lines.path}: has no line \\data\\, so it is no ARPA file; name a language model"
        )
    counts: list[int] = []
    while (line := lines.next_filled()) is not None and not line.startswith("\\"):
        match = re.fullmatch(r"ngram\s+(\d{1,9})\s*=\s*(\d{1,18})", line)
        if not match or int(match[1]) != len(counts) + 1:
            raise lines.problem(
                f"reads {line[:40]!r}, wanted 'ngram {len(counts) + 1}=COUNT'; mend the header"
            )
        counts.append(int(match[2]))
    if line is None:
        raise lines.cut_short("in its header")
    if not counts:
        raise lines.problem("ends a header without any count; mend the header")
    _check_title(lines, line, "\\1-grams:")
    return counts


def _check_title(lines: _Lines, line: str, title: str) -> None:
    """Raise unless `line`, the one taken last, is `title`."""
    if line != title:
        raise lines.problem(f"reads {line[:40]!r}, wanted {title!r}; a section is missing or misplaced")


def _read_unigrams(lines: _Lines) -> tuple[WordTable, NgramOrder, int]:
    """Take the unigrams; return the vocabulary, the unigrams, and how many lines there were."""
    words = WordTable()
    parsed = _read_section(lines, 1, words, grow=True)
    numbers = parsed.ngrams[::-1, 0]  # so that of words listed twice the first is written last
    log10_probs = np.full(len(words), np.nan, np.float32)
    log10_backoffs = np.zeros(len(words), np.float32)
    log10_probs[numbers] = parsed.log10_probs[::-1]
    log10_backoffs[numbers] = parsed.log10_backoffs[::-1]

    twice = len(numbers) - int(np.count_nonzero(np.isfinite(log10_probs)))
    if twice:
        lines.warn(f"{twice} words are listed twice; the first line of each was used")
    for word in (BEGIN, END):
        if np.isnan(log10_probs[word]):
            name = words.word(word)
            raise SpeechRnnError(
                f"{lines.path}: the word {name} is missing; make the model with sentence marks"
            )
    if np.isnan(log10_probs[UNKNOWN]):
        power = round(MISSING_UNKNOWN_LOG10_PROB)
        lines.warn(f"has no <unk>; unknown words get a probability of 1e{power}")
        log10_probs[UNKNOWN] = MISSING_UNKNOWN_LOG10_PROB
    numbered = np.arange(len(words), dtype=np.int32)
    return words, NgramOrder(np.zeros_like(numbered), numbered, log10_probs, log10_backoffs), len(numbers)


def _take_title(lines: _Lines, order: int) -> None:
    """Take the line that opens the section of `order`."""
    title = lines.next_filled()
    if title is None:
        raise lines.cut_short(f"before its {order}-grams")
    _check_title(lines, title, f"\\{order}-grams:")


def _read_section(lines: _Lines, order: int, words: WordTable, grow: bool = False) -> ParsedNgrams:
    """Take the n-grams of a section whose title was taken; their words join `words` if `grow`."""
    parts: list[ParsedNgrams] = []
    stop = BLOCK_END
    while stop == BLOCK_END:
        block = lines.at_hand()
        if not block:
            raise lines.cut_short(f"in its {order}-grams")
        text = np.frombuffer(block, np.uint8)
        if grow:
            words.reserve(len(text) // 2 + 1, len(text))
        room = len(text) // (2 + 2 * order) + 1
        part = ParsedNgrams(
            np.empty((room, order), np.int32), np.empty(room, np.float32), np.empty(room, np.float32)
        )
        rows, words.size, used, taken, stop = parse_ngrams(text, words.arrays, words.size, grow, part)
        lines.take(used, taken)
        if stop not in (BLOCK_END, SECTION_END):
            raise _parse_problem(lines, order, stop)
        parts.append(
            ParsedNgrams(
                part.ngrams[:rows].copy(), part.log10_probs[:rows].copy(), part.log10_backoffs[:rows].copy()
            )
        )
    ngrams, probs, log10_backoffs = zip(*parts, strict=True)
    log10_probs = np.concatenate(probs)
    positive = int(np.count_nonzero(log10_probs > 0))
    if positive:
        lines.warn(f"{positive} {order}-grams have a probability that rounding took above 1; it was set to 1")
    return ParsedNgrams(np.concatenate(ngrams), np.minimum(log10_probs, 0), np.concatenate(log10_backoffs))


def _parse_problem(lines: _Lines, order: int, stop: int) -> SpeechRnnError:
    """Return the error for the next line, at which `parse_ngrams` stopped."""
    line = lines.next() or ""
    wrong = {
        BAD_NUMBER: "has no finite number where one belongs",
        POSITIVE: "has a probability above 1 (its logarithm is positive)",
        FEW_WORDS: f"has fewer than {order} words",
        MANY_WORDS: f"has more than {order} words and a back-off weight",
        NEW_WORD: "has a word that is not among the unigrams",
    }[stop]
    return lines.problem(f"{wrong}: {line[:60]!r}; mend the line or make the model again")


def _check_count(lines: _Lines, order: int, announced: int, found: int) -> None:
    """Warn if the header announced another number of n-grams than were found."""
    if announced != found:
        lines.warn(
            f"the header announces {announced} {order}-grams, there are {found}; all of them were used"
        )


def _warn_about_lost(lines: _Lines, order: int, contexts: NDArray[np.int32]) -> None:
    """Warn about n-grams that `_number_ngrams` marked."""
    twice = int(np.count_nonzero(contexts == _TWICE))
    if twice:
        lines.warn(f"{twice} {order}-grams are listed twice; the first line of each was used")
    orphans = int(np.count_nonzero(contexts == _NO_CONTEXT))
    if orphans:
        lines.warn(f"{orphans} {order}-grams were left out: their first {order - 1} words are not listed")


def _read_end(lines: _Lines) -> None:
    """Take the line that closes the file."""
    line = lines.next_filled()
    if line is None:
        raise lines.cut_short("before \\end\\")
    _check_title(lines, line, "\\end\\")


def _with_room(numbered: NDArray[np.int32], ngrams: int) -> NDArray[np.int32]:
    """Return a hash table for so many n-grams that holds those of `numbered`."""
    larger = empty_arcs(ngrams)
    _copy_arcs(numbered, larger)
    return larger


@compiled
def _copy_arcs(source: NDArray[np.int32], target: NDArray[np.int32]) -> None:
    """Enter all arcs of one hash table into another."""
    for slot in range(len(source)):
        if source[slot, 0] != 0:
            place = -1 - find_arc(target, source[slot, 0], source[slot, 1])
            for column in range(source.shape[1]):
                target[place, column] = source[slot, column]


_NO_CONTEXT, _TWICE = -1, -2


@compiled
def _number_ngrams(numbered: NDArray[np.int32], ngrams: NDArray[np.int32], start: int) -> NDArray[np.int32]:
    """Number n-grams `[ngrams, order]` from `start`, entering them into `numbered`, which holds lower orders.

    Returns the number of each n-gram's context (word w as a context is 1 + w), or `_NO_CONTEXT` or `_TWICE`
    for n-grams that get no number.
    """
    order = ngrams.shape[1]
    contexts = np.empty(len(ngrams), np.int32)
    number = start
    for row in range(len(ngrams)):
        context = 1 + int(ngrams[row, 0])
        for column in range(1, order - 1):
            slot = find_arc(numbered, context, ngrams[row, column])
            if slot < 0:
                context = _NO_CONTEXT
                break
            context = int(numbered[slot, 3])
        if context != _NO_CONTEXT:
            slot = find_arc(numbered, context, ngrams[row, order - 1])
            if slot >= 0:
                context = _TWICE
            else:
                numbered[-1 - slot, 0] = context
                numbered[-1 - slot, 1] = ngrams[row, order - 1]
                numbered[-1 - slot, 3] = number
                number += 1
        contexts[row] = context
    return contexts
