"""Folders of corpora: those on this machine already (`--data-dir`, SPEECHRNN_DATA), and new ones."""

import os
from pathlib import Path

from speechrnn.errors import SpeechRnnError

VARIABLE = "SPEECHRNN_DATA"


def data_folder(data_dir: Path | None) -> Path | None:
    """Return the folder to look for corpora in: `data_dir`, else what SPEECHRNN_DATA names, else None.

    Raises SpeechRnnError when the folder that was named does not exist.
    """
    source, named = ("--data-dir", data_dir) if data_dir else (VARIABLE, os.environ.get(VARIABLE))
    if not named:
        return None
    folder = Path(named)
    if not folder.is_dir():
        raise SpeechRnnError(f"{source} {folder}: no such folder; correct it or leave it out")
    return folder


def made_folder(folder: Path) -> Path:
    """Return `folder`, made if need be; raise SpeechRnnError where it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpeechRnnError(f"{folder}: cannot be made ({error.strerror}); name another folder") from error
    return folder
