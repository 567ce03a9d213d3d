"""Hot words: words and phrases that the user expects, each worth a bonus wherever it is written.

An automaton after Aho and Corasick (1975) reads letters and word boundaries and finds every occurrence of
every phrase, as whole words, overlapping ones too. A complete phrase earns its weight for good. A phrase that
has been begun is credited in part, by the share of it that is written, so that the search does not drop it
before it is complete; the credit goes when the phrase is not finished.

Weights are natural logarithms: 5 makes a phrase e^5 times as likely. Sizes: states, columns.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechrnn.decoding.beam.spelling import Spelling
from speechrnn.errors import SpeechRnnError, check_readable

DEFAULT_WEIGHT = 5.0
BOUNDARY, OTHER = 0, 1  # columns: a word boundary, and any letter that no phrase holds

_WEIGHTED = re.compile(r"(?P<phrase>.*?)(?::(?P<weight>[-+]?[\d.]+(?:e[-+]?\d+)?))?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class HotWord:
    """A word or phrase, and the natural-log bonus for each time it is written as whole words."""

    phrase: str
    weight: float = DEFAULT_WEIGHT


class HotArrays(NamedTuple):
    """The automaton as compiled code takes it.

    column: int32 `[letters]` of the vocabulary; goto: int32 `[states, columns]`; earned: float64 `[states]`,
    the weight of the phrases that are complete here; credit: float64 `[states]`, that of unfinished ones;
    most: the largest amount by which earned plus credit can rise with one letter or boundary; start: the
    state at the start of a sentence.
    """

    column: NDArray[np.int32]
    goto: NDArray[np.int32]
    earned: NDArray[np.float64]
    credit: NDArray[np.float64]
    most: float
    start: int


def read_hot_words(path: Path) -> list[HotWord]:
    """Return the hot words in a UTF-8 file: `phrase` or `phrase:weight` a line; `#` starts a comment."""
    check_readable(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SpeechRnnError(f"{path}: is not UTF-8; save the hot words as UTF-8") from error
    named = ((f"{path}: line {number}", line.strip()) for number, line in enumerate(lines, start=1))
    return [hot_word(line, where) for where, line in named if line and not line.startswith("#")]


def hot_word(text: str, where: str = "--hotwords") -> HotWord:
    """Return the hot word that `phrase` or `phrase:weight` describes; `where` names its place in an error."""
    match = _WEIGHTED.fullmatch(text)
    phrase = " ".join(match["phrase"].split()) if match else ""
    if not match or not phrase:
        raise SpeechRnnError(
            f"{where}: {text!r} is an empty hot word; write a word or a phrase, or phrase:weight"
        )
    try:
        return HotWord(phrase, float(match["weight"] or DEFAULT_WEIGHT))
    except ValueError as error:
        raise SpeechRnnError(f"{where}: {match['weight']!r} is no weight; write for instance :5") from error


def hot_arrays(hot_words: Sequence[HotWord], spelling: Spelling) -> HotArrays:
    """Return the automaton of `hot_words`. Raises SpeechRnnError for one that the vocabulary cannot write."""
    letters = sorted({letter for hot in hot_words for letter in hot.phrase if not letter.isspace()})
    columns = {letter: number for number, letter in enumerate(letters, start=OTHER + 1)}
    goto, earned, credit = _phrase_tree(
        [(list(_columns(hot, columns, spelling)), hot.weight) for hot in hot_words]
    )
    _link(goto, earned, credit)
    column = np.full(max(1, len(spelling.numbers)), OTHER, np.int32)
    for letter, number in columns.items():
        column[spelling.numbers[letter]] = number
    table = np.array(goto, np.int32).reshape(len(goto), -1)
    rises = (np.array(earned) + np.array(credit))[table] - np.array(credit)[:, None]
    return HotArrays(
        column,
        table,
        np.array(earned),
        np.array(credit),
        float(rises.max(initial=0.0)),
        int(table[0, BOUNDARY]),
    )


def _columns(hot: HotWord, columns: dict[str, int], spelling: Spelling) -> Iterator[int]:
    """Yield the columns of a phrase, with a boundary before, between and after its words."""
    words = hot.phrase.split()
    unknown = spelling.unknown_characters(hot.phrase)
    if not words:
        raise SpeechRnnError("hot word '': is empty; write a word or a phrase")
    if unknown:
        raise SpeechRnnError(
            f"hot word {hot.phrase!r}: the model cannot write {' '.join(unknown)}; its alphabet is"
            f" {' '.join(spelling.numbers)[:120]}"
        )
    if not np.isfinite(hot.weight):
        raise SpeechRnnError(f"hot word {hot.phrase!r}: the weight {hot.weight} is not a finite number")
    for word in words:
        yield BOUNDARY
        yield from (columns[letter] for letter in word)
    yield BOUNDARY


def _phrase_tree(
    phrases: Iterable[tuple[list[int], float]],
) -> tuple[list[list[int]], list[float], list[float]]:
    """Return the tree of phrases: arcs `[states][columns]` (-1: none), what each state earns, its credit."""
    phrases = list(phrases)
    width = 1 + max([OTHER, *(number for path, _ in phrases for number in path)])
    goto, earned, credit = [[-1] * width], [0.0], [0.0]
    for path, weight in phrases:
        state = 0
        for depth, column in enumerate(path, start=1):
            if goto[state][column] < 0:
                goto[state][column] = len(goto)
                goto.append([-1] * width)
                earned.append(0.0)
                credit.append(0.0)
            state = goto[state][column]
            if depth < len(path):
                credit[state] = max(credit[state], weight * (depth - 1) / (len(path) - 1))
        earned[state] += weight
    return goto, earned, credit


def _link(goto: list[list[int]], earned: list[float], credit: list[float]) -> None:
    """Fill the missing arcs: where no phrase goes on, the longest begun phrase that still fits does."""
    fallback = [0] * len(goto)
    queue = deque([0])
    while queue:
        state = queue.popleft()
        for column, target in enumerate(goto[state]):
            other = goto[fallback[state]][column] if state else 0
            if target < 0:
                goto[state][column] = other
                continue
            fallback[target] = other
            earned[target] += earned[other]
            credit[target] = max(credit[target], credit[other])
            queue.append(target)
