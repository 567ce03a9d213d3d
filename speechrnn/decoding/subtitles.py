"""Words with times become subtitles: cues that can be read in the time they are shown (SRT).

One of the formats at the end of alignment; anything with a text, a start and an end in seconds will do. The
limits are those that broadcasters and streaming services agree on.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

LINE_CHARACTERS = 42
CUE_LINES = 2
CUE_SECONDS = 7.0
PAUSE_SECONDS = 1.5
"""Words that are further apart are in different cues."""


class Timed(Protocol):
    """A word; times in seconds."""

    @property
    def text(self) -> str:
        """How it is written."""

    @property
    def start(self) -> float:
        """When it begins."""

    @property
    def end(self) -> float:
        """When it ends."""


def as_srt(segments: Iterable[Sequence[Timed]]) -> str:
    """Return the words of `segments` as SubRip text; each segment is one or more cues."""
    cues = [cue for words in segments for cue in _cues(words)]
    return "\n".join(_block(number, cue) for number, cue in enumerate(cues, start=1))


def _cues(words: Sequence[Timed]) -> Iterator[list[Timed]]:
    """Yield `words` in pieces that fit two lines and seven seconds and have no long pause inside."""
    cue: list[Timed] = []
    for word in words:
        if cue and not _fits(cue, word):
            yield cue
            cue = []
        cue.append(word)
    if cue:
        yield cue


def _fits(cue: list[Timed], word: Timed) -> bool:
    return (
        len(_lines([*cue, word])) <= CUE_LINES
        and word.end - cue[0].start <= CUE_SECONDS
        and word.start - cue[-1].end <= PAUSE_SECONDS
    )


def _lines(cue: Sequence[Timed]) -> list[str]:
    text = " ".join(word.text for word in cue)
    return textwrap.wrap(text, LINE_CHARACTERS, break_long_words=False, break_on_hyphens=False)


def _block(number: int, cue: Sequence[Timed]) -> str:
    lines = "\n".join(_lines(cue))
    return f"{number}\n{_clock(cue[0].start)} --> {_clock(cue[-1].end)}\n{lines}\n"


def _clock(seconds: float) -> str:
    """Return hours, minutes, seconds and milliseconds, as in 01:02:03,456."""
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"
