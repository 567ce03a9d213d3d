"""What the training loop knows of a task: its loss, what is watched meanwhile, and its metric.

Targets travel in the batch. Speech recognition with CTC (`ctc.py`) is one task; the loop, its gradients, its
checkpoints and its progress line know no other name than these.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from speechrnn.training.data.batch import Batch

Loss = Callable[[Tensor, Tensor, Batch], Tensor]
FrameCount = Callable[[Tensor, Tensor], Tensor]
Metric = Callable[[nn.Module], dict[str, float]]


@dataclass(frozen=True)
class Task:
    """How a network's output is judged, in training and in validation."""

    loss: Loss
    """(log_probs [batch, frames, tokens], frames [batch], batch) -> loss summed over the batch, a scalar."""
    watched: Mapping[str, FrameCount]
    """Name -> (log_probs, frames) -> a number of valid frames, shown as a share of all of them."""
    metric: Metric
    """The network -> its figures on the validation set; all ranks call it together and get the same.

    What only the validation set can say (`validation.py`) it may put in its place in the network.
    """
    rate: float
    """By how much a batch's lengths rise in a second of audio."""
    criterion: str
    """Which of these figures says which model is best; smaller is better."""
