"""The optimiser of the weight matrices: all directions of a gradient count alike, however small they are.

Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks") steps along the momentum
of the gradient with its singular values made equal: the nearest matrix with orthogonal rows. A few steps of
Newton's iteration find it, with products of matrices alone. Here blocks of 32 rows are made orthogonal, each
by itself, which takes a fraction of the time and learns as fast (see `RESULTS.md`). A step has the size that
AdamW's steps have (Liu et al. 2025, "Muon is scalable for LLM training"), so that one rate and one decay
serve both: AdamW has what is no matrix (`update.py`).
"""

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
BLOCK = 32  # rows
STEP_SIZE = 0.2  # root mean square of a step's numbers, in units of the rate
# x -> a x + b x^3 + c x^5, one after the other, brings each x from 0.003 to 1 close to 1 (You Jiacheng 2025).
NEWTON = (
    (4.0848, -6.8946, 2.9270),
    (3.9505, -6.3029, 2.6377),
    (3.7418, -5.5913, 2.3037),
    (2.8769, -3.1427, 1.2046),
    (2.8366, -3.0525, 1.2012),
)

InThreads = Callable[[Callable[[nn.Parameter], None], Iterable[nn.Parameter]], Iterable[None]]


class Muon(torch.optim.Optimizer):
    """Orthogonal steps for matrices, with Nesterov's momentum and decoupled weight decay."""

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        rate: float,
        weight_decay: float,
        in_threads: InThreads = map,
    ) -> None:
        """Prepare steps of `matrices`; `in_threads` is `map`, or one that works on several at a time."""
        super().__init__(matrices, {"lr": rate, "weight_decay": weight_decay})
        self.in_threads = in_threads

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move all matrices along their gradients, which are used up; nothing asks for the loss again."""
        for group in self.param_groups:
            move = partial(self._move, rate=group["lr"], weight_decay=group["weight_decay"])
            list(self.in_threads(move, group["params"]))

    @torch.no_grad()
    def _move(self, matrix: nn.Parameter, rate: float, weight_decay: float) -> None:
        if matrix.grad is None:
            return
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        momentum = state["momentum"].lerp_(matrix.grad, 1 - MOMENTUM)
        # In the gradient's place, as nobody needs it any more: fresh memory costs more than the sums.
        direction = matrix.grad.lerp_(momentum, MOMENTUM)
        keep, step = 1 - rate * weight_decay, -rate * STEP_SIZE * matrix.shape[1] ** 0.5
        for block, along in zip(in_blocks(matrix), in_blocks(direction), strict=True):
            block.baddbmm_(orthogonaliser(along), along, beta=keep, alpha=step)


def in_blocks(matrix: Tensor) -> list[Tensor]:
    """Return views of `matrix` [rows, columns] that are orthogonalised apart, each [blocks, rows, columns].

    A block has 32 rows, or as many as there are columns where these are fewer; the last rows are one, too.
    """
    rows, columns = matrix.shape
    block = min(BLOCK, columns)
    whole = rows // block
    parts = [matrix[: whole * block].view(whole, block, columns), matrix[None, whole * block :]]
    return [part for part in parts if part.numel()]


def orthogonaliser(blocks: Tensor) -> Tensor:
    """Return P with P X = U V' for each X = U S V' of `blocks` [blocks, rows, columns]: [blocks, rows, rows].

    U S V' is the singular value decomposition. Singular values of P X lie between 0.97 and 1.15, but lower
    where those of X are below 0.003 of its norm. There are at most as many rows as columns.
    """
    gram = blocks @ blocks.mT
    squared_norm = gram.diagonal(dim1=1, dim2=2).sum(dim=1)[:, None, None]
    shrink = (1.02 * squared_norm).clamp(min=1e-30).reciprocal()
    gram = gram * shrink
    # An odd polynomial of X is an even one times X, and that one is a polynomial of X X', which is small. All
    # of these commute.
    factor = polynomial(gram, *NEWTON[0])
    product = shrink.sqrt() * factor
    for coefficients in NEWTON[1:]:
        gram = factor @ gram @ factor
        factor = polynomial(gram, *coefficients)
        product = factor @ product
    return product


def polynomial(gram: Tensor, a: float, b: float, c: float) -> Tensor:
    """Return a + b `gram` + c `gram`^2 of each of `gram` [blocks, rows, rows]."""
    value = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
    value.diagonal(dim1=1, dim2=2).add_(a)
    return value
