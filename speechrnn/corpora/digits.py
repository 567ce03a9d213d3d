"""Free Spoken Digit Dataset: 3,000 recordings of single digits, 6 speakers, 8 kHz.

Taken from the data folder (`fsdd/`), else from the archive of release v1.0.10 of its public repository. The
takes 0 to 4 of each digit and speaker are the official test. The archive has no published checksum, so all
names and the lengths of some recordings are compared. `digit_strings` makes connected digits of these.

Z. Jackson and contributors, CC BY-SA 4.0.
"""

import itertools
import shutil
from dataclasses import dataclass
from pathlib import Path

from speechrnn.audio import probe
from speechrnn.corpora.data_folder import data_folder
from speechrnn.corpora.download import Patience, Source, download
from speechrnn.corpora.unpack import unpack
from speechrnn.errors import SpeechRnnError

RELEASE = Source("https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz")

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TAKES = range(50)
TEST_TAKES = range(5)
SAMPLE_RATE = 8000

# Lengths in samples of a few recordings of v1.0.10, among them the shortest and the longest.
KNOWN_LENGTHS = {
    "0_george_0": 2384,
    "3_jackson_17": 3601,
    "5_lucas_44": 5376,
    "6_yweweler_3": 1148,
    "7_nicolas_30": 2774,
    "9_theo_16": 18262,
}


@dataclass(frozen=True)
class Recording:
    """One digit, said once."""

    path: Path
    digit: int
    speaker: str
    take: int


def find(data_dir: Path | None) -> Path | None:
    """Return the corpus's folder in `data_dir` (else SPEECHRNN_DATA), or None if it is not there."""
    folder = data_folder(data_dir)
    if folder is None:
        return None
    return next((place for place in (folder / "fsdd", folder) if _audio(place, "0_george_0")), None)


def fetch(folder: Path, source: Source = RELEASE, patience: Patience | None = None) -> Path:
    """Download the corpus into `folder` unless it is there; return the folder to give to `read`."""
    corpus = folder / "fsdd"
    if corpus.exists():
        return corpus
    archive = download(source, folder / "fsdd.tar.gz", patience)
    try:
        unpacked = unpack(archive, folder / "fsdd.unpacking")
    finally:
        # Without a checksum the archive may be anything: it does not stay to be trusted next time.
        archive.unlink()
    top = next(unpacked.iterdir(), unpacked)
    read(top)
    top.rename(corpus)
    shutil.rmtree(unpacked)
    return corpus


def read(corpus: Path) -> list[Recording]:
    """Return the recordings of the corpus in `corpus`, by speaker, digit and take.

    Raises SpeechRnnError unless all 3,000 are there and some have the length that they should.
    """
    recordings = []
    for speaker, digit, take in itertools.product(SPEAKERS, range(10), TAKES):
        path = _audio(corpus, f"{digit}_{speaker}_{take}")
        if path is None:
            name = f"recordings/{digit}_{speaker}_{take}.wav"
            raise SpeechRnnError(f"{corpus / name}: is missing; delete {corpus} and fetch it again")
        recordings.append(Recording(path, digit, speaker, take))
    for recording in recordings:
        length = KNOWN_LENGTHS.get(recording.path.stem)
        if length is not None and round(probe(recording.path).seconds * SAMPLE_RATE) != length:
            raise SpeechRnnError(
                f"{recording.path}: is not that of release v1.0.10; delete {corpus} and fetch it again"
            )
    return recordings


def _audio(corpus: Path, name: str) -> Path | None:
    """Return the recording `name`: WAV in the public repository, Opus in the data folder."""
    candidates = (corpus / "recordings" / f"{name}{suffix}" for suffix in (".wav", ".opus"))
    return next((path for path in candidates if path.exists()), None)
