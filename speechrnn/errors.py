"""The one kind of error that a user can cure.

Everything that goes wrong because of a file, a flag or a machine is a `SpeechRnnError` whose text is one
line: what was found, what was wanted, what to do. The command line prints that line and exits with 2. Any
other exception is a bug of ours and keeps its traceback.
"""

import stat
from pathlib import Path


class SpeechRnnError(Exception):
    """A problem with a one-line description that names the file or flag and the cure."""


def missing_extra(package: str, extra: str, purpose: str) -> SpeechRnnError:
    """Return the error for an optional `package` that is not installed and comes with `extra`."""
    return SpeechRnnError(
        f"{purpose} needs the package {package}; install it with: pip install 'speechrnn[{extra}]'"
    )


def check_readable(path: Path) -> None:
    """Raise SpeechRnnError unless `path` is a regular file that can be opened and holds at least one byte."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SpeechRnnError(f"{path}: is a folder, not a file; name a file inside it")
        # Reading from a pipe or a device, even to look at it, takes away what is read.
        if not stat.S_ISREG(mode):
            raise SpeechRnnError(f"{path}: is not a regular file; save what it gives as one")
        with path.open("rb") as stream:
            first = stream.read(1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SpeechRnnError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise SpeechRnnError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    if not first:
        raise SpeechRnnError(f"{path}: is empty (0 bytes); record or copy it again")
