"""Two kinds of sound file that libsndfile reads too little of, shown to it so that it reads them whole.

- A WAV whose chunk "data" has the size 0: written to a pipe, or by a recorder that lost its power before it
  could fill in the size. libsndfile finds no samples; with a size of all ones it reads to the end.
- An MP3 that does not say how many frames it has, or says it of its first part only (MP3 files that were
  joined end to end). libsndfile guesses the length from the bit rate of the first frames and stops there:
  with a variable bit rate most of the recording can be missing. If the file seems to be much longer than it
  is, the guess is never reached, and reading stops where the file ends.

`MendedFile` stands between the file and libsndfile; the file itself is not touched. It is slower than letting
libsndfile read by itself, so only files of these two kinds go through it.
"""

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from speechrnn.truncation import chunks

# The highest bit rate of MP3 is 40 times the lowest, so no guess from one frame is further off than that.
_SEEMING_LENGTH = 64
_SEARCH_BYTES = 1 << 16
# libsndfile looks for an ID3v1 tag in the last bytes of an MP3, wherever the end seems to be.
_ID3V1_BYTES = 128
# What a tag at the end of the file may add to the size that an MP3's header states.
_TRAILING_TAG_BYTES = 4096


@dataclass(frozen=True)
class Mp3Count:
    """What the first frame of an MP3 says about the whole: frames and bytes, None where it does not say.

    `start` and `end` are where that first frame begins and ends in the file; `samples` are those of a frame.
    `understood` tells whether libsndfile knows this kind of header (Xing and Info yes, VBRI no).
    """

    start: int
    end: int
    samples: int
    frames: int | None
    size: int | None
    understood: bool


class MendedFile:
    """A binary file from `start` on; it seems to be `length` bytes long and to hold `patch` at `patch_at`."""

    def __init__(
        self, file: BinaryIO, start: int, length: int, patch_at: int = 0, patch: bytes = b""
    ) -> None:
        self._file = file
        self._start = start
        self._length = length
        self._patch_at = patch_at
        self._patch = patch
        self._position = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to `offset` bytes from the beginning, from here or from the seeming end."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes from the position on, with the patch laid over them."""
        before_end = self._length - self._position
        if before_end <= _ID3V1_BYTES:
            self._file.seek(-before_end, os.SEEK_END)
        else:
            self._file.seek(self._start + self._position)
        data = bytearray(self._file.read(count))
        for index, byte in enumerate(self._patch, start=self._patch_at - self._position):
            if 0 <= index < len(data):
                data[index] = byte
        self._position += len(data)
        return bytes(data)


def mended(file: BinaryIO) -> MendedFile | None:
    """Return `file` as libsndfile should see it, or None if it is right as it is."""
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(4) == b"RIFF":
        return _mended_wave(file, length)
    count = mp3_count(file)
    if count is None or length < _ID3V1_BYTES:
        return None
    if count.frames is None or not count.understood:
        return MendedFile(file, 0, length * _SEEMING_LENGTH)
    if count.size and length - count.start > count.size + _TRAILING_TAG_BYTES:
        return MendedFile(file, count.end, length * _SEEMING_LENGTH)
    return None


def mp3_count(file: BinaryIO) -> Mp3Count | None:
    """Return what the first frame of an MP3 says about the whole file; None if `file` is no MP3.

    The headers are described in "MPEG Audio Frame Header" by G. Bouvigne and K. Windstroem: Xing (variable
    bit rate) and Info (constant) by most encoders, VBRI by Fraunhofer's.
    """
    start = _after_id3(file)
    file.seek(start)
    data = file.read(_SEARCH_BYTES)
    padding = len(data) - len(data.lstrip(b"\0"))
    data = data[padding:]
    frame = _Mp3Frame.parse(data[:4])
    if frame is None:
        return None
    frames, size, understood = _stated_count(data[: frame.length], frame)
    begin = start + padding
    return Mp3Count(begin, begin + frame.length, frame.samples, frames, size, understood)


@dataclass(frozen=True)
class _Mp3Frame:
    """The header of one layer III frame: its length in bytes, its samples, where a Xing header would be."""

    length: int
    samples: int
    xing_at: int

    @staticmethod
    def parse(header: bytes) -> "_Mp3Frame | None":
        if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
            return None
        version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
        rate_index, bits_index = header[2] >> 2 & 3, header[2] >> 4
        if version == 1 or layer != 1 or rate_index == 3 or bits_index in (0, 15):
            return None
        first_version = version == 3
        rate = (44100, 48000, 32000)[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
        kilobits = (_KILOBITS_MPEG1 if first_version else _KILOBITS_MPEG2)[bits_index - 1]
        samples = 1152 if first_version else 576
        mono = header[3] >> 6 == 3
        side_information = (17 if mono else 32) if first_version else (9 if mono else 17)
        length = samples // 8 * kilobits * 1000 // rate + (header[2] >> 1 & 1)
        return _Mp3Frame(length, samples, 4 + side_information)


_KILOBITS_MPEG1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KILOBITS_MPEG2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def _stated_count(data: bytes, frame: _Mp3Frame) -> tuple[int | None, int | None, bool]:
    """Return frames, bytes and whether libsndfile knows the header, as a first frame's `data` states them."""
    xing = data[frame.xing_at :]
    if xing[:4] in (b"Xing", b"Info") and len(xing) >= 16:
        flags, first, second = struct.unpack(">III", xing[4:16])
        frames = first if flags & 1 else None
        size = (second if flags & 1 else first) if flags & 2 else None
        return frames or None, size or None, True
    vbri = data[36:]
    if vbri[:4] == b"VBRI" and len(vbri) >= 18:
        size, frames = struct.unpack(">II", vbri[10:18])
        return frames or None, size or None, False
    return None, None, False


def _after_id3(file: BinaryIO) -> int:
    """Return where the sound begins: after an ID3v2 tag, whose size has 7 bits a byte; else 0."""
    file.seek(0)
    tag = file.read(10)
    if tag[:3] != b"ID3" or len(tag) < 10:
        return 0
    size = sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:10], (21, 14, 7, 0), strict=True))
    footer = 10 if tag[5] & 0x10 else 0
    return 10 + size + footer


def _mended_wave(file: BinaryIO, length: int) -> MendedFile | None:
    """Give a chunk "data" of size 0 the size of a stream, unless only further chunks follow it."""
    for name, start, size in chunks(file, "<"):
        if name == b"data":
            if size or start >= length or _only_chunks_follow(file, start, length):
                return None
            return MendedFile(file, 0, length, patch_at=start - 4, patch=b"\xff\xff\xff\xff")
    return None


def _only_chunks_follow(file: BinaryIO, position: int, length: int) -> bool:
    """Return whether the file from `position` to its end is a row of RIFF chunks, and so no samples."""
    while position < length:
        file.seek(position)
        header = file.read(8)
        if len(header) < 8 or not all(32 <= letter < 127 for letter in header[:4]):
            return False
        size = int.from_bytes(header[4:], "little")
        position += 8 + size + size % 2
    return position - length <= 1
