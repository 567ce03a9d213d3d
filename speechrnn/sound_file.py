"""Decode what libsndfile knows: WAV, FLAC, Ogg Vorbis, Opus, MP3, AIFF and their relatives.

The first half of the first arrow on the data's way, file -> samples as they were recorded; `audio.py` makes
them mono and resamples them, and `media.py` has the same interface for all other formats. The format is
decided by the file's content, never by its name.

libsndfile is silent about most truncated files. Here `broken_at` tells: the container lacks its end (see
`truncation.py`), the decoder gave up, or fewer samples came out than the header had promised.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile

from speechrnn.codec_chatter import codecs_kept_quiet
from speechrnn.errors import SpeechRnnError
from speechrnn.mended import MendedFile, mended, mp3_count
from speechrnn.truncation import is_cut_short, ogg_layout

BLOCK_SECONDS = 1.0
_BLOCK_VALUES = 1 << 22
# What libsndfile answers when a header does not say how long the file is.
_UNKNOWN_FRAMES = 2**63 - 1
# A frame of MP3 may begin up to 511 bytes before itself, in the room that frames before it left, and needs
# what overlaps from the last one. libsndfile enters a few frames early, which is too late at low bit rates.
_MP3_RUN_UP = 30 * 1152
# Encoders disagree by one frame on whether the frame that holds the count is counted.
_MP3_TOLERANCE = 1152


def open_sound_file(path: Path) -> "SoundFile | None":
    """Return a decoder for `path`, or None if libsndfile cannot read it, or could read its first part only.

    That is so for Ogg files that were joined end to end ("chained"): libsndfile stops after the first.
    """
    # Unbuffered: libsndfile reads from where the descriptor stands, which a buffer would run ahead of.
    file = path.open("rb", buffering=0)
    try:
        if file.read(4) == b"OggS" and ogg_layout(file).links > 1:
            file.close()
            return None
        return SoundFile(path, file)
    except soundfile.LibsndfileError:
        file.close()
        return None


class SoundFile:
    """One open file. `blocks` decodes it; use the object in a `with` statement, which closes it.

    `seconds` is the length that the header promises, None if it promises none. `broken_at` is None until
    `blocks` has come to the end of the file, and then the second at which it breaks off (None: it is whole).
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        mended_file = mended(file)
        self._path = path
        self._file = file
        self._is_cut = is_cut_short(file)
        self._decoder = _open_forward(file, mended_file)
        self._promised = _promised_frames(self._decoder, file, mended_file)
        self.sample_rate: int = self._decoder.samplerate
        self.channels: int = self._decoder.channels
        self.format = f"{self._decoder.format} {self._decoder.subtype}"
        self.seconds = None if self._promised is None else self._promised / self.sample_rate
        self.broken_at: float | None = None

    def __enter__(self) -> "SoundFile":
        return self

    def __exit__(self, *_: object) -> None:
        with codecs_kept_quiet():
            self._decoder.close()
        self._file.close()

    def blocks(self, start: int = 0) -> Iterator[npt.NDArray[np.float32]]:
        """Yield float32 `[samples, channels]`, about a second each, from sample `start` to the end.

        What is read from `start` on equals what is read from 0 and cut, to the bit; MP3 to a rounding error
        (1e-6); Opus to 1 % of full scale, because its decoder never quite forgets what went before.
        """
        if self._promised is not None and start >= self._promised:
            return
        position = self._go_to(start)
        wanted = max(1, min(int(self.sample_rate * BLOCK_SECONDS), _BLOCK_VALUES // self.channels))
        while True:
            block = np.full((wanted, self.channels), np.nan, np.float32)
            count, failed = self._read_into(block)
            position += count
            if count:
                yield block[:count]
            if failed or not count:
                break
        if failed or self._is_cut or self._falls_short(position):
            self.broken_at = position / self.sample_rate

    def _go_to(self, start: int) -> int:
        """Make `start` the next sample that is read, and return it."""
        if start == 0:
            return 0
        run_up = min(start, _MP3_RUN_UP) if self.format.startswith("MP3") else 0
        try:
            with codecs_kept_quiet():
                self._decoder.seek(start - run_up)
                self._decoder.read(run_up)
                return start
        except soundfile.LibsndfileError as error:
            raise SpeechRnnError(
                f"{self._path}: cannot be read from {start / self.sample_rate:.2f} s on "
                f"({error.error_string}); check that the file is that long and whole"
            ) from error

    def _read_into(self, block: npt.NDArray[np.float32]) -> tuple[int, bool]:
        """Fill `block`, which is all NaN; return how many samples of it are good and whether reading failed.

        A read that fails does not tell how far it came. What it wrote over is good.
        """
        with codecs_kept_quiet():
            try:
                return len(self._decoder.read(out=block)), False
            except soundfile.LibsndfileError:
                missing = np.isnan(block).any(axis=1)
                return int(missing.argmax()) if missing.any() else len(block), True

    def _falls_short(self, position: int) -> bool:
        tolerance = _MP3_TOLERANCE if self.format.startswith("MP3") else 0
        return self._promised is not None and position < self._promised - tolerance


class _ForwardSoundFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile states no types
    """A sound file whose `read` only reads.

    soundfile's `read` moves a seekable file to where it has read up to, after every block. For Opus that
    restarts the decoder, and the samples that follow are not those of an undisturbed run.
    """

    def seekable(self) -> bool:
        """Say that `read` must not seek; `seek` itself works all the same."""
        return False


def _open_forward(file: BinaryIO, mended_file: MendedFile | None) -> _ForwardSoundFile:
    """Open `file`, or its mended form, by its content alone.

    A descriptor has no name from which libsndfile could guess a format for headerless data. On Windows the
    library cannot share descriptors with Python and reads through the file object.
    """
    file.seek(0)
    source = mended_file or (file if sys.platform == "win32" else file.fileno())
    with codecs_kept_quiet():
        return _ForwardSoundFile(source, closefd=False)


def _promised_frames(
    decoder: soundfile.SoundFile, file: BinaryIO, mended_file: MendedFile | None
) -> int | None:
    """Return how many frames the file's header promises, None if it makes no promise."""
    if decoder.format == "MP3" and mended_file is not None:
        count = mp3_count(file)
        if count is None or count.frames is None or count.understood:
            return None
        return count.frames * count.samples
    return None if decoder.frames == _UNKNOWN_FRAMES else int(decoder.frames)
