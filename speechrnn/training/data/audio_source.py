"""Where the samples of an utterance come from: the cache of decoded audio, or the recording itself.

Second station on the way of the data in training: `Utterance` -> samples -> `Batch`. Screening, batching and
loading know only `AudioSource`. `CachedAudio` is what training takes where there is room; `StreamedAudio`
serves a corpus that the disk cannot hold decoded.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from speechrnn.audio import Channel, Samples, probe, read_audio
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance
from speechrnn.training.data import audio_cache

SHARE_OF_DISK = 0.8  # of what is free, which decoded audio may take: checkpoints want room as well
TOLERANCE = 0.1  # seconds by which a recording may end before the manifest says, as in `read_audio`


def find_audio(
    utterances: Sequence[Utterance], sample_rate: int, say: Callable[[str], None]
) -> "AudioSource":
    """Return the cache of decoded audio or, where the disk has no room for it, the recordings themselves.

    `say` is told of the latter.
    """
    ends: dict[Path, float] = {}
    for utterance in utterances:
        ends[utterance.audio_filepath] = max(ends.get(utterance.audio_filepath, 0.0), _end(utterance))
    folder = audio_cache.default_folder()
    lacking, free = audio_cache.bytes_lacking(ends, folder, sample_rate), audio_cache.bytes_free(folder)
    if lacking <= SHARE_OF_DISK * free:
        return CachedAudio(utterances, sample_rate)
    say(
        f"decoded, the recordings would take {lacking / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB "
        "left: they are decoded each time they are read; XDG_CACHE_HOME may name a folder on another disk"
    )
    return StreamedAudio(sample_rate)


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
    """Decodes recordings each time, to 16 bits as the cache does; breaks in one show only when it is read."""

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
        samples = read_audio(
            utterance.audio_filepath, self.sample_rate, self.channel, utterance.offset, utterance.duration
        )
        return audio_cache.from_16_bits(audio_cache.to_16_bits(samples))


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
