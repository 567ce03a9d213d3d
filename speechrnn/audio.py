"""From a file of any usual format to float32 samples at the rate that a model wants.

The first arrow on the data's way: file -> blocks of samples. `AudioStream` yields blocks, so a long file is
never in memory whole; `read_audio` returns a whole file or a slice of it; `probe` reads the header alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from speechrnn.errors import SpeechRnnError, check_readable

Samples = npt.NDArray[np.float32]
Channel = int | Literal["mix"] | None

BLOCK_SECONDS = 10.0


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says: rate in samples per second, channels, length in seconds, container."""

    sample_rate: int
    channels: int
    seconds: float
    format: str


def probe(path: str | Path) -> AudioInfo:
    """Return what the header of the audio file `path` says, without decoding it."""
    with _open(Path(path)) as file:
        return AudioInfo(file.samplerate, file.channels, file.frames / file.samplerate, file.format)


class AudioStream:
    """An audio file as an iterator over blocks of float32 `[samples]` at `sample_rate`.

    `channel` is a channel's number (from 0) or "mix" (the mean of all; None means the same). `broken_at` is
    None until the file has been read, and then the second at which it breaks off, or None if it is whole.
    """

    def __init__(self, path: str | Path, sample_rate: int = 16000, channel: Channel = None) -> None:
        self.path = Path(path)
        self.sample_rate = sample_rate
        self.channel = channel
        self.broken_at: float | None = None

    def __iter__(self) -> Iterator[Samples]:
        with _open(self.path) as file:
            resampler = soxr.ResampleStream(file.samplerate, self.sample_rate, 1, dtype="float32")
            for block in file.blocks(int(BLOCK_SECONDS * file.samplerate), dtype="float32", always_2d=True):
                yield resampler.resample_chunk(_one_channel(block, self.channel, self.path))
            yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def read_audio(
    path: str | Path,
    sample_rate: int = 16000,
    channel: Channel = None,
    offset: float = 0.0,
    duration: float | None = None,
) -> Samples:
    """Return float32 `[samples]` of `path` from `offset` for `duration` seconds (None: to the end)."""
    whole = np.concatenate(list(AudioStream(path, sample_rate, channel)))
    first = round(offset * sample_rate)
    last = len(whole) if duration is None else first + round(duration * sample_rate)
    return whole[first:last]


def _open(path: Path) -> soundfile.SoundFile:
    check_readable(path)
    try:
        return soundfile.SoundFile(str(path))
    except soundfile.LibsndfileError as error:
        raise SpeechRnnError(f"{path}: is not audio ({error.error_string}); convert it to WAV") from error


def _one_channel(block: Samples, channel: Channel, path: Path) -> Samples:
    """Return one channel `[samples]` of `block` `[samples, channels]`."""
    if channel is None or channel == "mix":
        return block.mean(axis=1, dtype=np.float32)
    if not 0 <= channel < block.shape[1]:
        raise SpeechRnnError(f"{path}: has {block.shape[1]} channels, not number {channel}; count from 0")
    return np.ascontiguousarray(block[:, channel])
