"""Names on the command line become names of files: folders, patterns, files. The first step of the way."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from speechrnn.errors import SpeechRnnError

SUFFIXES = {
    *(".wav", ".wave", ".w64", ".rf64", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".sph", ".flac"),
    *(".ogg", ".oga", ".opus", ".mp3", ".aac", ".amr", ".wma", ".m4a", ".m4b", ".mka"),
    *(".mp4", ".webm", ".mkv", ".mov", ".avi", ".flv", ".mpg", ".mpeg", ".ts", ".3gp"),
}
"""What recordings in a folder are called. A file that is named itself may be called anything."""


def find_recordings(names: Iterable[str]) -> list[str]:
    """Return the files that `names` mean, each once: files, folders and what is below them, patterns.

    A name that means nothing stays as it is, so that opening it says what is wrong and the others are still
    done. Raises SpeechRnnError where there are no names.
    """
    found = [file for name in names for file in _files(name)]
    if not found:
        raise SpeechRnnError("RECORDINGS: none given; name files or folders, or - for standard input")
    return list(dict.fromkeys(found))


def _files(name: str) -> list[str]:
    if os.path.isdir(name):
        return _below(name) or [name]
    if os.path.lexists(name):
        return [name]
    matches = sorted(glob.glob(name, recursive=True))
    return [file for match in matches for file in (_below(match) if os.path.isdir(match) else [match])] or [
        name
    ]


def _below(folder: str) -> list[str]:
    """Return the recordings in `folder` and below it, in order."""
    return sorted(
        str(path) for path in Path(folder).rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()
    )
