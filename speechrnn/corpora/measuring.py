"""From a listing to utterances: look at every recording, keep what can be used, tell the rest.

Between a corpus and its manifest. Only the headers of recordings are read, in threads, each file once.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from speechrnn.audio import probe
from speechrnn.corpora.listing import Entry, Listing, Problem
from speechrnn.corpora.progress import progress_bar
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance
from speechrnn.text import normalise

THREADS = 8
TOLERANCE = 0.1  # seconds by which a segment may reach beyond its recording before that is worth a word
FASTEST_SPEECH = 33.0  # characters per second: one for each output frame of 30 ms


@dataclass(frozen=True)
class Corpus:
    """The utterances that can be used, in the order of their source, and all problems met on the way."""

    utterances: list[Utterance]
    problems: list[Problem]


def measure(listing: Listing) -> Corpus:
    """Return the usable entries of `listing` as utterances, with normalised text and measured durations.

    Raises SpeechRnnError where nothing is left.
    """
    seconds = _lengths(entry.audio for entry in listing.entries)
    utterances: list[Utterance] = []
    problems = list(listing.problems)
    place_of_id: dict[str, str] = {}
    place_of_sound: dict[tuple[Path, float, float], str] = {}
    for entry in listing.entries:
        found = _utterance(entry, seconds[entry.audio])
        if isinstance(found, Problem):
            problems.append(found)
            continue
        if found.id in place_of_id:
            detail = f"the id {found.id!r} is taken by {place_of_id[found.id]}"
            problems.append(Problem("duplicate id", entry.place, detail))
            continue
        place_of_id[found.id] = entry.place
        sound = (found.audio_filepath, found.offset, found.duration)
        first_place = place_of_sound.setdefault(sound, entry.place)
        if first_place != entry.place:
            detail = f"{entry.audio} is also the sound of {first_place}"
            problems.append(Problem("sound used twice", entry.place, detail, left_out=False))
        problems += _doubts(entry, found)
        utterances.append(found)
    if not utterances:
        first = f"first: {problems[0].place}: {problems[0].detail}" if problems else "the source lists none"
        raise SpeechRnnError(f"no utterance can be used ({first}); correct the source")
    return Corpus(utterances, problems)


def _lengths(paths: Iterable[Path]) -> dict[Path, float | Problem]:
    """Return the length in seconds of each recording, or the problem with it."""
    different = list(dict.fromkeys(paths))
    with progress_bar("measuring", len(different)) as advance, ThreadPoolExecutor(THREADS) as threads:
        lengths = {}
        for path, length in zip(different, threads.map(_length, different), strict=True):
            lengths[path] = length
            advance(1)
    return lengths


def _length(path: Path) -> float | Problem:
    if not os.path.exists(path):
        return Problem("missing sound", str(path), f"there is no {str(path)!r}")
    try:
        return probe(path).seconds
    except SpeechRnnError as error:
        return Problem("unreadable sound", str(path), str(error))


def _utterance(entry: Entry, seconds: float | Problem) -> Utterance | Problem:
    """Return the utterance of `entry`, whose recording is `seconds` long, or why there is none."""
    if isinstance(seconds, Problem):
        return Problem(seconds.kind, entry.place, seconds.detail)
    text = normalise(entry.text)
    if not text:
        return Problem("empty text", entry.place, f"no words for {entry.audio.name}")
    rest = seconds - entry.offset
    duration = rest if entry.duration is None else min(entry.duration, rest)
    if entry.offset < 0 or duration <= 0:
        detail = f"{entry.duration or rest:.3f} s from {entry.offset:.3f} s of a recording of {seconds:.3f} s"
        return Problem("no sound", entry.place, detail)
    return Utterance(
        audio_filepath=entry.audio,
        text=text,
        duration=round(duration, 6),
        offset=entry.offset,
        speaker=entry.speaker,
        label=entry.label,
        id=entry.id,
    )


def _doubts(entry: Entry, utterance: Utterance) -> Iterable[Problem]:
    """Yield what is strange about an utterance that is kept."""
    if entry.duration is not None and entry.duration > utterance.duration + TOLERANCE:
        detail = f"{entry.duration:.3f} s cut to the {utterance.duration:.3f} s that the recording has"
        yield Problem("sound ends early", entry.place, detail, left_out=False)
    speed = len(utterance.text) / utterance.duration
    if speed > FASTEST_SPEECH:
        detail = f"{len(utterance.text)} characters in {utterance.duration:.3f} s"
        yield Problem("too much text for its sound", entry.place, detail, left_out=False)
