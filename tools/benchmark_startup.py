"""How long one second of audio takes as a whole process, against importing numpy and ONNX Runtime.

    python tools/benchmark_startup.py                                         an untrained 3x320 BiLSTM
    python tools/benchmark_startup.py --model runs/x/model.int8.onnx --lm english.ngram --rounds 15

Every process is a fresh one that runs from bytecode, as an installed package does; the files it reads are in
the disk's cache after the first round. Rounds go through all of them in turn, and what is told is the middle
difference within a round. Goals: transcribing greedily at most 0.5 s more than the imports; a beam search,
once compiled, 1 s as a whole process; and `import speechrnn` at most 0.1 s more than Python itself.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import tyro
from rich.table import Table
from side_by_side import stage, surroundings
from untrained_model import write_untrained

from speechrnn import config
from speechrnn.training.machine import machine

NOTHING = "python -c pass"
IMPORTS = "python -c 'import numpy, onnxruntime'"


@dataclass(frozen=True)
class Options:
    """Time whole processes."""

    model: Path | None = None
    """The .onnx to transcribe with; by default an untrained network with int8 weights."""
    lm: Path | None = None
    """An n-gram model for the beam search; none by default."""
    pronunciations: Path | None = None
    """A lexicon to search in sounds, for a model that knows them."""
    beam: int = 25
    """Width of the beam search."""
    rounds: int = 9
    """Rounds."""


def main() -> None:
    """Run the benchmark that the command line asks for."""
    options = tyro.cli(Options, description=__doc__)
    say = stage()
    say.print(f"machine: {machine()}; {surroundings()}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = options.model or write_untrained(folder, config.Encoder(layers=3))[1]
        recording = folder / "second.wav"
        soundfile.write(recording, np.random.default_rng(0).normal(0, 0.1, 16000), 16000)
        transcribe = ["-m", "speechrnn", "transcribe", str(recording), "--model", str(model)]
        files = {"--lm": options.lm, "--pronunciations": options.pronunciations}
        beam = ["--beam", str(options.beam)]
        beam += [part for flag, path in files.items() if path is not None for part in (flag, str(path))]
        commands = {
            NOTHING: ["-c", "pass"],
            "import speechrnn": ["-c", "import speechrnn"],
            IMPORTS: ["-c", "import numpy, onnxruntime"],
            "speechrnn --help": ["-m", "speechrnn", "--help"],
            "speechrnn transcribe --help": ["-m", "speechrnn", "transcribe", "--help"],
            f"speechrnn transcribe second.wav --model {model.name}": transcribe,
            f"speechrnn transcribe second.wav --model {model.name} {' '.join(beam)}": [*transcribe, *beam],
        }
        for command in commands.values():
            seconds_of(command)
        rounds = [{name: seconds_of(c) for name, c in commands.items()} for _ in range(options.rounds)]
    table = Table(title=f"whole processes, {options.rounds} rounds", title_justify="left", title_style="bold")
    for heading in ("", "seconds", "lowest", "more than python alone", "more than the imports"):
        table.add_column(heading, justify="right" if heading else "left")
    for name in commands:
        times = [times[name] for times in rounds]
        over_python, over_imports = (
            statistics.median(times[name] - times[reference] for times in rounds)
            for reference in (NOTHING, IMPORTS)
        )
        figures = (statistics.median(times), min(times), over_python, over_imports)
        table.add_row(name, *(f"{figure:.3f}" for figure in figures))
    say.print(table)


def seconds_of(arguments: Sequence[str]) -> float:
    """Return how long Python takes with `arguments`, from start to end."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True, env=environment)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
