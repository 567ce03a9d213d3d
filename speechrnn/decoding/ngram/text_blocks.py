"""Text files, plain or compressed, as blocks of whole lines.

The first step for training text, for texts to measure and for ARPA files: bytes go from here to compiled
parsers. What a file is compressed with is told by its first bytes, not by its name.
"""

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Literal, cast

from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.text import WORD_BOUNDARY

Units = Literal["words", "characters", "pieces"]  # what a model's symbols are

BLOCK_BYTES = 1 << 20
_RESERVED = re.compile(rb"(?<![^\0\s])(?:<unk>|<s>|</s>)(?![^\0\s])")


def text_blocks(path: Path) -> Iterator[bytes]:
    """Yield the text of the file in blocks that end with a line end; the last line is given one.

    Raises SpeechRnnError for a file that cannot be read, is cut short in its compression, or is no text in
    UTF-8.
    """
    line = 1
    for block in _whole_lines(path):
        if b"\0" in block:
            raise SpeechRnnError(f"{path}: is no text (it holds zero bytes); name a text or ARPA file")
        try:
            block.decode("utf-8")
        except UnicodeDecodeError as error:
            raise not_utf8(path, line + block.count(b"\n", 0, error.start)) from error
        yield block
        line += block.count(b"\n")


def training_blocks(path: Path) -> Iterator[bytes]:
    """Yield `text_blocks`; raise SpeechRnnError if one of the words that models reserve is in the text."""
    line = 1
    for block in text_blocks(path):
        reserved = _RESERVED.search(block) if b"<" in block else None
        if reserved:
            number = line + block.count(b"\n", 0, reserved.start())
            word = reserved[0].decode()
            raise SpeechRnnError(f"{path}: line {number} contains {word}, which models reserve; take it out")
        yield block
        line += block.count(b"\n")


def symbols(blocks: Iterable[bytes], units: Units) -> Iterator[bytes]:
    """Yield `blocks` with white space between the symbols of a model of `units`."""
    yield from map(spelled_out, blocks) if units == "characters" else blocks


def spelled_out(block: bytes) -> bytes:
    """Return the lines of `block` with every character a symbol of its own: "a cat" -> "a ▁ c a t"."""
    lines = block.decode("utf-8").split("\n")
    return "\n".join(" ".join(WORD_BOUNDARY.join(line.split())) for line in lines).encode("utf-8")


def not_utf8(path: Path, line: int) -> SpeechRnnError:
    """Return the error for bytes that are not UTF-8 in line `line`, counted from 1."""
    return SpeechRnnError(
        f"{path}: line {line} is not UTF-8 (perhaps Latin-1); convert it: iconv -f latin1 -t utf-8"
    )


def _whole_lines(path: Path) -> Iterator[bytes]:
    """Yield the bytes of the file cut at line ends."""
    pieces: list[bytes] = []  # of a line whose end has not come yet
    for read in _reads(path):
        end = read.rfind(b"\n") + 1
        if end:
            yield b"".join((*pieces, read[:end]))
            pieces = [read[end:]]
        else:
            pieces.append(read)
    if any(pieces):
        yield b"".join((*pieces, b"\n"))


def _reads(path: Path) -> Iterator[bytes]:
    """Yield the decompressed bytes of the file as they come."""
    check_readable(path)
    try:
        with _opened(path) as stream:
            while read := stream.read(BLOCK_BYTES):
                yield read
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise SpeechRnnError(
            f"{path}: cannot be decompressed ({error}); copy or download it again"
        ) from error


def _opened(path: Path) -> IO[bytes]:
    """Return a stream of the file's bytes, decompressed if need be."""
    with path.open("rb") as stream:
        start = stream.read(6)
    if start.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.open(path))
    if start.startswith(b"\xfd7zXZ\x00"):
        return lzma.open(path)
    if start.startswith(b"BZh"):
        return bz2.open(path)
    return path.open("rb")
