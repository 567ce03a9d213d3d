"""Utterances of a Kaldi data directory: `wav.scp`, `text`, and if they are there `segments` and `utt2spk`.

Commands in `wav.scp` (`flac -c -d x.flac |`) are not run: a manifest names files, and a corpus from a
stranger should not start programs.
"""

import os
from pathlib import Path

from speechrnn.corpora.listing import Entry, Listing, Problem, number_of, pairs_of
from speechrnn.errors import SpeechRnnError


def kaldi_listing(folder: Path) -> Listing:
    """Return what the Kaldi data directory `folder` lists, in the order of its `text`.

    A relative path in `wav.scp` counts from where Kaldi's scripts run: the working folder, or two levels
    above `folder` (`data/train`); `folder` itself is tried too.
    """
    problems: list[Problem] = []
    recordings = _recordings(folder, problems)
    sounds = _segments(folder, recordings, problems) if (folder / "segments").exists() else recordings
    speakers = _speakers(folder)
    entries = []
    listed = set()
    for place, name, text in pairs_of(folder / "text"):
        listed.add(name)
        if name not in sounds:
            problems.append(Problem("missing sound", place, f"{name} has no sound in wav.scp or segments"))
            continue
        path, offset, duration = sounds[name]
        entries.append(Entry(place, name, path, text, speakers.get(name), offset, duration))
        if speakers and name not in speakers:
            problems.append(Problem("no speaker", place, f"{name} is not in utt2spk", left_out=False))
    problems += (
        Problem("no transcript", str(folder / "text"), f"no line for {name}")
        for name in sounds
        if name not in listed
    )
    return Listing(entries, problems)


Sound = tuple[Path, float, float | None]  # file, offset, duration (None: to the end)


def _recordings(folder: Path, problems: list[Problem]) -> dict[str, Sound]:
    recordings: dict[str, Sound] = {}
    for place, name, where in pairs_of(folder / "wav.scp"):
        if where.endswith("|"):
            detail = f"{name} is a command ({where}), and commands are not run; write the path of a file"
            problems.append(Problem("sound from a command", place, detail))
        elif not where:
            problems.append(Problem("missing sound", place, f"{name} has no path"))
        else:
            recordings[name] = (_located(folder, where), 0.0, None)
    return recordings


def _located(folder: Path, where: str) -> Path:
    candidates = [base / where for base in (Path(), folder / ".." / "..", folder)]
    return next((path for path in candidates if os.path.exists(path)), Path(where))


def _segments(folder: Path, recordings: dict[str, Sound], problems: list[Problem]) -> dict[str, Sound]:
    segments: dict[str, Sound] = {}
    for place, name, rest in pairs_of(folder / "segments"):
        fields = rest.split()
        if len(fields) != 3:
            raise SpeechRnnError(f"{place}: must be `utterance recording start end`, found {name} {rest!r}")
        start, end = number_of(fields[1], place, "start"), number_of(fields[2], place, "end")
        if fields[0] not in recordings:
            problems.append(Problem("missing sound", place, f"{fields[0]} has no file in wav.scp"))
            continue
        to_the_end = end == -1  # Kaldi's mark for it
        segments[name] = (recordings[fields[0]][0], start, None if to_the_end else end - start)
    return segments


def _speakers(folder: Path) -> dict[str, str]:
    path = folder / "utt2spk"
    return {name: speaker for _, name, speaker in pairs_of(path)} if path.exists() else {}
