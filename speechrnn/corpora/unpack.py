"""Archives from the internet: unpacked only where they belong.

An archive may name files outside its folder, links and devices. Corpora hold none of these, so whatever is
not a plain file or a folder inside the target is refused, on top of what Python's `data` filter refuses.
"""

import errno
import lzma
import shutil
import tarfile
import zlib
from pathlib import Path

from speechrnn.errors import SpeechRnnError

# What the readers of tar, gzip and xz raise for bytes that are not theirs, or too few of them.
_BROKEN = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError)


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack the tar file `archive` (plain or compressed) into the new folder `folder`; return `folder`.

    An older half-unpacked `folder` is replaced. Raises SpeechRnnError, and leaves no folder, when the archive
    is broken, holds something that does not belong in a corpus, or does not fit on the disk.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        _extract(archive, folder)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            cure = "make room" if error.errno == errno.ENOSPC else "name another folder"
            raise SpeechRnnError(
                f"{folder}: cannot be written ({error.strerror or error}); {cure}"
            ) from error
        raise
    return folder


def _extract(archive: Path, folder: Path) -> None:
    refetch = "delete it and run it again, or fetch it from its publisher"
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if not (member.isfile() or member.isdir()):
                    raise SpeechRnnError(
                        f"{archive}: holds a link or a device ({member.name}), as no corpus does; {refetch}"
                    )
                tar.extract(member, folder, filter="data")
    except tarfile.FilterError as error:
        raise SpeechRnnError(f"{archive}: wants to write elsewhere ({error}); {refetch}") from error
    except _BROKEN as error:
        raise SpeechRnnError(f"{archive}: is cut short or broken ({error}); {refetch}") from error
