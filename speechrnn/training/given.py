"""What a run was given besides recordings: a lexicon, a model to start from.

They are told apart by what is in them, so that a run goes on where the same file lies in another place, such
as in another installation, and does not go on with a lexicon that has been changed. Kept in `run.json`
(`checkpoint.py`), compared in `continuing.py`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from speechrnn.errors import check_readable


@dataclass(frozen=True)
class Given:
    """A file, or a folder of files such as a model's: where it lay, and what stands for its content."""

    path: str
    digest: str


def given(path: Path | None) -> Given | None:
    """Return what stands for `path`, if there is one; raises SpeechRnnError where it cannot be read."""
    if path is None:
        return None
    digest = hashlib.blake2b(digest_size=16)
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    for file in files:
        check_readable(file)
        digest.update(file.read_bytes())
    return Given(str(path), digest.hexdigest())
