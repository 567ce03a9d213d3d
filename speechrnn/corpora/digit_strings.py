"""Connected digits, composed of single ones: strings by one speaker with pauses between, as for a telephone.

Which recordings make which string, and the pauses, follow from a seed alone, so the corpus is the same
everywhere. The takes of the official test occur in test strings only.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from speechrnn.audio import Samples, read_audio
from speechrnn.corpora.digits import SAMPLE_RATE, SPEAKERS, TEST_TAKES, WORDS, Recording
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance, write_manifest

LONGEST = 7  # digits in a string
PAUSE_SECONDS = (0.05, 0.35)

# How often each recording is used, each time in another string.
TRAIN_ROUNDS = 4
TEST_ROUNDS = 3


@dataclass(frozen=True)
class DigitString:
    """A string to be composed: the recordings, and the pauses around them in samples, one more."""

    id: str
    speaker: str
    recordings: tuple[Recording, ...]
    pauses: tuple[int, ...]

    @property
    def text(self) -> str:
        """The digits as words."""
        return " ".join(WORDS[recording.digit] for recording in self.recordings)


@dataclass(frozen=True)
class Manifests:
    """The files that list a composed corpus."""

    train: Path
    test: Path


def compose(
    recordings: Iterable[Recording], folder: Path, holdout_speaker: str | None = None, seed: int = 1
) -> Manifests:
    """Write the strings to `folder` as 16-bit FLAC at 8 kHz, with `train.jsonl` and `test.jsonl`.

    The test strings are composed of the official test takes of all speakers; with `holdout_speaker`, of all
    takes of that speaker, who is then left out of training. Raises SpeechRnnError for an unknown speaker and
    when `folder` cannot be written.
    """
    if holdout_speaker is not None and holdout_speaker not in SPEAKERS:
        raise SpeechRnnError(
            f"--holdout-speaker {holdout_speaker}: no such speaker; one of {', '.join(SPEAKERS)}"
        )
    train, test = split(recordings, holdout_speaker)
    manifests = Manifests(folder / "train.jsonl", folder / "test.jsonl")
    for manifest, chosen, rounds in (
        (manifests.train, train, TRAIN_ROUNDS),
        (manifests.test, test, TEST_ROUNDS),
    ):
        sounds = {recording: read_audio(recording.path, SAMPLE_RATE) for recording in chosen}
        strings = plan(chosen, rounds, seed)
        write_manifest(manifest, [_write(string, sounds, folder / manifest.stem) for string in strings])
    return manifests


def split(
    recordings: Iterable[Recording], holdout_speaker: str | None = None
) -> tuple[list[Recording], list[Recording]]:
    """Return the recordings to train on and those to test on."""
    recordings = list(recordings)
    train = [r for r in recordings if r.take not in TEST_TAKES and r.speaker != holdout_speaker]
    if holdout_speaker is None:
        return train, [r for r in recordings if r.take in TEST_TAKES]
    return train, [r for r in recordings if r.speaker == holdout_speaker]


def plan(recordings: Iterable[Recording], rounds: int, seed: int) -> Iterator[DigitString]:
    """Yield strings that use each of `recordings` in `rounds` of them, speaker by speaker."""
    by_speaker: dict[str, list[Recording]] = {}
    for recording in recordings:
        by_speaker.setdefault(recording.speaker, []).append(recording)
    for speaker, own in sorted(by_speaker.items()):
        random_source = random.Random(f"speechrnn/digits/{seed}/{speaker}")
        number = 0
        for _ in range(rounds):
            rest = sorted(own, key=lambda recording: (recording.digit, recording.take))
            random_source.shuffle(rest)
            while rest:
                length = random_source.randint(1, LONGEST)
                chosen, rest = tuple(rest[:length]), rest[length:]
                pauses = tuple(
                    round(random_source.uniform(*PAUSE_SECONDS) * SAMPLE_RATE) for _ in range(len(chosen) + 1)
                )
                yield DigitString(f"{speaker}-{number:04d}", speaker, chosen, pauses)
                number += 1


def _write(string: DigitString, sounds: dict[Recording, Samples], folder: Path) -> Utterance:
    """Write one string as `ID.flac` into `folder`; return its utterance."""
    pieces = [np.zeros(string.pauses[0], np.float32)]
    for recording, pause in zip(string.recordings, string.pauses[1:], strict=True):
        pieces += [sounds[recording], np.zeros(pause, np.float32)]
    samples = np.concatenate(pieces)
    path = folder / f"{string.id}.flac"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16")
    except (OSError, soundfile.LibsndfileError) as error:
        raise SpeechRnnError(
            f"{path}: cannot be written ({error}); make room or name another folder"
        ) from error
    return Utterance(path, string.text, len(samples) / SAMPLE_RATE, speaker=string.speaker, id=string.id)
