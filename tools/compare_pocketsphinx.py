"""The model that ships beside pocketsphinx, on the same held-out recordings: error rates and speed.

    python tools/compare_pocketsphinx.py --data-dir $SPEECHRNN_DATA
    python tools/compare_pocketsphinx.py --every 25 --model my.onnx

pocketsphinx (CMU Sphinx, in use since 2000) is installed with the English model of its wheel into an
environment of its own. Both get the same samples, an utterance each in turn and on one thread, so a busy
machine slows both. Reading the recording is not counted, nor is starting up.
"""

import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import tyro
from rich.table import Table
from side_by_side import stage, surroundings

from speechrnn.audio import read_audio
from speechrnn.corpora import librispeech
from speechrnn.corpora.librispeech_tree import librispeech_utterances
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance
from speechrnn.runtime.transcriber import Transcriber
from speechrnn.scoring import score_utterances
from speechrnn.scoring_report import percent
from speechrnn.shipped import DEFAULT
from speechrnn.training.machine import machine

Samples = npt.NDArray[np.float32]
RATE = 16000  # what both take
PARTS = ("test-clean", "test-other")
POCKETSPHINX = "pocketsphinx==5.1.1"
WORKER = Path(__file__).with_name("pocketsphinx_worker.py")


@dataclass(frozen=True)
class Options:
    """Compare the model that ships with pocketsphinx."""

    data_dir: Path | None = None
    """A tree in LibriSpeech's layout, or a folder with one; SPEECHRNN_DATA by default."""
    parts: tuple[str, ...] = PARTS
    """Parts of the tree to measure on."""
    every: int = 1
    """Take every so manieth utterance."""
    model: str = DEFAULT
    """A model that ships, or an .onnx file; it is decoded as `speechrnn transcribe` does by default."""
    environment: Path = Path("runs/pocketsphinx")
    """Where pocketsphinx is installed, once."""


@dataclass(frozen=True)
class Answer:
    """A text, and the seconds that it took."""

    text: str
    seconds: float


class Recogniser(Protocol):
    """Turns samples float32 [samples] at 16 kHz into text."""

    def __call__(self, samples: Samples) -> Answer:
        """Return the text, and the time it took."""


def main(options: Options) -> None:
    """Recognise each part with both, and print a table of it."""
    tree = librispeech.find_tree(options.data_dir, options.parts)
    if tree is None:
        raise SpeechRnnError(
            f"--data-dir: no tree with {' and '.join(options.parts)}; name one that has them"
        )
    console = stage()
    console.print(f"{machine()}, {surroundings()}; one thread each")
    transcriber = Transcriber(options.model, threads=1)
    with pocketsphinx(installed(options.environment)) as theirs:
        ways: dict[str, Recogniser] = {
            f"speechrnn {Path(options.model).stem}": lambda samples: timed(transcriber, samples),
            POCKETSPHINX.replace("==", " "): theirs,
        }
        for recognise in ways.values():  # what the first recording sets up is no part of speed
            recognise(np.zeros(RATE, np.float32))
        for part in options.parts:
            console.print(comparison(part, librispeech_utterances(tree, part)[:: options.every], ways))


def comparison(part: str, utterances: Sequence[Utterance], ways: dict[str, Recogniser]) -> Table:
    """Return the table of what each of `ways` makes of `utterances`."""
    seconds = sum(utterance.duration for utterance in utterances)
    title = f"{part}, {len(utterances)} utterances, {seconds / 60:.0f} minutes"
    table = Table("", "WER (95 %)", "CER (95 %)", "times real time", title=title, title_justify="left")
    for way, answers in recognised(ways, utterances).items():
        result = score_utterances(utterances, [answer.text for answer in answers])
        speed = seconds / sum(answer.seconds for answer in answers)
        wer, cer = percent(result.wer, result.wer_interval), percent(result.cer, result.cer_interval)
        table.add_row(way, wer, cer, f"{speed:,.1f}")
    return table


def recognised(ways: dict[str, Recogniser], utterances: Sequence[Utterance]) -> dict[str, list[Answer]]:
    """Return what each of `ways` makes of each of `utterances`; they take turns."""
    answers: dict[str, list[Answer]] = {way: [] for way in ways}
    for utterance in utterances:
        samples = read_audio(utterance.audio_filepath, RATE)
        for way, recognise in ways.items():
            answers[way].append(recognise(samples))
    return answers


def timed(transcriber: Transcriber, samples: Samples) -> Answer:
    """Return what `transcriber` makes of `samples`."""
    start = time.perf_counter()
    text = transcriber.transcribe(samples).text
    return Answer(text, time.perf_counter() - start)


def installed(environment: Path) -> Path:
    """Return the Python of an environment with pocketsphinx in it, made if it is not there."""
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not python.exists():
        venv.create(environment, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--only-binary", ":all:", POCKETSPHINX]
    if subprocess.run(install, check=False).returncode:
        raise SpeechRnnError(f"{environment}: {POCKETSPHINX} cannot be installed; see what pip says above")
    return python


@contextmanager
def pocketsphinx(python: Path) -> Iterator[Recogniser]:
    """Give a recogniser that runs in a process of the environment of `python`."""
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [python, WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as worker,
    ):
        recording = Path(folder) / "recording.raw"

        def recognise(samples: Samples) -> Answer:
            recording.write_bytes(np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
            print(recording, file=worker.stdin, flush=True)
            assert worker.stdout is not None
            return Answer(**json.loads(worker.stdout.readline()))

        yield recognise
        assert worker.stdin is not None
        worker.stdin.close()


if __name__ == "__main__":
    try:
        main(tyro.cli(Options))
    except SpeechRnnError as error:
        sys.exit(str(error))
