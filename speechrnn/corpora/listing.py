"""What a corpus says of itself before anybody has looked at the sound: entries, and what is wrong with them.

Corpora come in many layouts. One file of this package for each (`librispeech_tree`, `kaldi_folder`, `tables`,
`lhotse_cuts`) turns it into the same `Listing`, and `measuring` makes utterances of that. Real corpora have
flaws by the thousand, so a flaw of one entry is a `Problem` that is told and survived. Only a source that
cannot be understood at all is an error.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from speechrnn.errors import SpeechRnnError, check_readable


@dataclass(frozen=True)
class Entry:
    """One utterance as its source describes it; `place` is the file and line that do so.

    `text` is as found. Times are in seconds; `duration` None means from `offset` to the end of the file.
    """

    place: str
    id: str
    audio: Path
    text: str
    speaker: str | None = None
    offset: float = 0.0
    duration: float | None = None
    label: str | None = None


@dataclass(frozen=True)
class Problem:
    """A flaw of a source: its `kind`, where, what exactly, and whether the utterance is left out for it."""

    kind: str
    place: str
    detail: str
    left_out: bool = True


def broken_line(place: str, error: SpeechRnnError) -> Problem:
    """Return `error`, raised by what stands at `place`, as a problem of that line alone."""
    return Problem("broken line", place, str(error).removeprefix(f"{place}: "))


@dataclass(frozen=True)
class Listing:
    """The entries of a source in its order, and the problems met while listing them."""

    entries: list[Entry]
    problems: list[Problem]


def text_of(path: Path) -> str:
    """Return the UTF-8 text of `path` without byte order mark; SpeechRnnError names a line that is not."""
    check_readable(path)
    return decoded(path.read_bytes(), path)


def decoded(data: bytes, path: Path) -> str:
    """Return `data`, read from `path`, as text without a byte order mark."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpeechRnnError(f"{path}:{line}: is not UTF-8; convert the file to UTF-8") from None


def lines_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the lines of the text file `path` that are not blank, each with its place (`FILE:LINE`)."""
    for number, line in enumerate(text_of(path).split("\n"), start=1):
        if line.strip():
            yield f"{path}:{number}", line.strip("\r")


def pairs_of(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield place, first word and rest (maybe empty) of each line, as Kaldi and LibriSpeech write."""
    for place, line in lines_of(path):
        key, *rest = line.split(maxsplit=1)
        yield place, key, rest[0].strip() if rest else ""


def number_of(text: str, place: str, name: str) -> float:
    """Return the finite number that `text` writes; SpeechRnnError names `place` and the field `name`."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise SpeechRnnError(f"{place}: {name} must be a number of seconds, found {text!r}; correct the line")
    return value
