"""From a file of any usual format to float32 samples at the rate that a model wants.

The first arrow on the data's way: file -> blocks of samples. `AudioStream` yields blocks, so that a long file
is never in memory whole; `read_audio` returns a whole file or a slice of it as one array; `probe` reads the
header alone. Decoding is the work of `sound_file.py` (libsndfile) and `media.py` (FFmpeg); here the channels
become one, the rate becomes the one asked for (soxr), and what is no sound is refused.

Reading by block or at once gives the same samples: `read_audio` is the blocks of an `AudioStream`, joined.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import soxr

from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.media import MediaFile, open_media
from speechrnn.sound_file import SoundFile, open_sound_file

Samples = npt.NDArray[np.float32]
Channel = int | Literal["mix"] | None

# Rates outside of this are no recordings of sound but broken headers.
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 1_000_000
# A float file may go a little beyond full scale. Beyond this it holds something else, such as integers.
_HIGHEST_PEAK = 64.0
# soxr's filters reach less than this many samples of the lower rate to either side.
_FILTER_REACH = 800
# Manifests round durations, and programs disagree on the padding of lossy formats.
_SLICE_TOLERANCE = 0.1


@dataclass(frozen=True)
class AudioInfo:
    """What a file says about itself.

    `sample_rate` in samples per second, number of `channels`, length in `seconds`, and container and codec as
    the decoding library calls them ("WAV PCM_16", "OGG OPUS").
    """

    sample_rate: int
    channels: int
    seconds: float
    format: str


def probe(path: str | Path) -> AudioInfo:
    """Return what the header of the audio file `path` says; raise SpeechRnnError if it cannot be read.

    Where the header does not say how long the file is (streams, some MP3), it is decoded and counted. Of a
    truncated file the length is what is promised or what is there, as its format has it.
    """
    with _opened(Path(path)) as decoder:
        seconds = decoder.seconds
        if seconds is None:
            seconds = sum(map(len, decoder.blocks())) / decoder.sample_rate
        return AudioInfo(decoder.sample_rate, decoder.channels, seconds, decoder.format)


def read_audio(
    path: str | Path,
    sample_rate: int = 16000,
    channel: Channel = None,
    offset: float = 0.0,
    duration: float | None = None,
) -> Samples:
    """Return float32 `[samples]` of `path` from `offset` for `duration` seconds (None: to the end).

    The parameters are those of `AudioStream`. Raises SpeechRnnError where that does, and also if the file
    breaks off before the end of what was asked for.
    """
    stream = AudioStream(path, sample_rate, channel, offset, duration)
    blocks = list(stream)
    if stream.broken_at is not None:
        raise SpeechRnnError(
            f"{path}: is damaged or cut short: it breaks off at {stream.broken_at:.2f} s; "
            "record or copy it again, or leave it out"
        )
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)  # a duration of 0 asks for nothing


class AudioStream:
    """An audio file, or a slice of it, as an iterator over blocks of float32 `[samples]` in [-1, 1].

    - `sample_rate`: what the samples are resampled to, per second.
    - `channel`: a channel's number, counted from 0, or "mix" for the mean of all (None means the same).
    - `offset`, `duration`: the slice in seconds; None is the rest of the file. A slice equals the same slice
      of the whole file's samples: to the bit if nothing is resampled, else to 1e-5. Two lossy formats are
      less exact when entered in the middle: MP3 to 1e-5, Opus to 1 % of full scale.
    - `broken_at`: None until the stream has been read, and then the second of the file at which it breaks
      off, or None if what was asked for is all there. The samples up to there have been delivered.

    Iterating raises SpeechRnnError, naming the file and the cure, for a file that is missing, empty,
    unreadable, not audio or without sound; for samples that are not finite; for a channel that the file does
    not have; for a slice that is not in the file.
    """

    def __init__(
        self,
        path: str | Path,
        sample_rate: int = 16000,
        channel: Channel = None,
        offset: float = 0.0,
        duration: float | None = None,
    ) -> None:
        if offset < 0 or (duration is not None and duration < 0):
            raise SpeechRnnError(f"{path}: offset {offset} and duration {duration} must not be negative")
        self.path = Path(path)
        self.sample_rate = sample_rate
        self.channel = channel
        self.offset = offset
        self.duration = duration
        self.broken_at: float | None = None

    def __iter__(self) -> Iterator[Samples]:
        self.broken_at = None
        wanted = None if self.duration is None else round(self.duration * self.sample_rate)
        delivered = 0
        with _opened(self.path) as decoder:
            start, surplus = _entry(
                round(self.offset * self.sample_rate), decoder.sample_rate, self.sample_rate
            )
            for block in _resampled(self._mono(decoder, start), decoder.sample_rate, self.sample_rate):
                kept = block[surplus:][: None if wanted is None else wanted - delivered]
                surplus = max(0, surplus - len(block))
                delivered += len(kept)
                if len(kept):
                    yield np.clip(kept, -1.0, 1.0)
                if delivered == wanted:
                    return
            self.broken_at = decoder.broken_at
        self._check_length(delivered, wanted)

    def _mono(self, decoder: SoundFile | MediaFile, start: int) -> Iterator[Samples]:
        """Yield the chosen channel of `decoder` from its sample `start` on, once it is known to be sound."""
        position = start
        for block in decoder.blocks(start):
            self._check_sound(block, position / decoder.sample_rate)
            position += len(block)
            yield self._one_channel(block)

    def _check_sound(self, block: Samples, second: float) -> None:
        """Raise SpeechRnnError if `block`, which begins at `second`, holds values that no sound has."""
        peak = np.abs(block).max()
        if peak <= _HIGHEST_PEAK:
            return
        what = f"reach {peak:.3g}, far beyond full scale (1.0)" if np.isfinite(peak) else "are not numbers"
        raise SpeechRnnError(
            f"{self.path}: holds samples that {what}, after {second:.2f} s; save it again as 16-bit WAV"
        )

    def _one_channel(self, block: Samples) -> Samples:
        """Return one channel `[samples]` of `block` `[samples, channels]`."""
        channels = block.shape[1]
        if self.channel is None or self.channel == "mix":
            return block.mean(axis=1, dtype=np.float32) if channels > 1 else block[:, 0]
        if not 0 <= self.channel < channels:
            raise SpeechRnnError(
                f"{self.path}: has no channel {self.channel}; its channels are 0 to {channels - 1}"
            )
        return np.ascontiguousarray(block[:, self.channel])

    def _check_length(self, delivered: int, wanted: int | None) -> None:
        """Raise SpeechRnnError if nothing was delivered, or too little and no damage explains it."""
        missing = 0 if wanted is None or self.broken_at is not None else wanted - delivered
        if delivered == 0 and self.offset == 0:
            raise SpeechRnnError(f"{self.path}: holds no sound (0 samples); record or copy it again")
        if delivered == 0 or missing > _SLICE_TOLERANCE * self.sample_rate:
            end = self.offset + delivered / self.sample_rate
            until = "the end" if self.duration is None else f"{self.offset + self.duration:.2f} s"
            raise SpeechRnnError(
                f"{self.path}: has no sound from {end:.2f} s to {until}; correct the offset or the duration"
            )


@contextmanager
def _opened(path: Path) -> Iterator[SoundFile | MediaFile]:
    """Open `path` with the decoder that knows its content; raise SpeechRnnError if neither does."""
    check_readable(path)
    with open_sound_file(path) or open_media(path) as decoder:
        if not _LOWEST_RATE <= decoder.sample_rate <= _HIGHEST_RATE:
            raise SpeechRnnError(
                f"{path}: states {decoder.sample_rate} samples a second, as no recording has; copy it again"
            )
        yield decoder


def _entry(first: int, file_rate: int, rate: int) -> tuple[int, int]:
    """Return where to begin reading so that sample `first` at `rate` comes out as from the whole file.

    The result is a sample of the file, and how many samples at `rate` come out before the one that is wanted.
    Both rates have a sample at the same instant every `file_rate / gcd` samples: a resampler that begins at
    such an instant has the same grid as one that began at 0. It begins far enough ahead for its filter.
    """
    if file_rate == rate:
        return first, 0
    common = math.gcd(file_rate, rate)
    file_step, step = file_rate // common, rate // common
    reach = math.ceil(_FILTER_REACH * max(1.0, rate / file_rate))
    steps = max(0, first - reach) // step
    return steps * file_step, first - steps * step


def _resampled(blocks: Iterator[Samples], file_rate: int, rate: int) -> Iterator[Samples]:
    """Yield `blocks` `[samples]` at `file_rate` as blocks at `rate`; in all as if resampled at once."""
    if file_rate == rate:
        yield from blocks
        return
    resampler = soxr.ResampleStream(file_rate, rate, 1, dtype="float32")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
