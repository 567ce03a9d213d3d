"""The running average of the weights, which is what training leaves behind.

An exponential moving average (Polyak and Juditsky 1992; with the decay rising at the start as in Abadi et al.
2016, `tf.train.ExponentialMovingAverage`) follows the weights after each update. Validation measures it, the
best and the final model are made of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class AveragedWeights:
    """The average of a network's parameters over its updates, one tensor for each parameter's name."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = network
        self.decay = decay
        self.updates = 0
        self.weights = {name: p.detach().clone() for name, p in network.named_parameters()}

    @torch.no_grad()
    def follow(self) -> None:
        """Take in the network's weights as they are after an update.

        The decay is min(decay, (1 + n) / (10 + n)) after n updates, so that the first weights, which are
        random, are soon forgotten; a decay of 0 keeps the weights as they are.
        """
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        parameters = dict(self.network.named_parameters())
        averages = list(self.weights.values())
        torch._foreach_lerp_(averages, [parameters[name] for name in self.weights], 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the network the averaged weights within the block, and its own ones back after it."""
        own = {name: p.detach().clone() for name, p in self.network.named_parameters()}
        self._give(self.weights)
        try:
            yield
        finally:
            self._give(own)

    @torch.no_grad()
    def _give(self, weights: dict[str, Tensor]) -> None:
        for name, parameter in self.network.named_parameters():
            parameter.copy_(weights[name])

    def state_dict(self) -> dict[str, object]:
        """Return what a resumed run needs."""
        return {"updates": self.updates, "weights": self.weights}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, object]) -> None:
        """Take up where the run that saved `state` was."""
        weights, updates = state["weights"], state["updates"]
        assert isinstance(weights, dict)
        assert isinstance(updates, int)
        for name, average in self.weights.items():
            average.copy_(weights[name])
        self.updates = updates
