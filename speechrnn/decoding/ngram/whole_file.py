"""Model files get their name only when they are whole, so that a full disk never leaves half a model."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speechrnn.errors import SpeechRnnError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give the name to write under, and rename that file to `path` at the end of the block.

    Raises SpeechRnnError if the file cannot be written; then `path` is as it was.
    """
    unfinished = path.with_name(path.name + ".part")
    try:
        yield unfinished
        os.replace(unfinished, path)
    except OSError as error:
        raise SpeechRnnError(
            f"{path}: cannot be written ({error.strerror}); choose another place or make room"
        ) from error
    finally:
        if unfinished.exists():
            unfinished.unlink()
