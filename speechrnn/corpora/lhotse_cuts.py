"""Utterances of lhotse's cuts (`cuts.jsonl`, `cuts.jsonl.gz`): one for each supervision of each cut.

See https://lhotse.readthedocs.io/en/latest/cuts.html. A manifest names stretches of files, so what lhotse
would compute (mixtures, padding, commands, changes of speed) cannot be written down and is told as a problem.
"""

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from speechrnn.corpora.listing import Entry, Listing, Problem, decoded
from speechrnn.errors import SpeechRnnError, check_readable

TOLERANCE = 0.1  # seconds by which a supervision may reach beyond its cut


class Source(msgspec.Struct):
    """Where some channels of a recording are."""

    type: str
    channels: list[int]
    source: str


class Recording(msgspec.Struct):
    """A recording: its files, and what lhotse would do to the sound."""

    sources: list[Source]
    transforms: list[object] | None = None


class Supervision(msgspec.Struct):
    """Who says what in which stretch of a cut; `start` counts from the start of the cut."""

    id: str
    start: float
    duration: float
    text: str | None = None
    speaker: str | None = None


class Cut(msgspec.Struct):
    """A stretch of a recording."""

    id: str
    type: str = "MonoCut"
    start: float = 0.0
    duration: float = 0.0
    channel: int | list[int] = 0
    supervisions: list[Supervision] = []
    recording: Recording | None = None


_decoder = msgspec.json.Decoder(Cut)


def lhotse_listing(path: Path) -> Listing:
    """Return what the cuts at `path` list; relative paths count from the working folder or that of `path`."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    for place, line in _lines(path):
        cut = _cut(line, place)
        audio = _audio(cut, path.parent)
        if isinstance(audio, str):
            problems.append(Problem("cut that is no stretch of a file", place, f"{cut.id}: {audio}"))
            continue
        if not cut.supervisions:
            problems.append(Problem("no transcript", place, f"{cut.id} has no supervisions"))
        for said in cut.supervisions:
            if said.start < -TOLERANCE or said.start + said.duration > cut.duration + TOLERANCE:
                detail = f"the supervision {said.id} reaches beyond its cut"
                problems.append(Problem("text for more than its sound", place, detail))
                continue
            offset = cut.start + max(said.start, 0.0)
            entries.append(Entry(place, said.id, audio, said.text or "", said.speaker, offset, said.duration))
    return Listing(entries, problems)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    check_readable(path)
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise SpeechRnnError(f"{path}: cannot be unpacked ({error}); copy it again") from None
    for number, line in enumerate(decoded(data, path).split("\n"), start=1):
        if line.strip():
            yield f"{path}:{number}", line


def _cut(line: str, place: str) -> Cut:
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise SpeechRnnError(f"{place}: is not a cut of lhotse ({error}); write the cuts again") from None


def _audio(cut: Cut, folder: Path) -> Path | str:
    """Return the file that holds the cut's channel and no other, or why there is none."""
    if cut.type not in ("MonoCut", "Cut"):
        return f"{cut.type} is computed"
    if cut.recording is None:
        return "has no recording"
    if cut.recording.transforms:
        return "its recording is changed as it is read"
    holders = [source for source in cut.recording.sources if source.channels == [cut.channel]]
    if not holders:
        return f"no file holds channel {cut.channel} alone"
    if holders[0].type != "file":
        return f"its sound is a {holders[0].type}, not a file"
    path = Path(holders[0].source)
    return path if os.path.exists(path) else folder / path
