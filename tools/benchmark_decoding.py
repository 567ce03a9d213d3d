"""Our beam search beside flashlight-text and pyctcdecode: time and word error rate over the beam.

All decode the same saved log-probabilities with the same n-gram, on one thread, in one run. Each is tuned
(weight of the model, bonus of a word) on every other utterance at one beam, and measured on the rest. The
decoders take turns, round after round, and processor time counts, so that other work on the machine disturbs
all alike. flashlight has a lexicon of the model's words and no unknown words; the others have an open
vocabulary. Ours also finds times and confidences of all words.

    python tools/benchmark_decoding.py $SPEECHRNN_DATA/emissions/dev-clean-2.npz model.arpa \\
        --transcripts $SPEECHRNN_DATA/librispeech-small/dev-clean-2 \\
        $SPEECHRNN_DATA/librispeech-small/dev-clean

The peers are installed into environments of their own when this is run for the first time.
"""

import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import tyro
from rich.table import Table
from side_by_side import Rates, stage, surroundings

from speechrnn.decoding.beam.search import BeamSearch
from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.errors import SpeechRnnError
from speechrnn.scoring import Score, score
from speechrnn.text import BLANK, Vocabulary

FRAME_SECONDS = 0.04
OURS = "speechrnn"
PEERS = {"flashlight": ["numpy", "flashlight-text"], "pyctcdecode": ["numpy<2", "kenlm", "pyctcdecode"]}
WEIGHTS = (0.4, 0.6, 0.8, 1.0)
BONUSES = (-1.0, 0.0, 1.0, 2.0)


@dataclass(frozen=True)
class Benchmark:
    """Time and word error rate of three beam searches."""

    emissions: tyro.conf.Positional[Path]
    """Log-probabilities [frames, tokens] of utterances by id (.npz), blank first."""
    model: tyro.conf.Positional[Path]
    """The n-gram model, in ARPA format, uncompressed."""
    transcripts: tuple[Path, ...]
    """Folders with `*.trans.txt` files as LibriSpeech has them."""
    alphabet: str = " 'ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    """The tokens after the blank."""
    beams: tuple[int, ...] = (10, 25, 50, 100)
    """Widths to measure at."""
    tuned_at: int = 25
    """The width at which weight and bonus are chosen."""
    rounds: int = 3
    """How often everything is timed."""
    environments: Path = Path.home() / ".cache" / "speechrnn" / "peers"
    """Where the peers are installed."""
    picture: Path | None = None
    """Draw word error rate against time into this PNG."""


@dataclass(frozen=True)
class Run:
    """What a decoder made of some utterances: processor seconds, and a text for each."""

    seconds: float
    texts: list[str]


Decoder = Callable[[int, float, float, Sequence[str]], Run]
"""Decodes the utterances with these ids, with a beam, a weight and a bonus."""


def main(options: Benchmark) -> None:
    """Tune, measure, print."""
    references = read_transcripts(options.transcripts)
    names = sorted(np.load(options.emissions).files)
    missing = [name for name in names if name not in references]
    if missing:
        raise SpeechRnnError(f"--transcripts: lack {len(missing)} utterances, first {missing[0]}")
    tuning, measuring = names[::2], names[1::2]
    decoders = {OURS: ours(options), **{peer: started(peer, options) for peer in PEERS}}

    console = stage()
    console.print(f"{options.emissions.name}, {options.model.name}: {surroundings()}")
    console.print(f"tuned on {len(tuning)} utterances, measured on {len(measuring)}")
    chosen = {}
    for name, decoder in decoders.items():
        chosen[name] = tuned(decoder, options.tuned_at, tuning, references)
        console.print(f"{name}: weight {chosen[name][0]}, bonus {chosen[name][1]}")
    curves = {}
    for beam in options.beams:
        rates, scores = measured(decoders, chosen, beam, measuring, references, options.rounds)
        curves[beam] = rates, scores
        console.print(table_of(beam, rates, scores))
    if options.picture:
        draw(options.picture, curves)


def read_transcripts(folders: Sequence[Path]) -> dict[str, str]:
    """Return the reference texts of all utterances below `folders`, by id."""
    lines = (
        line
        for folder in folders
        for path in sorted(folder.rglob("*.trans.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()
    )
    return {name: text for name, _, text in (line.partition(" ") for line in lines)}


def ours(options: Benchmark) -> Decoder:
    """Return our decoder; its code is compiled before it is returned."""
    model = NgramModel.open(options.model)
    vocabulary = Vocabulary("characters", (BLANK, *options.alphabet))
    arrays = {name: array.astype(np.float32) for name, array in np.load(options.emissions).items()}
    BeamSearch(vocabulary, language_model=model).decode(next(iter(arrays.values())), FRAME_SECONDS)

    def decode(beam: int, weight: float, bonus: float, names: Sequence[str]) -> Run:
        settings = BeamSettings(beam=beam, lm_weight=weight, word_bonus=bonus)
        search = BeamSearch(vocabulary, settings, model)
        start = time.process_time()
        texts = [search.decode(arrays[name], FRAME_SECONDS)[0].text for name in names]
        return Run(time.process_time() - start, texts)

    return decode


def started(peer: str, options: Benchmark) -> Decoder:
    """Return a peer that runs in a process of its own, installed if it is not there yet."""
    environment = options.environments / peer
    python = environment / "bin" / "python"
    if not (environment / "installed").exists():
        print(f"installing {peer} into {environment} ...", file=sys.stderr)
        venv.create(environment, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS[peer]], check=True)
        (environment / "installed").touch()
    worker = Path(__file__).with_name("decoding_peers.py")
    process = subprocess.Popen(
        [python, worker, peer, options.emissions, options.model, options.alphabet],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )

    def decode(beam: int, weight: float, bonus: float, names: Sequence[str]) -> Run:
        assert process.stdin is not None
        assert process.stdout is not None
        request = {"beam": beam, "weight": weight, "bonus": bonus, "utterances": list(names)}
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise SpeechRnnError(f"{peer}: stopped; run by hand to see why: {python} {worker} {peer} ...")
        return Run(**json.loads(answer))

    return decode


def tuned(
    decoder: Decoder, beam: int, names: Sequence[str], references: Mapping[str, str]
) -> tuple[float, float]:
    """Return the weight and the bonus of the grid with the lowest word error rate."""
    expected = [references[name] for name in names]
    rates = {
        (weight, bonus): score(expected, decoder(beam, weight, bonus, names).texts).wer
        for weight, bonus in product(WEIGHTS, BONUSES)
    }
    return min(rates, key=rates.__getitem__)


def measured(
    decoders: Mapping[str, Decoder],
    chosen: Mapping[str, tuple[float, float]],
    beam: int,
    names: Sequence[str],
    references: Mapping[str, str],
    rounds: int,
) -> tuple[Rates, dict[str, Score]]:
    """Return utterances a second, round by round, and the scores of all decoders."""
    rates: dict[str, list[float]] = {name: [] for name in decoders}
    scores = {}
    speakers = [name.split("-")[0] for name in names]
    for number in range(rounds):
        for name in list(decoders)[:: -1 if number % 2 else 1]:
            run = decoders[name](beam, *chosen[name], names)
            rates[name].append(len(names) / run.seconds)
            scores[name] = score([references[one] for one in names], run.texts, speakers)
    return Rates(rates), scores


def table_of(beam: int, rates: Rates, scores: Mapping[str, Score]) -> Table:
    """Return the time and the errors of all decoders at one beam."""
    table = Table(title=f"beam {beam}", title_justify="left", title_style="bold")
    for heading in ("", "ms an utterance", "times as long", "WER %", "95 %"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, result in scores.items():
        low, high = result.wer_interval
        table.add_row(
            name,
            f"{1000 / rates.middle(name):.2f}",
            f"{rates.times_slower(name, OURS):.2f}",
            f"{100 * result.wer:.1f}",
            f"{100 * low:.1f} - {100 * high:.1f}",
        )
    return table


def draw(path: Path, curves: Mapping[int, tuple[Rates, dict[str, Score]]]) -> None:
    """Draw word error rate against time, a curve a decoder, a point a beam."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name in next(iter(curves.values()))[1]:
        times = [1000 / rates.middle(name) for rates, _ in curves.values()]
        errors = [100 * scores[name].wer for _, scores in curves.values()]
        axes.plot(times, errors, ".-", label=name)
        for beam, x, y in zip(curves, times, errors, strict=True):
            axes.annotate(str(beam), (x, y), textcoords="offset points", xytext=(4, 4), fontsize=8)
    axes.set(xscale="log", xlabel="milliseconds an utterance, one thread", ylabel="word error rate (%)")
    axes.set_title("Beam search with the same n-gram; numbers are beam widths")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main(tyro.cli(Benchmark))
