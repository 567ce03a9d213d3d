"""From the beam at the end of the frames to the n-best list: sentences, each once, with words and times.

Two prefixes may write the same sentence: with a space at the end or without (`kernel.final_scores` merges
these), or in different byte-pair pieces (merged here). The probability of a sentence is that of all of them
together; times and confidences are those of the likeliest.

Sizes: entries (of the beam), frames, tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from speechrnn.decoding.beam.kernel import ENTRIES, final_scores
from speechrnn.decoding.beam.records import Beam
from speechrnn.decoding.beam.scorer import Rules
from speechrnn.decoding.beam.word_times import lineage, token_times, words
from speechrnn.decoding.beam.writing import Writing
from speechrnn.decoding.hypothesis import Hypothesis, Word


@dataclass(frozen=True)
class Frames:
    """What was searched: `log_probs` float32 [frames, tokens], the seconds of a frame, how to read tokens."""

    log_probs: NDArray[np.float32]
    seconds: float
    writing: Writing


@dataclass(frozen=True)
class _Sentence:
    """What a prefix writes, whole or (`is_cut`) without its last word."""

    written: tuple[str, ...]
    prefix: int
    score: float
    is_cut: bool = False

    @property
    def text(self) -> str:
        return " ".join(self.written[:-1] if self.is_cut else self.written)


def final_hypotheses(rules: Rules, beam: Beam, frames: Frames, nbest: int) -> list[Hypothesis]:
    """Return at most `nbest` sentences of `beam` after `frames`, the best first, always at least one.

    Where no prefix in the beam is a sentence (a lexicon or a grammar, and a recording that breaks off), those
    are returned that are sentences without their unfinished word. Where there are none either, it is the
    empty sentence, with the score of a recording that is blank throughout.
    """
    sentences = _finished(rules, beam, frames.writing, nbest) or _cut(rules, beam, frames.writing)
    if not sentences:
        return [Hypothesis("", (), float(frames.log_probs[:, 0].sum(dtype=np.float64)))]
    return [
        Hypothesis(one.text, _words(rules, beam, frames, one), one.score)
        for one in _distinct(sentences)[:nbest]
    ]


def best_of_all(lists: Sequence[list[Hypothesis]], nbest: int) -> list[Hypothesis]:
    """Return the `nbest` best of several n-best lists, each text once, with the highest of its scores."""
    merged: dict[str, Hypothesis] = {}
    for one in sorted(chain.from_iterable(lists), key=lambda hypothesis: -hypothesis.score):
        merged.setdefault(one.text, one)
    return list(merged.values())[:nbest]


def leading_hypothesis(rules: Rules, beam: Beam, frames: Frames) -> Hypothesis:
    """Return the best prefix of `beam` as it stands, its last word perhaps unfinished."""
    entries = beam.entries[: beam.counts[ENTRIES]]
    if not len(entries):
        return Hypothesis("", (), float(frames.log_probs[:, 0].sum(dtype=np.float64)))
    ranks = entries["total"] + entries["earned"] + entries["ahead"]
    best = int(ranks.argmax())
    prefix = int(entries["prefix"][best])
    leading = _Sentence(_written(beam, prefix, frames.writing), prefix, float(ranks[best]))
    return Hypothesis(leading.text, _words(rules, beam, frames, leading), leading.score)


def _finished(rules: Rules, beam: Beam, writing: Writing, nbest: int) -> list[_Sentence]:
    """Return the prefixes of the beam that are sentences; only the best where all differ for sure."""
    count = int(beam.counts[ENTRIES])
    acoustic, earned = np.empty(count), np.empty(count)
    final_scores(rules, beam, acoustic, earned)
    scores = acoustic + earned
    best_first = np.argsort(-scores, kind="stable")
    if rules.tokens.longest == 1 and not len(rules.automaton.said):
        best_first = best_first[:nbest]
    return [
        _Sentence(_written(beam, prefix, writing), prefix, float(scores[place]))
        for place in best_first
        if scores[place] > -np.inf
        for prefix in [int(beam.entries["prefix"][place])]
    ]


def _cut(rules: Rules, beam: Beam, writing: Writing) -> list[_Sentence]:
    """Return the prefixes of the beam that are sentences without their last word and what it earns."""
    entries = beam.entries[: beam.counts[ENTRIES]]
    return [
        _Sentence(
            _written(beam, int(entry["prefix"]), writing),
            int(entry["prefix"]),
            float(entry["total"] + entry["earned"]),
            is_cut=True,
        )
        for entry in entries
        if entry["open"] and rules.automaton.final[entry["begun"]]
    ]


def _distinct(sentences: list[_Sentence]) -> list[_Sentence]:
    """Return the best first, those with equal texts added up."""
    merged: dict[str, _Sentence] = {}
    for one in sorted(sentences, key=lambda sentence: -sentence.score):
        known = merged.get(one.text)
        merged[one.text] = replace(known, score=float(np.logaddexp(known.score, one.score))) if known else one
    return sorted(merged.values(), key=lambda sentence: -sentence.score)


def _written(beam: Beam, prefix: int, writing: Writing) -> tuple[str, ...]:
    """Return the words of a prefix."""
    return writing.words(beam.prefixes["token"][lineage(beam.prefixes, prefix)[1:]])


def _words(rules: Rules, beam: Beam, frames: Frames, sentence: _Sentence) -> tuple[Word, ...]:
    times = token_times(beam.prefixes, sentence.prefix, frames.log_probs, rules.tokens.separator)
    timed = words(times, sentence.written, frames.writing, frames.seconds)
    return timed[:-1] if sentence.is_cut else timed
