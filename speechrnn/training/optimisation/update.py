"""One update of the weights: gradient, sum over ranks, clipping, the optimiser's step, the running average.

The step is Muon's for matrices (`muon.py`) and AdamW's (Loshchilov and Hutter 2019) for kernels, biases and
gains. The loss of an update is the sum over its utterances divided by its valid output frames, whether they
came in one batch or in several, on one rank or on many. The loop (`loop.py`) decides which batches make an
update and what happens between updates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.training.data.batch import Batch
from speechrnn.training.optimisation.averaging import AveragedWeights
from speechrnn.training.optimisation.distributed import GradientSum, Ranks, summed
from speechrnn.training.optimisation.gradients import (
    Differentiation,
    Gradient,
    Norms,
    normalise_and_clip,
)
from speechrnn.training.optimisation.muon import InThreads, Muon
from speechrnn.training.optimisation.precision import Precision, gradient_scaler
from speechrnn.training.optimisation.schedule import rate_share
from speechrnn.training.optimisation.task import Task

BETAS = (0.9, 0.98)
MOST_SKIPPED = 20  # updates in a row without a finite gradient, after which nothing will come any more


@dataclass(frozen=True)
class Seen:
    """What an update saw, over all ranks."""

    loss: float
    """Loss per valid output frame, natural log."""
    watched: dict[str, float]
    """What the task watches, as shares of the valid frames."""
    norms: Norms
    """Of the gradient, before clipping."""
    rate: float
    """Learning rate."""
    audio_seconds: float
    applied: bool
    """False if the gradient was not finite and the weights stay as they were."""


class Updates:
    """The weights on their way: network, optimiser and average, from one update to the next."""

    def __init__(
        self,
        run: config.Run,
        precision: Precision,
        threads: int,
        network: nn.Module,
        task: Task,
        ranks: Ranks,
    ) -> None:
        self.run = run
        self.network = network
        self.task = task
        self.ranks = ranks
        self.differentiate = Differentiation(network, task, precision, threads)
        self.sum_over_ranks = GradientSum(self.differentiate.parameters, ranks)
        self.optimisers = optimisers(
            self.differentiate.parameters, run.optimisation, self.differentiate.in_threads
        )
        self.scaler = gradient_scaler(precision, ranks.device)
        self.average = AveragedWeights(network, run.optimisation.ema)
        self.done = 0
        self.audio_seconds = 0.0  # of all updates, over all ranks and without padding
        self.skipped = 0  # in a row

    def __call__(self, batches: Sequence[Batch]) -> Seen:
        """Make one update of `batches`, which are this rank's part of it.

        Raises SpeechRnnError when too many updates in a row had no finite gradient.
        """
        self.network.train()
        rate = self._set_rate()
        gradient = self._gradient(batches)
        seconds = sum(float(batch.lengths.sum()) for batch in batches) / self.task.rate
        loss, frames, *watched, seconds = summed([*gradient.sums.tolist(), seconds], self.ranks)
        self.sum_over_ranks(gradient.tensors)
        for optimiser in self.optimisers:
            self.scaler.unscale_(optimiser)
        norms = normalise_and_clip(self.network, frames, self.run.optimisation.clip)
        applied = norms.finite
        if applied:
            for optimiser in self.optimisers:
                self.scaler.step(optimiser)
            self.average.follow()
        self.scaler.update()
        self.done += 1
        self.audio_seconds += seconds
        self._count_skipped(applied)
        shares = {name: count / frames for name, count in zip(self.task.watched, watched, strict=True)}
        return Seen(loss / frames, shares, norms, rate, seconds, applied)

    def close(self) -> None:
        """End the threads, and let go of the other ranks."""
        self.differentiate.close()
        self.sum_over_ranks.close()

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next update depends on."""
        return {
            "done": self.done,
            "audio_seconds": self.audio_seconds,
            "skipped": self.skipped,
            "weights": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "scaler": self.scaler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up where the run that saved `state` was."""
        self.done = state["done"]
        self.audio_seconds = state["audio_seconds"]
        self.skipped = state["skipped"]
        self.network.load_state_dict(state["weights"])
        self.average.load_state_dict(state["average"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.scaler.load_state_dict(state["scaler"])

    def _set_rate(self) -> float:
        settings = self.run.optimisation
        rate = settings.peak_rate * rate_share(self.done, self.run.updates, settings.warmup_share)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
        return rate

    def _gradient(self, batches: Sequence[Batch]) -> Gradient:
        """Return this rank's gradient, summed over `batches`."""
        mask = self.done >= self.run.augmentation.mask_after_updates
        scale = self.scaler.scale(torch.ones((), device=self.ranks.device))
        total = self._gradient_of(batches[0], mask, scale)
        for batch in batches[1:]:
            total = total.add(self._gradient_of(batch, mask, scale))
        return total

    def _gradient_of(self, batch: Batch, mask: bool, scale: Tensor) -> Gradient:
        return self.differentiate(batch.to(self.ranks.device), mask, scale)

    def _count_skipped(self, applied: bool) -> None:
        self.skipped = 0 if applied else self.skipped + 1
        if self.skipped == MOST_SKIPPED:
            raise SpeechRnnError(
                f"update {self.done}: the gradient has not been finite for {MOST_SKIPPED} updates in a row; "
                "lower --optimisation.peak-rate, use --precision fp32, or look for recordings of pure noise"
            )


def optimisers(
    parameters: Sequence[nn.Parameter], settings: config.Optimisation, in_threads: InThreads = map
) -> tuple[torch.optim.Optimizer, ...]:
    """Return Muon for matrices, and AdamW for kernels, which decay, and biases and gains, which do not."""
    matrices = [p for p in parameters if p.dim() == 2]
    kernels = {"params": [p for p in parameters if p.dim() > 2], "weight_decay": settings.weight_decay}
    others = {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0}
    return (
        Muon(matrices, settings.peak_rate, settings.weight_decay, in_threads),
        torch.optim.AdamW([kernels, others], lr=settings.peak_rate, betas=BETAS, fused=True),
    )
