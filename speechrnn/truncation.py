"""Does a recording's own structure say that its end is missing?

Decoders mostly hide it: they shorten what the header promises to what is there and report a shorter file. So
the container is read here a second time, headers only, just before the samples are decoded (see `audio.py`).

A size of 0 or of all ones is what a program writes that cannot know the length beforehand, because it writes
to a pipe; SoX writes 0x7FFFF000. Those are no promises, and nothing is missing.

Formats that count their samples or frames in a header (FLAC, MP3) are not looked at here: whoever decodes
compares the count with what came out.

Ogg pages: RFC 3533. Matroska and WebM: RFC 9559, on EBML, RFC 8794. MP4: ISO/IEC 14496-12.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

STREAMED_SIZES = frozenset({0, 0x7FFFF000, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})

_OGG_HEADER_BYTES = 27
_OGG_FIRST_PAGE, _OGG_LAST_PAGE = 0x02, 0x04
_SEARCH_BYTES = 1 << 16


@dataclass(frozen=True)
class OggLayout:
    """How an Ogg file is put together.

    `links` is the number of streams that follow one another in time ("chained" files have more than one);
    `ends` says whether the file's last page is whole and marked as the last one of its stream.
    """

    links: int
    ends: bool


def is_cut_short(file: BinaryIO) -> bool:
    """Return whether the container in `file` promises bytes beyond the file's end, or lacks its last page."""
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    magic = file.read(12)
    if magic[:4] == b"RIFF" and magic[8:] == b"AVI ":
        return _reaches_beyond(8, int.from_bytes(magic[4:8], "little"), length)
    if magic[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        return _wave_is_cut(file, length)
    if magic[:4] == b"FORM":
        return _aiff_is_cut(file, length)
    if magic[:4] == b".snd":
        start, size = struct.unpack(">II", magic[4:12].ljust(8, b"\0"))
        return _reaches_beyond(start, size, length)
    if magic[:4] == b"caff":
        return _caf_is_cut(file, length)
    if magic[:4] == b"riff":
        return _w64_is_cut(file, length)
    if magic[:4] == b"OggS":
        return not ogg_layout(file).ends
    if magic[:4] == b"\x1a\x45\xdf\xa3":
        return _matroska_is_cut(file, length)
    if magic[4:8] == b"ftyp":
        return _mp4_is_cut(file, length)
    return False


def chunks(file: BinaryIO, order: Literal["<", ">"]) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, start, size in bytes) of every chunk of a RIFF ("<"), RIFX or AIFF (">") file."""
    position = 12
    while True:
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return
        name, size = struct.unpack(f"{order}4sI", header)
        yield name, position + 8, size
        position += 8 + size + size % 2


def ogg_layout(file: BinaryIO) -> OggLayout:
    """Walk over all pages of an Ogg file; their bodies are skipped."""
    length = file.seek(0, os.SEEK_END)
    links, flags, end = 0, 0, 0
    position = _next_page(file, 0)
    while position is not None:
        file.seek(position)
        header = file.read(_OGG_HEADER_BYTES)
        if len(header) < _OGG_HEADER_BYTES:
            return OggLayout(links, ends=False)
        # The streams of a multiplexed file begin together, so only the first of adjoining first pages counts.
        if header[5] & _OGG_FIRST_PAGE and not flags & _OGG_FIRST_PAGE:
            links += 1
        flags = header[5]
        end = position + _OGG_HEADER_BYTES + header[26] + sum(file.read(header[26]))
        position = _next_page(file, end)
    return OggLayout(links, ends=bool(flags & _OGG_LAST_PAGE) and end <= length)


def _next_page(file: BinaryIO, position: int) -> int | None:
    """Return where the first Ogg page at or after `position` begins, or None if there is none."""
    file.seek(position)
    if file.read(4) == b"OggS":
        return position
    file.seek(position)
    tail = b""
    while block := file.read(_SEARCH_BYTES):
        found = (tail + block).find(b"OggS")
        if found >= 0:
            return position - len(tail) + found
        position += len(block)
        tail = block[-3:]
    return None


def _wave_is_cut(file: BinaryIO, length: int) -> bool:
    """Return whether the chunk that holds the samples is longer than the file; "ds64" holds 64-bit sizes."""
    file.seek(0)
    order: Literal["<", ">"] = ">" if file.read(4) == b"RIFX" else "<"
    long_size = None
    for name, start, size in chunks(file, order):
        if name == b"ds64":
            file.seek(start + 8)
            long_size = int.from_bytes(file.read(8), "little")
        if name == b"data":
            return _reaches_beyond(start, size if long_size is None else long_size, length)
    return False


def _aiff_is_cut(file: BinaryIO, length: int) -> bool:
    """Return whether the chunk "SSND" is longer than the file."""
    return any(
        _reaches_beyond(start, size, length) for name, start, size in chunks(file, ">") if name == b"SSND"
    )


def _caf_is_cut(file: BinaryIO, length: int) -> bool:
    """Return whether the chunk "data" of an Apple CAF file is longer than the file."""
    position = 8
    while position + 12 <= length:
        file.seek(position)
        name, size = struct.unpack(">4sQ", file.read(12))
        if name == b"data" or size in STREAMED_SIZES:
            return _reaches_beyond(position + 12, size, length)
        position += 12 + size
    return False


def _w64_is_cut(file: BinaryIO, length: int) -> bool:
    """Return whether the total that a Sony Wave64 file states, after its 16-byte name, is beyond the end."""
    file.seek(16)
    return _reaches_beyond(0, int.from_bytes(file.read(8), "little"), length)


def _matroska_is_cut(file: BinaryIO, length: int) -> bool:
    """Return whether the segment, which holds everything but the EBML header, is longer than the file."""
    file.seek(4)
    header_size = _ebml_size(file)
    if header_size is None or header_size > length:
        return False
    file.seek(header_size, os.SEEK_CUR)
    if file.read(4) != b"\x18\x53\x80\x67":
        return False
    segment_size = _ebml_size(file)
    return segment_size is not None and file.tell() + segment_size > length


def _ebml_size(file: BinaryIO) -> int | None:
    """Read an EBML size of 1 to 8 bytes; None if it is unknown (all ones, as live streams have) or broken."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    more = 8 - first[0].bit_length()
    value_bits = 7 * (more + 1)
    value = int.from_bytes(first + file.read(more), "big") & ((1 << value_bits) - 1)
    return None if value == (1 << value_bits) - 1 else value


def _mp4_is_cut(file: BinaryIO, length: int) -> bool:
    """Return whether a box that holds sound or its index is longer than the file."""
    position = 0
    while True:
        file.seek(position)
        header = file.read(16).ljust(16, b"\0")
        size, name, long_size = struct.unpack(">I4sQ", header)
        size = long_size if size == 1 else size
        if name in (b"moov", b"mdat", b"moof") and position + size > length:
            return True
        if size < 8 or position + size >= length:
            return False
        position += size


def _reaches_beyond(start: int, size: int, length: int) -> bool:
    return size not in STREAMED_SIZES and start + size > length
