"""What is in a corpus, in figures: hours, speakers, lengths, characters; and characters not to be expected.

The text that `speechrnn manifest` prints, so that somebody sees before the training what it will learn from.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from speechrnn.corpora.listing import Problem
from speechrnn.manifest import Utterance

WIDTH = 100  # columns of the text
BAR = 40  # columns of the longest bar
STEPS = (0.5, 1, 2, 5, 10, 20, 60, 300)  # seconds; widths of the histogram's bars to choose from
BARS = 12
EXPECTED = " '-"  # in words, besides letters and accents


def survey(utterances: Sequence[Utterance]) -> str:
    """Return the figures of `utterances` (at least one) as text of several lines."""
    return "\n".join([_totals(utterances), *_lengths(utterances), *_characters(utterances)])


def odd_characters(utterances: Sequence[Utterance]) -> list[Problem]:
    """Return a problem for each character that is no letter: digits and signs are spoken as words."""
    users: dict[str, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        for character in set(utterance.text):
            if unicodedata.category(character)[0] not in "LM" and character not in EXPECTED:
                users[character].append(utterance)
    return [
        Problem(
            "character that is no letter",
            users[character][0].id,
            f"{_shown(character)} in {len(users[character])} utterances",
            left_out=False,
        )
        for character in sorted(users)
    ]


def _totals(utterances: Sequence[Utterance]) -> str:
    seconds: dict[str | None, float] = defaultdict(float)
    for utterance in utterances:
        seconds[utterance.speaker] += utterance.duration
    nameless = seconds.pop(None, None) is not None
    hours = sum(utterance.duration for utterance in utterances) / 3600
    words = sum(len(utterance.text.split()) for utterance in utterances)
    lines = f"{len(utterances)} utterances, {hours:.2f} h, {words} words\n"
    if not seconds:
        return lines + "speakers unknown"
    minutes = [value / 60 for value in seconds.values()]
    lines += f"{len(seconds)} speakers, {min(minutes):.1f} to {max(minutes):.1f} minutes each"
    return lines + ("; of some utterances unknown" if nameless else "")


def _lengths(utterances: Sequence[Utterance]) -> list[str]:
    durations = np.array([utterance.duration for utterance in utterances])
    low, few, middle, many, high = np.percentile(durations, [0, 5, 50, 95, 100])
    step = next((step for step in STEPS if high <= BARS * step), high / BARS)
    counts, edges = np.histogram(durations, bins=np.arange(int(high / step) + 2) * step)
    lines = [
        f"lengths in seconds: shortest {low:.2f}, 5 % {few:.2f}, median {middle:.2f}, "
        f"mean {durations.mean():.2f}, 95 % {many:.2f}, longest {high:.2f}"
    ]
    for count, start, end in zip(counts, edges, edges[1:], strict=False):
        bar = "█" * int(np.ceil(BAR * count / counts.max()))
        lines.append(f"  {start:6.1f} to {end:6.1f} {count:7d} {bar}".rstrip())
    return lines


def _characters(utterances: Sequence[Utterance]) -> list[str]:
    counts = Counter[str]()
    for utterance in utterances:
        counts.update(utterance.text)
    lines = [f"{len(counts)} characters, most frequent first:"]
    line = " "
    for character, count in counts.most_common():
        cell = f" {'space' if character == ' ' else _visible(character)} {count} "
        if len(line) + len(cell) > WIDTH:
            lines.append(line.rstrip())
            line = " "
        line += cell
    return [*lines, line.rstrip()]


def _shown(character: str) -> str:
    name = unicodedata.name(character, "without a name")
    return f"{_visible(character)} (U+{ord(character):04X} {name.lower()})"


def _visible(character: str) -> str:
    return character if character.isprintable() else f"U+{ord(character):04X}"
