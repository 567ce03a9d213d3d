"""A grammar as an automaton: only its sentences can be recognised.

The expression (`jsgf.py`) becomes a network of words (Thompson 1968), the network is made deterministic
(Rabin and Scott 1959), states from which no sentence can be completed are dropped, and the words that may
follow in each state become a tree of letters. Sizes: places (between the words of a sentence), words.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechrnn.decoding.beam.automaton import NO_WORD, Automaton, assembled, grow
from speechrnn.decoding.beam.jsgf import (
    Alternatives,
    Expression,
    Reference,
    Repetition,
    Sequence,
    Word,
    parse_grammar,
)
from speechrnn.decoding.beam.spelling import Spelling
from speechrnn.errors import SpeechRnnError, check_readable

LARGEST = 200_000
"""Places of a grammar. A few rules can describe more sentences than any memory holds."""


@dataclass(frozen=True)
class Grammar:
    """The places between words: `steps[place]` leads by each word that may follow to the place after it.

    The sentence starts at place 0 and may end at those in `final`; from every place it can be ended.
    """

    steps: tuple[dict[str, int], ...]
    final: frozenset[int]
    name: str

    @property
    def words(self) -> set[str]:
        """All words of the grammar."""
        return {word for step in self.steps for word in step}


def read_grammar(path: Path) -> Grammar:
    """Return the grammar in a UTF-8 file: JSGF, or a sentence or expression a line. Raises SpeechRnnError."""
    check_readable(path)
    try:
        return grammar(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise SpeechRnnError(f"{path}: is not UTF-8; save the grammar as UTF-8") from error


def grammar(text: str, name: str = "grammar") -> Grammar:
    """Return the grammar that `text` describes (see `jsgf.py`); `name` stands for it in errors.

    Raises SpeechRnnError where it cannot be read, or where no sentence of it can ever be complete.
    """
    network = _Network()
    start, end = network.new(), network.new()
    network.add(parse_grammar(text, name), start, end)
    places, final = _deterministic(network, start, end, name)
    alive = _can_end(places, final)
    if 0 not in alive:
        raise SpeechRnnError(f"{name}: cannot be left: it has no sentence that is ever complete; add one")
    numbers = {place: number for number, place in enumerate(sorted(alive))}
    steps = tuple(
        {word: numbers[target] for word, target in places[place].items() if target in alive}
        for place in numbers
    )
    return Grammar(steps, frozenset(numbers[place] for place in final), name)


def grammar_automaton(
    grammar: Grammar, spelling: Spelling, numbers: dict[str, int], unknown: int
) -> Automaton:
    """Return the automaton of `grammar`; its words are numbered by `numbers`, others `unknown`.

    Raises SpeechRnnError for a word that the vocabulary cannot write.
    """
    for word in sorted(grammar.words):
        lacking = spelling.unknown_characters(word)
        if lacking:
            raise SpeechRnnError(
                f"{grammar.name}: the model cannot write {' '.join(lacking)} in the word {word!r}; its"
                f" alphabet is {' '.join(spelling.numbers)[:120]}"
            )
    arcs = [
        (place, word, target) for place, step in enumerate(grammar.steps) for word, target in step.items()
    ]
    places = len(grammar.steps)
    starts = np.array([place for place, _, _ in arcs], np.int64)
    grown = grow(spelling.spell([word for _, word, _ in arcs]), starts, places)
    states = places + len(grown.parents) + 1
    word_of = np.full(states, NO_WORD, np.int32)
    word_of[grown.ends] = [numbers.get(word, unknown) for _, word, _ in arcs]
    after = np.zeros(states, np.int32)
    after[grown.ends] = [target for _, _, target in arcs]
    final: NDArray[np.bool_] = np.zeros(states, np.bool_)
    final[list(grammar.final)] = True
    return assembled(grown, word_of, after, final, closed=True)


class _Network:
    """Arcs between numbered nodes, each with a word or with nothing (None)."""

    def __init__(self) -> None:
        self.arcs: list[list[tuple[str | None, int]]] = []

    def new(self) -> int:
        self.arcs.append([])
        return len(self.arcs) - 1

    def add(self, expression: Expression, start: int, end: int) -> None:
        """Let every sentence of `expression` lead from `start` to `end`."""
        match expression:
            case Word(text):
                self.arcs[start].append((text, end))
            case Sequence(parts):
                for part in parts:
                    middle = self.new()
                    self.add(part, start, middle)
                    start = middle
                self.arcs[start].append((None, end))
            case Alternatives(choices):
                for choice in choices:
                    self.add(choice, start, end)
            case Repetition(part, may_be_absent, may_repeat):
                # Nodes of its own, so that what repeats cannot leak into what comes before or after.
                first, last = self.new(), self.new()
                self.add(part, first, last)
                self.arcs[start].append((None, first))
                self.arcs[last].append((None, end))
                if may_be_absent:
                    self.arcs[start].append((None, end))
                if may_repeat:
                    self.arcs[last].append((None, first))
            case Reference(rule):
                raise AssertionError(f"{rule} is still there after parsing")

    def reachable(self, nodes: set[int]) -> frozenset[int]:
        """Return `nodes` and all that can be reached from them without a word."""
        found, open_nodes = set(nodes), list(nodes)
        while open_nodes:
            for word, target in self.arcs[open_nodes.pop()]:
                if word is None and target not in found:
                    found.add(target)
                    open_nodes.append(target)
        return frozenset(found)


def _deterministic(
    network: _Network, start: int, end: int, name: str
) -> tuple[list[dict[str, int]], set[int]]:
    """Return the places, each with the place behind every word, and those where a sentence may end."""
    first = network.reachable({start})
    numbers, waiting = {first: 0}, [first]
    places: list[dict[str, int]] = []
    for nodes in waiting:
        targets = defaultdict(set)
        for node in nodes:
            for word, target in network.arcs[node]:
                if word is not None:
                    targets[word].add(target)
        step = {}
        for word in sorted(targets):
            reached = network.reachable(targets[word])
            if reached not in numbers:
                numbers[reached] = len(numbers)
                waiting.append(reached)
            step[word] = numbers[reached]
        places.append(step)
        if len(numbers) > LARGEST:
            raise SpeechRnnError(f"{name}: has more than {LARGEST} places between words; make it smaller")
    return places, {number for nodes, number in numbers.items() if end in nodes}


def _can_end(places: list[dict[str, int]], final: set[int]) -> set[int]:
    """Return the places from which a place in `final` can be reached."""
    before = defaultdict(set)
    for place, step in enumerate(places):
        for target in step.values():
            before[target].add(place)
    found, waiting = set(final), list(final)
    while waiting:
        for place in before[waiting.pop()] - found:
            found.add(place)
            waiting.append(place)
    return found
