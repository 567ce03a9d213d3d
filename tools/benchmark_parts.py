"""What single parts of an update cost, ours beside PyTorch's.

    python tools/benchmark_parts.py
    python tools/benchmark_parts.py --rounds 9 --width 512

One direction of an LSTM, forward and backward, in bf16 and fp32, for several numbers of rows: the figures
behind the choice in `training/model/recurrence.py`. The subsampling, with the channels of a place side by
side and apart. The CTC loss of scores and its gradient for several numbers of tokens: behind
`training/model/forward_backward.py` and `many_tokens.py`. Every thread has a piece of its own, as in
training. Then, on one thread, a gradient that fades, with and without what `training/core_threads.py` does
about it, and a step of Muon and one of AdamW over the matrices of four layers.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

# Before PyTorch, as in a run: it says how PyTorch's threads wait.
import speechrnn.training  # noqa: F401 # isort: skip
import numpy as np
import torch
import tyro
from side_by_side import Work, rate_table, side_by_side, stage, surroundings
from torch import Tensor, nn

from speechrnn import config
from speechrnn.training.core_threads import core_threads
from speechrnn.training.data.batch import Batch, Example, stack
from speechrnn.training.machine import machine
from speechrnn.training.model.ctc import summed_loss, summed_loss_of_scores
from speechrnn.training.model.encoder import Subsampling
from speechrnn.training.model.lstm import lstm
from speechrnn.training.optimisation.muon import Muon
from speechrnn.training.optimisation.precision import Precision, autocast, unavailable

SECONDS_A_ROW = 14
FRAMES_A_SECOND = 25
FEATURES_A_SECOND = 100
BINS = 80


@dataclass(frozen=True)
class Options:
    """Time parts of an update."""

    rows: tuple[int, ...] = (3, 6, 12, 24)
    """Rows of a piece of a batch, each of 14 seconds at 25 frames a second."""
    tokens: tuple[int, ...] = (29, 128, 1000, 4000)
    """Tokens of the loss."""
    inputs: int = 320
    """Numbers that the LSTM reads in a frame."""
    width: int = 320
    """Units of the LSTM."""
    rounds: int = 5
    """Rounds."""


def main(options: Options) -> None:
    """Print one table a part and size."""
    say = stage()
    threads = torch.get_num_threads()
    say.print(f"machine: {machine()}; {threads} threads; {surroundings()}")
    with core_threads(threads) as pool:

        def in_all_threads(work: Callable[[], None], amount: float) -> Work:
            def run() -> float:
                for done in [pool.submit(work) for _ in range(threads)]:
                    done.result()
                return threads * amount

            return run

        for rows in options.rows:
            seconds = float(rows * SECONDS_A_ROW)
            ways = {name: in_all_threads(way, seconds) for name, way in lstms(rows, options).items()}
            rates = side_by_side(ways, options.rounds)
            say.print(
                rate_table(f"one direction of an LSTM, {rows} rows", "audio-s/s", rates, "PyTorch, fp32")
            )
        for number_format in formats():
            seconds = float(max(options.rows) * SECONDS_A_ROW)
            ways = {
                name: in_all_threads(way, seconds)
                for name, way in subsamplings(max(options.rows), number_format).items()
            }
            rates = side_by_side(ways, options.rounds)
            say.print(
                rate_table(f"subsampling, {number_format}", "audio-s/s", rates, "channels apart, no masks")
            )
        for tokens in options.tokens:
            ways = {name: in_all_threads(way, 8.0 * SECONDS_A_ROW) for name, way in losses(tokens).items()}
            rates = side_by_side(ways, options.rounds)
            say.print(rate_table(f"CTC, {tokens} tokens, 8 rows", "audio-s/s", rates, "PyTorch"))
    torch.set_num_threads(1)
    with ThreadPoolExecutor(1) as plain, core_threads(1) as trained:
        fade = partial(fading, options)
        ways = {name: thread_of(pool, fade) for name, pool in (("PyTorch", plain), ("as trained", trained))}
        rates = side_by_side(ways, options.rounds)
        say.print(
            rate_table("an LSTM with a gradient from its last frame alone", "passes/s", rates, "PyTorch")
        )
    rates = side_by_side(optimisers(options.width), options.rounds)
    say.print(rate_table("a step of all matrices", "steps/s", rates, "AdamW"))


def lstms(rows: int, options: Options) -> dict[str, Callable[[], None]]:
    """Return the ways to take one direction over `rows` rows, forward and backward."""
    shapes = ((4 * options.width, options.inputs), (4 * options.width, options.width), (4 * options.width,))
    weights = [0.05 * torch.randn(shape) for shape in shapes]
    hidden = torch.randn(rows, SECONDS_A_ROW * FRAMES_A_SECOND, options.inputs)

    def run(layer: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], number_format: torch.dtype) -> None:
        operands = [operand.clone().requires_grad_() for operand in (hidden, *weights)]
        a, b, c, d = (operand.to(number_format) for operand in operands)
        written = layer(a, b, c, d)
        torch.autograd.grad(written, operands, torch.ones_like(written))

    ways: dict[str, Callable[[], None]] = {"PyTorch, fp32": partial(run, pytorchs, torch.float32)}
    if "bf16" in formats():
        ways["PyTorch, bf16"] = partial(run, pytorchs, torch.bfloat16)
        ways["ours, bf16"] = partial(run, lstm, torch.bfloat16)
    return ways


def formats() -> list[Precision]:
    """Return the number formats that this processor has."""
    formats: tuple[Precision, ...] = ("fp32", "bf16")
    return [one for one in formats if unavailable(one, torch.device("cpu")) is None]


def fading(options: Options) -> float:
    """Take an LSTM whose gates are nearly shut over a row, forward and backward; return 1."""
    frames = SECONDS_A_ROW * FRAMES_A_SECOND
    layer = nn.LSTM(options.inputs, options.width, batch_first=True)
    nn.init.constant_(layer.get_parameter("bias_ih_l0"), -2.0)
    written, _ = layer(torch.randn(1, frames, options.inputs))
    torch.autograd.grad(written[:, -1].sum(), list(layer.parameters()))
    return 1.0


def thread_of(pool: ThreadPoolExecutor, work: Work) -> Work:
    """Return `work` as a thread of `pool` does it."""
    return lambda: pool.submit(work).result()


def subsamplings(rows: int, number_format: Precision) -> dict[str, Callable[[], None]]:
    """Return the ways to take the subsampling over `rows` rows, forward and backward."""
    settings = config.Encoder(stride=4)
    features = torch.randn(rows, SECONDS_A_ROW * FEATURES_A_SECOND, BINS)
    lengths = torch.full((rows,), features.shape[1])

    subsampling = Subsampling(settings, BINS)

    def run(layers: Callable[[Tensor], Tensor]) -> None:
        with autocast(number_format, torch.device("cpu")):
            hidden = layers(features)
        torch.autograd.grad(hidden, [*subsampling.parameters()], torch.ones_like(hidden))

    def unmasked(features: Tensor) -> Tensor:
        hidden = features[:, None].contiguous()
        for convolution in subsampling.convolutions:
            hidden = convolution(hidden).relu_()
        return hidden.transpose(1, 2).flatten(2)

    return {
        "channels apart, no masks": partial(run, unmasked),
        "as trained": partial(run, lambda features: subsampling(features, lengths)[0]),
    }


def pytorchs(hidden: Tensor, of_inputs: Tensor, of_written: Tensor, bias: Tensor) -> Tensor:
    """Return what PyTorch's LSTM writes, from the operands of `lstm`."""
    start = hidden.new_zeros(1, len(hidden), of_written.shape[1])
    weights = (of_inputs, of_written, bias, torch.zeros_like(bias))
    written: Tensor = torch.lstm(hidden, (start, start), weights, True, 1, 0.0, True, False, True)[0]
    return written


def losses(tokens: int) -> dict[str, Callable[[], None]]:
    """Return the ways to find the loss of eight rows of scores, and its gradient."""
    frames, length = SECONDS_A_ROW * FRAMES_A_SECOND, 60
    scores = torch.randn(8, frames, tokens)
    texts = torch.randint(1, tokens, (8, length)).tolist()
    batch = stack([Example(np.zeros(1, np.float32), text, seed=0, id="") for text in texts])
    frames_of_each = torch.full((8,), frames)

    def run(loss: Callable[[Tensor, Tensor, Batch], Tensor]) -> None:
        given = scores.clone().requires_grad_()
        torch.autograd.grad(loss(given, frames_of_each, batch), given)

    def pytorchs_loss(given: Tensor, frames: Tensor, batch: Batch) -> Tensor:
        log_probs = given.log_softmax(dim=-1).transpose(0, 1)
        return nn.functional.ctc_loss(log_probs, batch.targets, frames, batch.target_lengths, reduction="sum")

    def networks(given: Tensor, frames: Tensor, batch: Batch) -> Tensor:
        return summed_loss(given.log_softmax(dim=-1), frames, batch)

    return {
        "PyTorch": partial(run, pytorchs_loss),
        "a network's": partial(run, networks),
        "a writer's": partial(run, summed_loss_of_scores),
    }


def optimisers(width: int) -> dict[str, Work]:
    """Return a step of Muon, and one of AdamW, over the matrices of four layers that read 2 x `width`."""
    shapes = [shape for _ in range(8) for shape in ((4 * width, 2 * width), (4 * width, width))]

    def stepping(make: Callable[[list[nn.Parameter]], torch.optim.Optimizer]) -> Work:
        matrices = [nn.Parameter(torch.randn(shape)) for shape in shapes]
        optimiser = make(matrices)
        for matrix in matrices:
            matrix.grad = torch.randn_like(matrix)

        def step() -> float:
            optimiser.step()
            return 1.0

        return step

    return {
        "AdamW": stepping(lambda matrices: torch.optim.AdamW(matrices, fused=True)),
        "Muon": stepping(lambda matrices: Muon(matrices, rate=1e-3, weight_decay=0.01)),
    }


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
