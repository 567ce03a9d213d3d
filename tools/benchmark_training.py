"""How fast training is, against what it cannot be faster than, and where its time goes.

    python tools/benchmark_training.py                  recordings in SPEECHRNN_DATA, else synthetic speech
    python tools/benchmark_training.py --data-dir $SPEECHRNN_DATA --rounds 9
    python tools/benchmark_training.py --layers 5 --width 512 --precision bf16 --batch-seconds 240   on a GPU

Prints, for each number format that the machine has:

- its matrix speed, and how much of that the recurrent stack attains;
- the ways to treat the lengths of a batch, on the recurrent layers alone;
- the real loop (`training/loop.py`, from `training/run.py`'s preparation, with its workers and its history)
  against updates on batches that are there already, the bare layers on features that are there already, and,
  for cuDNN, the bare recurrent layers on padded states;
- where the time of an update goes.

All are on real batches, side by side, round after round (`side_by_side.py`): the real loop on what its
workers bring, all that it is held against on what it had in the round before. Goals: the real loop within
15 % of the bare layers and within 10 % of the faster way to treat lengths (CPU), within 1.15 times the bare
cuDNN layers (GPU).
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

# Before PyTorch, as in a run: it says how PyTorch's threads wait.
import speechrnn.training  # noqa: F401 # isort: skip
import torch
import tyro
from bare_loop import BareLayers, BareStack, Lengths, forward_backward, ready_features, ready_states
from rich.console import Console
from rich.table import Table
from side_by_side import Work, rate_table, side_by_side, stage, surroundings
from speech import find_speech
from training_costs import LAYERS, cost_of_data, cost_of_updates

from speechrnn import config
from speechrnn.manifest import Utterance, write_manifest
from speechrnn.training.checkpoint import RunFolder
from speechrnn.training.data.audio_source import CachedAudio
from speechrnn.training.data.batch import Batch
from speechrnn.training.history import History
from speechrnn.training.loop import Training
from speechrnn.training.machine import machine
from speechrnn.training.model.network import Network
from speechrnn.training.optimisation.distributed import Ranks, join
from speechrnn.training.optimisation.precision import TYPES, Precision, candidates, unavailable
from speechrnn.training.run import Request, prepare

PART = "train-clean-5"
MATRIX = {"cpu": 1024, "cuda": 8192}  # rows and columns of the matrices that are multiplied


@dataclass(frozen=True)
class Options:
    """Time training against its bare layers."""

    data_dir: Path | None = None
    """A tree in LibriSpeech's layout; SPEECHRNN_DATA by default, else synthetic speech."""
    utterances: int = 500
    """Utterances of the training part to take, spread over it."""
    layers: int = 3
    """Recurrent layers."""
    width: int = 320
    """Units of each layer and direction."""
    middle: float = 0.0
    """Share of the loss for which the middle of the stack answers."""
    stride: Literal[1, 2, 3, 4, 6, 8] = 4
    """Subsampling in time; 4 makes 25 frames a second."""
    cell: Literal["lstm", "gru", "rnn"] = "lstm"
    """Recurrent cell."""
    batch_seconds: float = 100.0
    """Seconds of audio in a batch."""
    batches: int = 8
    """Batches that each way is given in a round."""
    rounds: int = 5
    """Rounds."""
    workers: int = 1
    """Processes that prepare the batches of the real loop."""
    threads: int = 0
    """Processor cores; 0 takes all."""
    precision: Literal["all", "fp32", "bf16", "fp16"] = "all"
    """Number format; all that the device has by default."""


@dataclass
class Passing:
    """Batches on their way, and those that have passed."""

    batches: Iterator[Batch]
    passed: list[Batch] = field(default_factory=list)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.batches:
            self.passed.append(batch)
            yield batch


def main() -> None:
    """Run the benchmark that the command line asks for."""
    options = tyro.cli(Options, description=__doc__)
    say = stage()
    ranks = join("auto")
    threads = options.threads or (1 if ranks.device.type == "cuda" else torch.get_num_threads())
    say.print(f"machine: {machine()}; {threads} threads; {surroundings()}")
    speech = find_speech(options.data_dir, PART, options.utterances)
    say.print(f"recordings: {speech}")
    wanted = candidates(ranks.device) if options.precision == "all" else [options.precision]
    for precision in wanted:
        reason = unavailable(precision, ranks.device)
        if reason is None:
            say.rule(precision)
            benchmark(run_settings(options, precision, threads), options, speech.utterances, ranks, say)
        else:
            say.print(f"{precision}: not available here ({reason})")


def benchmark(
    run: config.Run, options: Options, utterances: Sequence[Utterance], ranks: Ranks, say: Console
) -> None:
    """Measure everything in the number format of `run`, and print it."""
    assert run.precision != "auto"
    with tempfile.TemporaryDirectory() as scratch:
        folder = RunFolder(Path(scratch) / "run")
        folder.create()
        manifest = Path(scratch) / "train.jsonl"
        write_manifest(manifest, utterances)
        training, data = prepare(Request(run, (manifest,), folder.path, (manifest,)), folder, ranks, silent)
        batches = [batch.to(ranks.device) for batch in itertools.islice(data.epoch(0), options.batches)]
        try:
            speed = matrix_speed(run.precision, run.threads, ranks.device)
            say.print(f"matrix speed: {speed / 1e9:,.0f} GFLOP/s in {run.precision}, {run.threads} threads")
            compare_lengths(run, training, batches, options.rounds, speed, say)
            compare_loops(training, batches, options, say)
            tell_costs(training, batches, utterances, say)
        finally:
            training.updates.close()
            data.close()


def compare_lengths(
    run: config.Run,
    training: Training,
    batches: Sequence[Batch],
    rounds: int,
    speed: float,
    say: Console,
) -> None:
    """Print how fast the recurrent layers are for each way to treat lengths."""
    network = network_of(training)
    states = ready_states(network, batches)
    seconds = seconds_of(batches, run.model.front_end.sample_rate)
    ways: dict[str, Work] = {}
    for way in get_args(Lengths):
        stack = BareStack(run.model.encoder, way).to(training.ranks.device)
        ways[way] = working(
            forward_backward(stack, states, training.updates.differentiate.precision, run.threads),
            lambda: seconds,
        )
    rates = side_by_side(ways, rounds)
    exact = ("reversed within lengths", "packed")
    fastest = max(exact, key=rates.middle)
    say.print(rate_table("recurrent layers, forward and backward", "audio-s/s", rates, fastest))
    attained = rates.middle("as trained") * operations(run.model.encoder, training, states) / seconds / speed
    say.print(
        f"as trained against the fastest exact way ({fastest}): "
        f"{rates.times_slower('as trained', fastest):.2f} times as long (goal: 1.10); "
        f"{100 * attained:.0f} % of the matrix speed"
    )


def compare_loops(training: Training, batches: Sequence[Batch], options: Options, say: Console) -> None:
    """Print how fast the real loop is, beside updates without the data path and the bare layers."""
    updates, network = training.updates, network_of(training)
    precision, threads = updates.differentiate.precision, updates.differentiate.threads
    sample_rate = training.run.model.front_end.sample_rate
    ready, features, states = list(batches), ready_features(network, batches), ready_states(network, batches)
    passing = Passing(training.batches())
    stream = iter(passing)

    def take_what_passed() -> None:
        ready[:] = [batch.to(training.ranks.device) for batch in passing.passed]
        features[:], states[:] = ready_features(network, ready), ready_states(network, ready)
        passing.passed.clear()

    with History(training.folder.path, 0, training.run.updates) as history:

        def real_loop() -> float:
            for _ in ready:
                training.step(stream, history)
            return seconds_of(passing.passed, sample_rate)

        def ready_updates() -> None:
            for batch in ready:
                updates([batch])

        def over_ready(run: Callable[[], None]) -> Work:
            return working(run, lambda: seconds_of(ready, sample_rate))

        layers = BareLayers(network)
        stack = BareStack(training.run.model.encoder, "padded (wrong)").to(training.ranks.device)
        bare, recurrent = "bare layers", "bare recurrent layers, padded (wrong)"
        ways: dict[str, Work] = {
            "real loop": real_loop,
            "updates on ready batches": over_ready(ready_updates),
            bare: over_ready(forward_backward(layers, features, precision, threads)),
            recurrent: over_ready(forward_backward(stack, states, precision, threads)),
        }
        rates = side_by_side(ways, options.rounds, take_what_passed)
    on_gpu = training.ranks.device.type == "cuda"
    say.print(rate_table("training", "audio-s/s", rates, recurrent if on_gpu else bare))
    say.print(
        f"real loop: {rates.middle('real loop'):.0f} h of audio an hour, "
        f"{100 * training.pace.waiting_share:.1f} % of the time waiting for data; "
        f"{rates.times_slower('real loop', bare):.2f} times as long as the bare layers (CPU goal: 1.15), "
        f"{rates.times_slower('real loop', recurrent):.2f} times as the recurrent ones (GPU goal: 1.15)"
    )


def tell_costs(
    training: Training, batches: Sequence[Batch], utterances: Sequence[Utterance], say: Console
) -> None:
    """Print what each station costs for a second of audio."""
    sample_rate = training.run.model.front_end.sample_rate
    some = utterances[:: max(1, len(utterances) // 40)]
    of_data, data_seconds = cost_of_data(some, CachedAudio(some, sample_rate), training.run.augmentation)
    seconds = seconds_of(batches, sample_rate)
    costs = {station: 1e3 * cost / data_seconds for station, cost in of_data.items()}
    costs |= {station: 1e3 * c / seconds for station, c in cost_of_updates(training.updates, batches).items()}
    total = sum(costs.values())
    on_gpu = training.ranks.device.type == "cuda"
    table = Table(title="where the time goes", title_justify="left", title_style="bold")
    table.add_column("")
    table.add_column("ms of the GPU" if on_gpu else "ms of a core", justify="right")
    table.add_column("share", justify="right")
    for station, cost in costs.items():
        table.add_row(station, f"{cost:.3f}", f"{100 * cost / total:.1f} %")
    table.add_row("together, for a second of audio", f"{total:.3f}", "")
    say.print(table)
    layers = sum(costs[station] for station in LAYERS)
    say.print(f"all but the layers: {100 * (total / layers - 1):.1f} % of what the layers cost")


def run_settings(options: Options, precision: Precision, threads: int) -> config.Run:
    """Return the settings of the run: the default ones but for what `options` name; masks from the start."""
    encoder = config.Encoder(
        cell=options.cell, layers=options.layers, width=options.width, stride=options.stride
    )
    return config.Run(
        model=config.Model(encoder=encoder),
        loss=config.Loss(middle=options.middle),
        batching=config.Batching(seconds=options.batch_seconds, workers=options.workers),
        augmentation=config.Augmentation(mask_after_updates=0),
        updates=100_000,
        precision=precision,
        threads=threads,
    )


def matrix_speed(precision: Precision, threads: int, device: torch.device) -> float:
    """Return the operations a second of products of large matrices, additions and products counted."""
    torch.set_num_threads(threads)
    size = MATRIX[device.type]
    left, right = (torch.randn(size, size, device=device).to(TYPES[precision]) for _ in range(2))

    def multiply() -> float:
        for _ in range(10):
            left @ right
        if device.type == "cuda":
            torch.cuda.synchronize()
        return 10 * 2 * size**3

    return side_by_side({"product": multiply}, rounds=5).middle("product")


def operations(encoder: config.Encoder, training: Training, states: Sequence[Batch]) -> float:
    """Return the operations of the recurrent layers' products on the valid frames of `states`.

    Forward, and backward twice that: for the inputs and for the weights.
    """
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[encoder.cell]
    directions = 2 if encoder.bidirectional else 1
    products = directions * gates * encoder.width * (directions * encoder.width + encoder.width)
    frames = sum(int(batch.lengths.sum()) for batch in states)
    return 3 * 2 * encoder.layers * products * frames


def working(run: Callable[[], None], amount: Callable[[], float]) -> Work:
    """Return work that tells its `amount` when it is done."""

    def work() -> float:
        run()
        return amount()

    return work


def seconds_of(batches: Sequence[Batch], sample_rate: int) -> float:
    """Return the seconds of audio in `batches`, padding left out."""
    return sum(float(batch.lengths.sum()) for batch in batches) / sample_rate


def network_of(training: Training) -> Network:
    """Return the network that is trained."""
    assert isinstance(training.updates.network, Network)
    return training.updates.network


def silent(text: str) -> None:
    """Take the place of printing."""


if __name__ == "__main__":
    main()
