"""The synthetic corpus: a LibriSpeech-shaped tree of sentences spoken by espeak-ng.

Nothing to download and nothing in the repository: made in seconds where a recipe has no recordings, and the
same everywhere for the same `Settings`. Voices (vocal tracts, not accents) and sentences of the test do not
occur in training. Each speaker is a fresh process (see `espeak`), so the number of workers changes nothing.
"""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec

from speechrnn.cores import cores
from speechrnn.corpora.espeak import Voice, check_installed
from speechrnn.corpora.progress import progress_bar
from speechrnn.corpora.synthetic_speaker import CURABLE_STATUS, Assignment
from speechrnn.errors import SpeechRnnError

TRAIN_PART = "train-synthetic"
TEST_PART = "test-synthetic"
SETTINGS_FILE = "synthetic.json"
EDITION = 1  # one more whenever the same settings come to say other sentences, or in other voices

ACCENTS = (
    "en-us", "en-gb-x-rp", "en-gb-scotland", "en", "en-us-nyc", "en-gb-x-gbclan", "en-029", "en-gb-x-gbcwmd",
)  # fmt: skip

# espeak-ng's variants without the whispering, the croaking and the robots.
TRAIN_WOMEN = (
    "f1", "f2", "f3", "f5", "Alicia", "Andrea", "aunty", "belinda", "grandma", "linda", "steph", "shelby",
)  # fmt: skip
TRAIN_MEN = (
    "m1", "m2", "m4", "m5", "m6", "m7", "m8", "adam", "Alex", "Andy", "benjamin", "boris", "david", "Denis",
    "edward", "Gene", "gustave", "iven4", "john", "Lee", "marcelo", "Mario", "max", "Michael", "miguel",
    "norbert", "pedro", "quincy", "rob", "sandro",
)  # fmt: skip
TEST_WOMEN = ("f4", "Annie", "anika", "steph2")
TEST_MEN = ("m3", "robert", "Nguyen", "Reed", "travis", "edward2", "mike2", "victor")


@dataclass(frozen=True)
class Settings:
    """Size and seed of a synthetic corpus."""

    hours: float = 3.0
    """Hours of speech to train on."""
    test_minutes: float = 10.0
    """Minutes of speech to measure on, in voices and sentences of their own."""
    speakers: int = 160
    """Voices to train on."""
    test_speakers: int = 12
    """Voices to measure on."""
    seed: int = 1
    """Seed of voices, sentences and pauses."""


def make_corpus(folder: Path, settings: Settings | None = None, workers: int | None = None) -> Path:
    """Speak a corpus into `folder` (made if need be), with `workers` processes at once; return `folder`.

    The tree holds `TRAIN_PART` and `TEST_PART` as `part/speaker/chapter/id.flac` with `*.trans.txt`, and
    `SPEAKERS.TXT`. A corpus that is there already is used as it is, a half-made one is completed.

    Raises SpeechRnnError when espeak-ng is missing, when `folder` holds a corpus of other settings, or when
    it cannot be written.
    """
    settings = settings or Settings()
    _check(settings)
    assignments = list(plan(folder, settings))
    missing = [assignment for assignment in assignments if not Path(assignment.folder).exists()]
    if missing:
        check_installed()
    _claim(folder, settings)
    if missing:
        _speak_all(missing, workers or cores())
        _write_speakers(folder / "SPEAKERS.TXT", assignments)
    return folder


def plan(folder: Path, settings: Settings) -> Iterator[Assignment]:
    """Yield what each speaker of the corpus has to do: first those of training, then those of the test."""
    for part, first, count, seconds in (
        (TRAIN_PART, 1001, settings.speakers, settings.hours * 3600),
        (TEST_PART, 2001, settings.test_speakers, settings.test_minutes * 60),
    ):
        for number in range(count):
            yield Assignment(
                folder=str(folder / part / str(first + number)),
                speaker=first + number,
                voice=_voice(part, number, settings.seed),
                seconds=seconds / count,
                test=part == TEST_PART,
                seed=settings.seed,
            )


def _voice(part: str, number: int, seed: int) -> Voice:
    """Return the voice of speaker `number` of `part`: women and men in turn, accents in rotation."""
    women, men = (TRAIN_WOMEN, TRAIN_MEN) if part == TRAIN_PART else (TEST_WOMEN, TEST_MEN)
    variants = men if number % 2 else women
    random_source = random.Random(f"speechrnn/{seed}/{part}/{number}")
    turn = number // 2
    return Voice(
        # One accent further at each round through the variants, or the same pairs would return.
        accent=ACCENTS[(turn + turn // len(variants)) % len(ACCENTS)],
        variant=variants[turn % len(variants)],
        rate=random_source.randint(145, 195),
        pitch=random_source.randint(35, 65),
        pitch_range=random_source.randint(30, 70),
    )


def _check(settings: Settings) -> None:
    for flag, value in asdict(settings).items():
        if flag != "seed" and value <= 0:
            raise SpeechRnnError(f"--{flag.replace('_', '-')} {value}: must be more than 0")


def _claim(folder: Path, settings: Settings) -> None:
    """Note in `folder` what it is going to hold, or raise SpeechRnnError if it holds something else."""
    marker = folder / SETTINGS_FILE
    wanted = {"edition": EDITION, **asdict(settings)}
    if marker.exists():
        try:
            found = json.loads(marker.read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if found != wanted:
            raise SpeechRnnError(
                f"{folder}: holds a synthetic corpus with other settings; name another folder or delete it"
            )
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        marker.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise SpeechRnnError(
            f"{folder}: cannot be written ({error.strerror}); name another folder"
        ) from error


def _speak_all(assignments: list[Assignment], workers: int) -> None:
    """Let all speakers speak, `workers` of them at once; stop at the first that fails."""
    with ThreadPoolExecutor(workers) as pool, progress_bar("speaking", len(assignments)) as advance:
        futures: list[Future[None]] = [pool.submit(_speak, assignment) for assignment in assignments]
        try:
            for future in futures:
                future.result()
                advance(1)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _speak(assignment: Assignment) -> None:
    """Run one speaker's process; the folder gets its name when everything is in it."""
    folder = Path(assignment.folder)
    unfinished = folder.with_name(folder.name + ".part")
    process = subprocess.run(
        [sys.executable, "-m", "speechrnn.corpora.synthetic_speaker"],
        input=msgspec.json.encode(replace(assignment, folder=str(unfinished))),
        capture_output=True,
    )
    complaint = process.stderr.decode(errors="replace").strip()
    if process.returncode == CURABLE_STATUS:
        raise SpeechRnnError(complaint.replace(str(unfinished), str(folder)))
    if process.returncode != 0:
        raise RuntimeError(
            f"speaker {assignment.speaker} ended with status {process.returncode}: {complaint}"
        )
    unfinished.rename(folder)


def _write_speakers(path: Path, assignments: list[Assignment]) -> None:
    """Write LibriSpeech's table of speakers; the name is the voice's."""
    lines = [";ID  |SEX| SUBSET           |MINUTES| NAME\n"]
    for assignment in assignments:
        part = TEST_PART if assignment.test else TRAIN_PART
        sex = "F" if assignment.voice.variant in TRAIN_WOMEN + TEST_WOMEN else "M"
        name = f"{assignment.voice.accent}+{assignment.voice.variant}"
        minutes = assignment.seconds / 60
        lines.append(f"{assignment.speaker:<5}| {sex} | {part:<17}| {minutes:<6.2f}| espeak-ng {name}\n")
    path.write_text("".join(lines), encoding="utf-8")
