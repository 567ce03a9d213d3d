"""How many seconds of audio to put into a batch where the user leaves it to the machine: as many as fit.

A gradient is tried on made-up batches of more and more rows, each as long as the longest utterance gets,
until the GPU's memory runs out, and the edge is found by halving. What is found is stored with the run, like
its precision and its number of updates (`measurement.py`), and never looked for again.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.training.data.batch import Batch
from speechrnn.training.model.network import Network
from speechrnn.training.optimisation.distributed import Ranks, of_first
from speechrnn.training.optimisation.gradients import Differentiation
from speechrnn.training.optimisation.task import Task

MARGIN = 0.9  # of what fits: the optimiser has its share of the memory as well, and texts differ
UPDATES_A_PASS = 100  # at least: larger batches than that learn more slowly, however much memory there is


@dataclass(frozen=True)
class Extent:
    """How large a training set is."""

    audio: float
    """Seconds of all utterances together."""
    longest: int
    """Samples of the longest utterance, at the slowest speed."""
    tokens: int
    """Tokens of the longest text."""
    sounds: int = 0
    """Sounds of the longest text."""


def seconds_that_fit(
    run: config.Run, extent: Extent, network: Network, task: Task, threads: int, ranks: Ranks
) -> float:
    """Return how many seconds of audio, padding included, a batch over all processes may have.

    The first process tries, for a copy of `network`; in fp32 where the number format is still open, because
    that takes the most memory. Raises SpeechRnnError without a GPU, and if not even one utterance fits.
    """
    if ranks.device.type != "cuda":
        raise SpeechRnnError(
            "--batching.seconds 0: looks for what fits a GPU's memory, and there is no GPU; "
            "give seconds, such as 100"
        )
    longest = extent.longest / run.model.front_end.sample_rate
    rows = 0
    if ranks.first:
        precision = "fp32" if run.precision == "auto" else run.precision
        copied = copy.deepcopy(network).to(ranks.device).train()
        differentiate = Differentiation(copied, task, precision, threads)
        most = max(1, int(extent.audio / UPDATES_A_PASS / longest / ranks.world))
        rows = largest(lambda rows: differentiate.fits(made_up(rows, extent).to(ranks.device)), most)
        differentiate.close()
    rows = of_first(rows, ranks)
    if rows == 0:
        raise SpeechRnnError(
            f"an utterance of {longest:.0f} s does not fit the GPU's memory alone; "
            "lower --batching.max-utterance-seconds or --model.encoder.width"
        )
    return max(1.0, MARGIN * rows) * longest * ranks.world


def largest(fits: Callable[[int], bool], most: int) -> int:
    """Return the largest number up to `most` for which `fits` holds, 0 if for none.

    Where it holds for a number it has to hold for all smaller ones. Large numbers are asked about only after
    half of them has fitted.
    """
    fitting, tried = 0, 1
    while tried <= most and fits(tried):
        fitting, tried = tried, 2 * tried
    failing = min(tried, most + 1)
    while failing - fitting > 1:
        middle = (fitting + failing) // 2
        if fits(middle):
            fitting = middle
        else:
            failing = middle
    return fitting


def made_up(rows: int, extent: Extent) -> Batch:
    """Return a batch of `rows` utterances of quiet noise, all as long as the longest."""
    noise = torch.randn(extent.longest, generator=torch.Generator().manual_seed(0)) / 100
    return Batch(
        audio=noise.repeat(rows, 1),
        lengths=torch.full((rows,), extent.longest),
        targets=torch.ones(rows, extent.tokens, dtype=torch.int64),
        target_lengths=torch.full((rows,), extent.tokens),
        sounds=torch.ones(rows, extent.sounds, dtype=torch.int64),
        sound_lengths=torch.full((rows,), extent.sounds),
        seeds=torch.arange(rows),
        ids=tuple(f"made-up-{row}" for row in range(rows)),
    )
