"""What language models cost: training on text, reading an ARPA file, opening, and look-ups on one thread.

Each step is a process of its own, so that time and peak memory are what a user sees; compiled code is made
before. With `--lmplz` KenLM's estimator (built from the source package of `kenlm`) does the same work, in the
same run.

    python tools/benchmark_lm.py $SPEECHRNN_DATA/lm-text/books.txt.xz --order 4 --lmplz PATH
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray

from speechrnn.compiled import compiled
from speechrnn.decoding.ngram.automaton import ScoringTables, score
from speechrnn.decoding.ngram.counts import encode
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.decoding.ngram.text_blocks import text_blocks

LOOKED_UP_WORDS = 1_000_000
GUESSES = 8


@dataclass(frozen=True)
class Benchmark:
    """Time and memory of training, conversion, opening and look-ups."""

    texts: tyro.conf.Positional[tuple[Path, ...]]
    """Text files with a sentence a line."""
    order: int = 4
    """Length of the longest n-grams."""
    lmplz: Path | None = None
    """KenLM's estimator, to run beside ours."""


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds by the clock and of the processor, and its peak memory in MB."""

    seconds: float
    processor_seconds: float
    megabytes: float

    def __str__(self) -> str:
        busy = f"{self.processor_seconds:.1f} s of processor time"
        return f"{self.seconds:7.1f} s ({busy}), {self.megabytes:,.0f} MB"


def main(options: Benchmark) -> None:
    """Print a line a step."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compile_all(folder)
        text = plain_text(options.texts, folder)
        arpa, model = folder / "ours.arpa", folder / "ours.ngram"
        print(f"{text.stat().st_size / 1e6:,.0f} MB of text, order {options.order}")

        ours = cost(speechrnn("lm", "train", text, "--order", options.order, "--to", arpa))
        print(f"text to ARPA:        {ours}")
        if options.lmplz:
            theirs = lmplz_cost(options.lmplz, options.order, text, folder)
            print(f"the same by lmplz:   {theirs}")
            print(f"ratio:               {ours.seconds / theirs.seconds:7.2f} in time")

        convert = cost(speechrnn("lm", "convert", arpa, "--to", model))
        size = arpa.stat().st_size / 1e6
        print(f"ARPA to ours:        {convert}; {size:,.0f} MB of ARPA")
        report_look_ups(model, text)


def compile_all(folder: Path) -> None:
    """Run every step on a few words, so that its code is compiled and cached."""
    text = folder / "few.txt"
    text.write_text("a few words\nand a few more\n")
    arpa, model = folder / "few.arpa", folder / "few.ngram"
    cost(speechrnn("lm", "train", text, "--order", 3, "--to", arpa, "--discount-fallback"))
    cost(speechrnn("lm", "convert", arpa, "--to", model))


def plain_text(texts: Sequence[Path], folder: Path) -> Path:
    """Return a file that holds all texts, decompressed: lmplz reads nothing else."""
    joined = folder / "text.txt"
    with joined.open("wb") as stream:
        for path in texts:
            stream.writelines(text_blocks(path))
    return joined


def speechrnn(*arguments: object) -> list[str]:
    """Return the command line that calls our command."""
    call = "import sys; from speechrnn.commands import main; sys.exit(main())"
    return [sys.executable, "-c", call, *map(str, arguments)]


def cost(command: Sequence[str], **streams: Any) -> Cost:
    """Run `command` and return what it took; its stderr is kept back unless it fails."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stderr=said, **streams)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status:
            said.seek(0)
            raise SystemExit(f"{command[0]} failed: {said.read().decode()}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def lmplz_cost(lmplz: Path, order: int, text: Path, folder: Path) -> Cost:
    """Return what KenLM's estimator takes for the same text, with 1 GB to sort in."""
    command = [str(lmplz), "-o", str(order), "-S", "1G", "-T", f"{folder}/"]
    with text.open("rb") as read, (folder / "theirs.arpa").open("wb") as written:
        return cost(command, stdin=read, stdout=written)


def report_look_ups(path: Path, text: Path) -> None:
    """Print how long `path` takes to open, and look-ups a second on words of `text`."""
    start = time.perf_counter()
    model = NgramModel.open(path)
    print(f"opening:             {1000 * (time.perf_counter() - start):7.1f} ms; n-grams: {model.counts}")

    tokens = np.concatenate([*encode(text_blocks(text), model.words, pads=1, grow=False, padding=-1)])
    tokens = tokens[:LOOKED_UP_WORDS]
    guesses = np.random.default_rng(0).choice(tokens[tokens >= 0], (len(tokens), GUESSES))
    for name, guessed in (("running text", guesses[:, :0]), (f"{GUESSES} guesses a word", guesses)):
        look_up(model.tables, model.begin_state, tokens[:10], guessed[:10])
        start = time.process_time()
        number = look_up(model.tables, model.begin_state, tokens, guessed)
        rate = number / (time.process_time() - start) / 1e6
        print(f"look-ups, {name:16}: {rate:5.1f} million a second of processor time")


@compiled
def look_up(
    tables: ScoringTables, begin_state: int, tokens: NDArray[np.int32], guesses: NDArray[np.int32]
) -> int:
    """Score every word and the guesses for its place, as a search does; return how many that were."""
    state = begin_state
    total = 0.0
    number = 0
    for i in range(len(tokens)):
        if tokens[i] < 0:
            state = begin_state
            continue
        for guess in guesses[i]:
            total += score(tables, state, guess)[0]
        log_prob, state = score(tables, state, tokens[i])
        total += log_prob
        number += 1 + guesses.shape[1]
    return number if total < 0.0 else -1


if __name__ == "__main__":
    main(tyro.cli(Benchmark))
