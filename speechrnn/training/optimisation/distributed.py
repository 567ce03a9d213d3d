"""Several processes that train one network: who they are, and how their gradients become one.

Processes are started by `torchrun`, on one machine or on many, and joined by PyTorch's
DistributedDataParallel (Li et al. 2020). A process alone is a group of one and takes the same way.

DDP sums gradients while `backward` runs through the module it wraps. Ours are already there by then: they are
found piece by piece, in threads or by cutting a batch that is too large for the memory (see `gradients.py`),
and a piece that fails half-way must not have been sent. So DDP wraps `GradientCarrier`, whose derivative is
the finished gradient, and still owns buckets, transport, and giving all ranks the weights of rank 0. What is
lost is sending the last layers' gradient while the first layers' is computed.
"""

import gc
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from speechrnn.errors import SpeechRnnError

Value = TypeVar("Value")
PATIENCE = timedelta(hours=1)  # a rank may wait this long for another that evaluates or decodes its cache


@dataclass(frozen=True)
class Ranks:
    """This process's number among those that train together, how many they are, and its device."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.rank == 0


def join(device: str) -> Ranks:
    """Return this process's place, after meeting the others where `torchrun` started it.

    `device` is "auto", "cpu" or "cuda"; raises SpeechRnnError for a GPU that is not there.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise SpeechRnnError(
            "--device cuda: PyTorch finds no GPU here; use --device cpu, or a CUDA build of it"
        )
    kind = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    world = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = (
        torch.device(kind, int(os.environ.get("LOCAL_RANK", "0"))) if kind == "cuda" else torch.device(kind)
    )
    if kind == "cuda":
        torch.cuda.set_device(chosen)
    if world == 1:
        return Ranks(0, 1, chosen)
    dist.init_process_group("nccl" if kind == "cuda" else "gloo", timeout=PATIENCE)
    return Ranks(dist.get_rank(), dist.get_world_size(), chosen)


def leave(ranks: Ranks) -> None:
    """Part from the other processes."""
    if ranks.world > 1:
        dist.destroy_process_group()


def threads_for(ranks: Ranks) -> int:
    """Return how many cores this process should use: PyTorch's own choice, which OMP_NUM_THREADS sets.

    `torchrun` sets it to 1 where it starts several processes. With a GPU there is nothing to share out.
    """
    return 1 if ranks.device.type == "cuda" else torch.get_num_threads()


def summed(values: Sequence[float], ranks: Ranks) -> list[float]:
    """Return the sum of each of `values` over all ranks, in double precision."""
    if ranks.world == 1:
        return list(values)
    total = torch.tensor(values, dtype=torch.float64, device=ranks.device)
    dist.all_reduce(total)
    return [float(value) for value in total.tolist()]


def of_first(value: Value, ranks: Ranks) -> Value:
    """Return the `value` that rank 0 has."""
    if ranks.world == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0, device=ranks.device)
    return box[0]


def gathered(values: list[Value], ranks: Ranks) -> list[Value]:
    """Return the lists of all ranks, one after the other."""
    if ranks.world == 1:
        return values
    lists: list[Any] = [None] * ranks.world
    dist.all_gather_object(lists, values)
    return [value for part in lists for value in part]


class GradientCarrier(nn.Module):
    """Parameters whose gradient is given: the derivative of sum(parameter x gradient) is that gradient."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        super().__init__()
        self.carried = nn.ParameterList(parameters)

    def forward(self, gradients: Sequence[Tensor]) -> Tensor:
        """Return a scalar whose derivative by the parameters is `gradients`."""
        products = [(p * g).sum() for p, g in zip(self.carried, gradients, strict=True)]
        return torch.stack(products).sum()


class GradientSum:
    """Puts the sum over all ranks of each parameter's gradient into its `.grad`."""

    def __init__(self, parameters: Sequence[nn.Parameter], ranks: Ranks) -> None:
        self.parameters = parameters
        self.ranks = ranks
        self.carrier: DistributedDataParallel | None = None
        if ranks.world > 1:
            self.carrier = DistributedDataParallel(GradientCarrier(parameters), gradient_as_bucket_view=True)

    def close(self) -> None:
        """Let go of the other ranks: what still holds on to them when the process ends can abort it."""
        self.carrier = None
        gc.collect()  # PyTorch's wrapper is part of a cycle

    def __call__(self, gradients: Sequence[Tensor]) -> None:
        """Take this rank's `gradients`, in the parameters' order; set `.grad` to the sum of all ranks'."""
        if self.carrier is None:
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                parameter.grad = gradient
            return
        for parameter in self.parameters:
            parameter.grad = None
        self.carrier(gradients).backward()
        reduced = [p.grad for p in self.parameters if p.grad is not None]
        torch._foreach_mul_(reduced, float(self.ranks.world))  # DDP gives the mean over ranks
