"""An alignment on paper: JSON, NIST's CTM and Praat's TextGrid. Subtitles are in `subtitles.py`.

Times are written in seconds with three decimals.
"""

import json
from collections.abc import Iterable
from typing import NamedTuple

from speechrnn.decoding.alignment import AlignedWord, Alignment, Segment
from speechrnn.decoding.subtitles import Timed


def as_json(name: str, alignment: Alignment) -> str:
    """Return one JSON object on one line: file, seconds, segments, their words, and the words' letters."""
    return json.dumps(
        {
            "audio_filepath": name,
            "seconds": round(alignment.seconds, 3),
            "segments": [_segment(segment) for segment in alignment.segments],
        },
        ensure_ascii=False,
    )


def as_ctm(name: str, alignment: Alignment) -> str:
    """Return a line a word, as NIST's sclite reads it: recording, channel, start, duration, word, score."""
    return "".join(
        f"{_unbroken(name)} 1 {word.start:.3f} {word.end - word.start:.3f}"
        f" {_unbroken(word.text)} {word.score:.3f}\n"
        for word in alignment.words
    )


def as_textgrid(alignment: Alignment) -> str:
    """Return a TextGrid with three tiers: segments, words, letters."""
    letters = [letter for word in alignment.words for letter in word.letters]
    tiers = {
        "segments": _tiled(alignment.segments, alignment.seconds),
        "words": _tiled(alignment.words, alignment.seconds),
        "letters": _tiled(letters, alignment.seconds),
    }
    head = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {alignment.seconds:.3f}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    body = [
        line
        for number, (name, intervals) in enumerate(tiers.items(), start=1)
        for line in _tier(number, name, intervals)
    ]
    return "\n".join([*head, *body, ""])


def _segment(segment: Segment) -> dict[str, object]:
    return {**_timed(segment), "words": [_word(word) for word in segment.words]}


def _word(word: AlignedWord) -> dict[str, object]:
    letters = [
        {"text": letter.text, "start": round(letter.start, 3), "end": round(letter.end, 3)}
        for letter in word.letters
    ]
    return {**_timed(word), "letters": letters}


def _timed(part: Segment | AlignedWord) -> dict[str, object]:
    return {
        "text": part.text,
        "start": round(part.start, 3),
        "end": round(part.end, 3),
        "score": round(part.score, 4),
    }


def _unbroken(text: str) -> str:
    """Return `text` without white space, which parts the columns of a CTM."""
    return "".join(text.split())


class _Interval(NamedTuple):
    start: float
    end: float
    text: str


def _tiled(parts: Iterable[Timed], seconds: float) -> list[_Interval]:
    """Return `parts` as intervals, with empty ones between them: Praat wants them to fill all `seconds`."""
    intervals: list[_Interval] = []
    reached = 0.0
    for start, end, text in [*((part.start, part.end, part.text) for part in parts), (seconds, seconds, "")]:
        if start > reached:
            intervals.append(_Interval(reached, start, ""))
        if end > start:
            intervals.append(_Interval(start, end, text))
        reached = max(reached, end)
    return intervals


def _tier(number: int, name: str, intervals: list[_Interval]) -> list[str]:
    lines = [
        f"    item [{number}]:",
        '        class = "IntervalTier"',
        f'        name = "{name}"',
        "        xmin = 0",
        f"        xmax = {intervals[-1].end:.3f}",
        f"        intervals: size = {len(intervals)}",
    ]
    for place, interval in enumerate(intervals, start=1):
        quoted = interval.text.replace('"', '""')
        lines += [
            f"        intervals [{place}]:",
            f"            xmin = {interval.start:.3f}",
            f"            xmax = {interval.end:.3f}",
            f'            text = "{quoted}"',
        ]
    return lines
