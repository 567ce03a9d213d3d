"""Gradients of the summed loss: batches cut into pieces, each differentiated alone, and the sum of them.

Rows of a batch do not depend on each other, so the gradient of a batch is the sum over pieces of its rows.
One mechanism serves four ends: on a CPU as many pieces as cores, each in a thread of its own
(`core_threads.py`); on a GPU a batch that does not fit the memory is cut in two; several batches make one
update; several processes share one batch (`distributed.py`). All randomness comes from seeds in the batch and
pieces are added in order, so the result does not depend on which thread is faster.

Sits between the network with its loss and the optimiser's step in `loop.py`.
"""

import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn

from speechrnn.errors import SpeechRnnError
from speechrnn.training.core_threads import core_threads
from speechrnn.training.data.batch import Batch
from speechrnn.training.optimisation.precision import Precision, autocast
from speechrnn.training.optimisation.task import Task

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Gradient:
    """The derivative of the summed loss by each parameter, and sums over the same utterances."""

    tensors: list[Tensor]
    sums: Tensor
    """float64: loss, valid output frames, and what the task watches, in its order."""

    def add(self, other: "Gradient") -> "Gradient":
        """Add `other` in place and return the sum."""
        torch._foreach_add_(self.tensors, other.tensors)
        self.sums.add_(other.sums)
        return self


class Differentiation:
    """Finds the gradient of a network's summed loss over a batch."""

    def __init__(self, network: nn.Module, task: Task, precision: Precision, threads: int) -> None:
        self.network = network
        self.task = task
        self.precision = precision
        self.threads = threads
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.fitting_samples = math.inf  # of a piece; falls when the GPU's memory has run out
        on_cpu = next(network.parameters()).device.type == "cpu"
        self.pool: ThreadPoolExecutor | None = core_threads(threads) if on_cpu else None

    def __call__(self, batch: Batch, mask: bool, scale: Tensor | float = 1.0) -> Gradient:
        """Return the gradient over `batch` with dropout, and with SpecAugment if `mask`.

        The derivative (not the loss) is multiplied by `scale`, which keeps fp16 from underflowing.
        """
        pieces = batch.pieces(max(self.threads, math.ceil(batch.audio.numel() / self.fitting_samples)))
        differentiate = partial(self._split_to_fit, mask=mask, scale=scale)
        gradients = iter(self.in_threads(differentiate, pieces))
        total = next(gradients)
        for gradient in gradients:
            total = total.add(gradient)
        return total

    def in_threads(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterable[Result]:
        """Return `work` of each of `items`, in their order, each done in one of the threads."""
        return map(work, items) if self.pool is None else self.pool.map(work, items)

    def fits(self, batch: Batch) -> bool:
        """Return whether the gradient over `batch`, uncut and masked, fits the GPU's memory."""
        try:
            self._differentiate(batch, mask=True, scale=1.0)
        except torch.OutOfMemoryError:
            fitted = False
        else:
            fitted = True
        torch.cuda.empty_cache()  # here, where no tensor of the attempt is referred to any more
        return fitted

    def close(self) -> None:
        """End the threads."""
        if self.pool is not None:
            self.pool.shutdown()

    def _split_to_fit(self, piece: Batch, mask: bool, scale: Tensor | float) -> Gradient:
        """Return the gradient over `piece`, in halves if the whole does not fit the GPU's memory."""
        try:
            return self._differentiate(piece, mask, scale)
        except torch.OutOfMemoryError:
            if len(piece) == 1:
                raise SpeechRnnError(
                    f"utterance {piece.ids[0]}: does not fit the GPU's memory alone; "
                    "lower --batching.max-utterance-seconds or --model.encoder.width"
                ) from None
            self.fitting_samples = min(self.fitting_samples, piece.audio.numel() / 2)
        torch.cuda.empty_cache()  # here, where the failed attempt's tensors are no longer referred to
        first, second = (self._split_to_fit(half, mask, scale) for half in piece.pieces(2))
        return first.add(second)

    def _differentiate(self, piece: Batch, mask: bool, scale: Tensor | float) -> Gradient:
        with autocast(self.precision, piece.audio.device):
            log_probs, frames = self.network(piece.audio, piece.lengths, piece.seeds, mask)
        loss = self.task.loss(log_probs, frames, piece)
        tensors = torch.autograd.grad(loss * scale, self.parameters)
        watched = [count(log_probs.detach(), frames) for count in self.task.watched.values()]
        sums = torch.stack([value.detach().double() for value in (loss, frames.sum(), *watched)])
        # AdamW's fused step goes through memory in order; the gradients of kernels come in another one.
        return Gradient([tensor.contiguous() for tensor in tensors], sums)


@dataclass(frozen=True)
class Norms:
    """Euclidean norms of a gradient: of the whole, and of each layer by its name."""

    total: float
    layers: dict[str, float]

    @property
    def finite(self) -> bool:
        """Whether every number of the gradient is finite."""
        return math.isfinite(self.total)


def normalise_and_clip(network: nn.Module, divisor: float, largest: float) -> Norms:
    """Divide all gradients by `divisor`, then shorten them to the norm `largest`; return norms before that.

    Pascanu et al. 2013. Gradients that are not finite stay so, and show in the total.
    """
    named = [(name, p.grad) for name, p in network.named_parameters() if p.grad is not None]
    gradients = [gradient for _, gradient in named]
    squares = (torch.stack(torch._foreach_norm(gradients)).double() / divisor).square().tolist()
    layers: dict[str, float] = {}
    for (name, _), square in zip(named, squares, strict=True):
        layer = layer_of(name)
        layers[layer] = layers.get(layer, 0.0) + square
    total = math.sqrt(sum(squares))
    torch._foreach_mul_(gradients, min(1.0, largest / (total + 1e-6)) / divisor)
    return Norms(total, {layer: math.sqrt(square) for layer, square in layers.items()})


def layer_of(parameter: str) -> str:
    """Return the layer's name in a parameter's: up to the first number, or without the last part."""
    parts = parameter.split(".")
    for position, part in enumerate(parts):
        if part.isdigit():
            return ".".join(parts[: position + 1])
    return ".".join(parts[:-1])
