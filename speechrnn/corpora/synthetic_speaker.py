"""One speaker of the synthetic corpus, spoken in a process of its own.

`synthetic` starts `python -m speechrnn.corpora.synthetic_speaker` for each speaker with an `Assignment` as
JSON on its standard input; the process writes the speaker's folder in LibriSpeech's layout and ends.
"""

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from speechrnn.corpora.espeak import Speaker, Voice
from speechrnn.corpora.sentences import draw, reserved_for_test
from speechrnn.errors import SpeechRnnError

SAMPLE_RATE = 16000
CURABLE_STATUS = 2  # exit status for a problem that the user can cure, its one line on stderr

_PAUSE_SECONDS = (0.1, 0.35)  # of silence before and after each sentence


@dataclass(frozen=True)
class Assignment:
    """What one speaker has to say, and where it goes."""

    folder: str
    """Path of the folder of the speaker; the recordings go into a folder `1` (the chapter) inside it."""
    speaker: int
    """Number of the speaker, which begins the name of every recording."""
    voice: Voice
    """How the speaker sounds."""
    seconds: float
    """Sentences follow until they last this long together."""
    test: bool
    """Speak sentences that are reserved for the test, or only the others."""
    seed: int
    """Seed of the whole corpus."""


def speak(assignment: Assignment) -> None:
    """Write the recordings (16 kHz FLAC) and transcripts of one speaker."""
    chapter = Path(assignment.folder) / "1"
    chapter.mkdir(parents=True, exist_ok=True)
    random_source = random.Random(f"speechrnn/{assignment.seed}/{assignment.speaker}")
    transcripts = []
    spoken_seconds = 0.0
    with Speaker(assignment.voice) as speaker:
        for number, sentence in enumerate(_sentences(assignment.test, random_source)):
            if spoken_seconds >= assignment.seconds:
                break
            samples = _at_16_khz(speaker.say(sentence, random_source.getrandbits(31)), speaker.sample_rate)
            recording = _between_pauses(samples, random_source)
            name = f"{assignment.speaker}-1-{number:04d}"
            soundfile.write(chapter / f"{name}.flac", recording, SAMPLE_RATE, subtype="PCM_16")
            transcripts.append(f"{name} {sentence.upper()}\n")
            spoken_seconds += len(recording) / SAMPLE_RATE
    (chapter / f"{assignment.speaker}-1.trans.txt").write_text("".join(transcripts), encoding="utf-8")


def _sentences(test: bool, random_source: random.Random) -> Iterator[str]:
    """Yield sentences of the grammar without end, those for the test or the others."""
    while True:
        sentence = draw(random_source)
        if reserved_for_test(sentence) == test:
            yield sentence


def _at_16_khz(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    resampled: NDArray[np.float32] = soxr.resample(samples, sample_rate, SAMPLE_RATE)
    return np.clip(resampled, -1, 1)


def _between_pauses(samples: NDArray[np.float32], random_source: random.Random) -> NDArray[np.float32]:
    before, after = (round(random_source.uniform(*_PAUSE_SECONDS) * SAMPLE_RATE) for _ in range(2))
    return np.pad(samples, (before, after))


def main() -> int:
    """Speak the assignment on standard input; return the exit status."""
    assignment = msgspec.json.decode(sys.stdin.buffer.read(), type=Assignment)
    try:
        speak(assignment)
    except SpeechRnnError as error:
        print(error, file=sys.stderr)
        return CURABLE_STATUS
    except (OSError, soundfile.LibsndfileError) as error:
        print(f"{assignment.folder}: cannot be written ({error}); make room or name another", file=sys.stderr)
        return CURABLE_STATUS
    return 0


if __name__ == "__main__":
    sys.exit(main())
