"""Where the samples of an utterance come from: the cache of decoded audio, or the recording itself.

Second station on the way of the data in training: `Utterance` -> samples -> `Batch`. Screening, batching and
loading know only `AudioSource`. `CachedAudio` is what training takes by default; `StreamedAudio` serves a
corpus that the disk cannot hold twice.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from speechrnn.audio import Channel, Samples, probe, read_audio
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance
from speechrnn.training.data import audio_cache

TOLERANCE = 0.1  # seconds by which a recording may end before the manifest says, as in `read_audio`


class AudioSource(Protocol):
    """The samples of utterances at one sample rate."""

    sample_rate: int

    def samples(self, utterance: Utterance) -> int:
        """Return how many samples `read` returns, without reading them."""
        ...

    def problem(self, utterance: Utterance) -> str | None:
        """Return what is wrong with the audio of `utterance`, or None."""
        ...

    def read(self, utterance: Utterance) -> Samples:
        """Return float32 `[samples]` in [-1, 1]; raise SpeechRnnError for audio that cannot be read."""
        ...


class StreamedAudio:
    """Decodes recordings each time; breaks inside one show only when it is read."""

    def __init__(self, sample_rate: int, channel: Channel = None) -> None:
        self.sample_rate = sample_rate
        self.channel = channel

    def samples(self, utterance: Utterance) -> int:
        """Return as many samples as the manifest promises."""
        return round(utterance.duration * self.sample_rate)

    def problem(self, utterance: Utterance) -> str | None:
        """Return what the header of the recording shows to be wrong, or None."""
        try:
            seconds = probe(utterance.audio_filepath).seconds
        except SpeechRnnError as error:
            return str(error)
        return _shortfall(utterance, seconds)

    def read(self, utterance: Utterance) -> Samples:
        """Return float32 `[samples]`, decoded now."""
        return read_audio(
            utterance.audio_filepath, self.sample_rate, self.channel, utterance.offset, utterance.duration
        )


class CachedAudio:
    """Reads what has been decoded once, within half a step of 16 bits of the original.

    Making one decodes what the cache in `folder` lacks of `utterances`, see `audio_cache.decode`.
    """

    def __init__(
        self,
        utterances: Iterable[Utterance],
        sample_rate: int,
        channel: Channel = None,
        folder: Path | None = None,
        processes: int | None = None,
    ) -> None:
        self.sample_rate = sample_rate
        self._recordings = audio_cache.decode(
            (utterance.audio_filepath for utterance in utterances),
            folder or audio_cache.default_folder(),
            sample_rate,
            channel,
            processes,
        )

    def samples(self, utterance: Utterance) -> int:
        """Return how many samples there are in fact; 0 where the recording cannot be decoded."""
        recording = self._recordings[utterance.audio_filepath]
        if isinstance(recording, SpeechRnnError):
            return 0
        first, last = self._bounds(utterance, recording)
        return last - first

    def problem(self, utterance: Utterance) -> str | None:
        """Return why the recording cannot be decoded, where it breaks off, or that it ends early."""
        recording = self._recordings[utterance.audio_filepath]
        if isinstance(recording, SpeechRnnError):
            return str(recording)
        if recording.broken_at is not None and _end(utterance) > recording.broken_at - TOLERANCE:
            return f"{utterance.audio_filepath}: breaks off at {recording.broken_at:.1f} s; copy it again"
        return _shortfall(utterance, recording.samples / self.sample_rate)

    def read(self, utterance: Utterance) -> Samples:
        """Return float32 `[samples]` from the memory-mapped cache."""
        recording = self._recordings[utterance.audio_filepath]
        if isinstance(recording, SpeechRnnError):
            raise recording
        return audio_cache.read(recording, *self._bounds(utterance, recording))

    def _bounds(self, utterance: Utterance, recording: audio_cache.Recording) -> tuple[int, int]:
        """Return the first sample of `utterance` within `recording` and the one after its last."""
        first = min(round(utterance.offset * self.sample_rate), recording.samples)
        return first, min(first + round(utterance.duration * self.sample_rate), recording.samples)


def _end(utterance: Utterance) -> float:
    """Return the second of the recording at which `utterance` ends."""
    return utterance.offset + utterance.duration


def _shortfall(utterance: Utterance, seconds: float) -> str | None:
    """Return what is wrong when a recording of `seconds` ends well before `utterance` does, else None."""
    if _end(utterance) <= seconds + TOLERANCE:
        return None
    return (
        f"{utterance.audio_filepath}: ends at {seconds:.1f} s, the manifest says {_end(utterance):.1f} s; "
        "copy it again or correct the manifest"
    )
