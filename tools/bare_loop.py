"""What training cannot be faster than: its layers, forward and backward, on tensors that are there already.

`benchmark_training.py` holds the real loop against these. They are networks to `Differentiation`
(`training/optimisation/gradients.py`), so that batches are cut into the same pieces and run in the same
threads; their loss is the sum of what comes out. In place of samples their batches hold features or hidden
states.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from speechrnn import config
from speechrnn.training.data.batch import Batch
from speechrnn.training.model.network import Network
from speechrnn.training.model.recurrence import RecurrentLayer
from speechrnn.training.optimisation.gradients import Differentiation
from speechrnn.training.optimisation.precision import Precision
from speechrnn.training.optimisation.task import Task

Lengths = Literal["as trained", "reversed within lengths", "packed", "padded (wrong)"]
"""Ways to treat the lengths of a batch. Reading the padding is wrong, and what the others cannot undercut."""


class BareLayers(nn.Module):
    """Subsampling, recurrent stack and head of a network: no front end, no masks, no dropout."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        assert network.head is not None
        self.encoder = network.encoder
        self.head = network.head

    def forward(self, features: Tensor, lengths: Tensor, seeds: Tensor, mask: bool) -> tuple[Tensor, Tensor]:
        """Return logits [batch, frames, tokens] and the valid frames; seeds and mask are not used."""
        hidden, frames = self.encoder(features, lengths)
        return self.head(hidden), frames


class BareStack(nn.Module):
    """Recurrent layers alone, one after the other, with `lengths` treated in one way."""

    def __init__(self, settings: config.Encoder, way: Lengths) -> None:
        super().__init__()
        width = settings.width * (2 if settings.bidirectional else 1)
        assert settings.cell != "none"
        self.layers = nn.ModuleList(
            RecurrentLayer(settings.cell, width, settings.width, settings.bidirectional)
            for _ in range(settings.layers)
        )
        self.way = way

    def forward(self, hidden: Tensor, lengths: Tensor, seeds: Tensor, mask: bool) -> tuple[Tensor, Tensor]:
        """Return the last layer's outputs [batch, frames, width] and `lengths`."""
        for layer in self.layers:
            hidden = self.read(layer, hidden, lengths)
        return hidden, lengths

    def read(self, layer: nn.Module, hidden: Tensor, lengths: Tensor) -> Tensor:
        """Run `layer` in this stack's way."""
        assert isinstance(layer, RecurrentLayer)
        if self.way == "packed":
            return layer.packed(hidden, lengths)
        if self.way == "reversed within lengths":
            return layer.reversed_within_lengths(hidden, lengths)
        if self.way == "padded (wrong)":
            output: Tensor = layer.recurrence(hidden)[0]
            return output
        trained: Tensor = layer(hidden, lengths)
        return trained


def forward_backward(
    network: nn.Module, batches: Sequence[Batch], precision: Precision, threads: int
) -> Callable[[], None]:
    """Return what takes `network` over `batches`, forward and backward."""
    differentiate = Differentiation(network, Task(_sum, {}, _no_metric, 1.0, ""), precision, threads)

    def run() -> None:
        for batch in batches:
            differentiate(batch, mask=False)
        if batches[0].audio.is_cuda:
            torch.cuda.synchronize()

    return run


@torch.no_grad()
def ready_features(network: Network, batches: Sequence[Batch]) -> list[Batch]:
    """Return `batches` with features [batch, frames, bins] in place of samples."""
    ready = []
    for batch in batches:
        features, frames = network.front_end(batch.audio, batch.lengths)
        ready.append(dataclasses.replace(batch, audio=features, lengths=frames))
    return ready


@torch.no_grad()
def ready_states(network: Network, batches: Sequence[Batch]) -> list[Batch]:
    """Return `batches` with what the first recurrent layer reads, [batch, frames, width]."""
    ready = []
    for batch in ready_features(network, batches):
        hidden, frames = network.encoder.subsampling(batch.audio, batch.lengths)
        ready.append(dataclasses.replace(batch, audio=network.encoder.projection(hidden), lengths=frames))
    return ready


def _sum(outputs: Tensor, frames: Tensor, batch: Batch) -> Tensor:
    return outputs.float().sum()


def _no_metric(network: nn.Module) -> dict[str, float]:
    raise AssertionError("a bare loop is not measured for what it has learnt")
