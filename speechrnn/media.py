"""Decode what libsndfile does not know, through FFmpeg: m4a, mp4, webm, mkv, wma, aac, amr and the rest.

The same interface as `sound_file.py`, and the same place on the data's way: file -> samples as they were
recorded. FFmpeg comes with the package av (PyAV), which the extra `[media]` brings.

FFmpeg also opens playlists and scripts that name further files and addresses. What a recording says must not
make us read anything else, so only containers of media are admitted, and only local files.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from speechrnn.codec_chatter import codecs_kept_quiet
from speechrnn.errors import SpeechRnnError, missing_extra
from speechrnn.truncation import is_cut_short

if TYPE_CHECKING:
    from av import AudioFrame
    from av.container import InputContainer
    from av.stream import Stream

_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,asf,avi,flv,mpegts,mpeg,ogg,mp3,aac,ac3,eac3,amr,amrnb,amrwb,"
    "flac,wav,w64,aiff,au,caf,wv,ape,tta,tak,dts,mpc,mpc8,gsm,rm,nut"
)
# Containers whose stated duration was counted by the program that wrote them. Elsewhere FFmpeg estimates it.
_STATE_THEIR_DURATION = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "flv", "tta", "wv", "ape"})
# Stated durations are rounded, and may count what an encoder adds before and after the sound.
_DURATION_TOLERANCE = 0.25
_BLOCK_SECONDS = 1.0
# Integer samples become floats by division by their full scale.
_FULL_SCALE = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "flt": 1.0, "dbl": 1.0}


def open_media(path: Path) -> "MediaFile":
    """Return a decoder for the best sound track of `path`.

    Raises SpeechRnnError if av is not installed, or the file is not media, is damaged or has no sound.
    """
    try:
        import av
    except ImportError as error:
        purpose = f"{path}: is not a plain WAV, FLAC, Ogg, Opus or MP3 file; reading any other sound or video"
        raise missing_extra("av", "media", purpose) from error
    options = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
    try:
        with codecs_kept_quiet():
            container = av.open(f"file:{path}", container_options=options, metadata_errors="ignore")
    except av.FFmpegError as error:
        raise SpeechRnnError(
            f"{path}: is not a sound file, or its beginning or index is missing ({error.strerror}); "
            "record or copy it again, or convert it to WAV"
        ) from error
    try:
        return MediaFile(path, container)
    except BaseException:
        container.close()
        raise


class MediaFile:
    """The sound track of one open file. `blocks` decodes it once; use the object in a `with` statement.

    `seconds` is the length that the container states, None if it states none. `broken_at` is None until
    `blocks` has come to the end of the file, and then the second at which it breaks off (None: it is whole).
    """

    def __init__(self, path: Path, container: "InputContainer") -> None:
        self._path = path
        self._container = container
        with path.open("rb") as file:
            self._is_cut = is_cut_short(file)
        self._gave_up = False
        self._end = 0.0
        track = container.streams.best("audio")
        if track is None:
            raise SpeechRnnError(f"{path}: has no sound track; name a file that has one")
        self._frames = self._decoded(track)
        # Only the first decoded frame tells the true rate: AAC may double what its header says.
        first = next(self._frames, None)
        if first is None:
            raise SpeechRnnError(f"{path}: holds no sound that can be decoded; record or copy it again")
        self._start = first.time or 0.0
        self._frames = chain([first], self._frames)
        self.sample_rate: int = first.sample_rate
        self.channels: int = first.layout.nb_channels
        self.format = f"{container.format.name} {track.codec_context.name}"
        self.seconds = _stated_seconds(container, track)
        self.broken_at: float | None = None

    def __enter__(self) -> "MediaFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def blocks(self, start: int = 0) -> Iterator[npt.NDArray[np.float32]]:
        """Yield float32 `[samples, channels]`, about a second each, from sample `start` to the end.

        Everything before `start` is decoded and dropped: not every container tells exactly where a sample is.
        """
        position, skip, gathered = 0, start, 0
        pieces: list[npt.NDArray[np.float32]] = []
        for frame in self._frames:
            samples = self._samples(frame)
            position += len(samples)
            self._end = max(self._end, self._end_of(frame), position / self.sample_rate)
            pieces.append(samples[skip:])
            gathered += len(samples[skip:])
            skip = max(0, skip - len(samples))
            if gathered >= _BLOCK_SECONDS * self.sample_rate:
                yield np.concatenate(pieces)
                pieces, gathered = [], 0
        if gathered:
            yield np.concatenate(pieces)
        if self._is_cut or self._gave_up or self._falls_short():
            self.broken_at = position / self.sample_rate

    def _decoded(self, track: "Stream") -> "Iterator[AudioFrame]":
        """Yield the frames of `track` until its end or, once sound has begun, its first bad packet.

        A file that was cut out of a broadcast may begin in the middle of a packet; such a start is skipped.
        """
        import av

        begun = False
        packets = self._container.demux(track)
        while True:
            try:
                with codecs_kept_quiet():
                    packet = next(packets, None)
                    frames = [] if packet is None else packet.decode()
            except av.FFmpegError:
                if begun:
                    self._gave_up = True
                    return
                continue
            if packet is None:
                return
            for frame in frames:
                if isinstance(frame, av.AudioFrame):
                    begun = True
                    yield frame

    def _samples(self, frame: "AudioFrame") -> npt.NDArray[np.float32]:
        """Return float32 `[samples, channels]` of one decoded frame."""
        if frame.sample_rate != self.sample_rate or frame.layout.nb_channels != self.channels:
            raise SpeechRnnError(
                f"{self._path}: changes its sample rate or its channels in the middle; convert it to WAV"
            )
        full_scale = _FULL_SCALE.get(frame.format.packed.name)
        if full_scale is None:
            raise SpeechRnnError(
                f"{self._path}: has samples of the kind {frame.format.name}, which is rare; convert it to WAV"
            )
        values = frame.to_ndarray().astype(np.float32)
        if frame.format.packed.name == "u8":
            values -= 128.0
        values /= np.float32(full_scale)
        return values.T if frame.format.is_planar else values.reshape(-1, self.channels)

    def _end_of(self, frame: "AudioFrame") -> float:
        """Return the second at which `frame` ends by its time stamp, counted from the first frame."""
        return 0.0 if frame.time is None else frame.time - self._start + frame.samples / frame.sample_rate

    def _falls_short(self) -> bool:
        return self.seconds is not None and self._end < self.seconds - _DURATION_TOLERANCE


def _stated_seconds(container: "InputContainer", track: "Stream") -> float | None:
    """Return the track's duration as the container states it, in seconds; None where it is a guess.

    A container that states one duration for everything is believed only if there is nothing but sound.
    """
    if container.format.name not in _STATE_THEIR_DURATION:
        return None
    if track.duration and track.time_base:
        return float(track.duration * track.time_base)
    if container.duration and len(container.streams) == 1:
        return container.duration / 1_000_000
    return None
