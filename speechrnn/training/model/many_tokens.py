"""The loss of CTC straight from scores, for heads with thousands of tokens.

A text has a few dozen of them. Of all others only the sum of their exponentials counts, in every frame, so
log-probabilities, their derivatives and the shares of tokens in the likelihood need not be written down for
each: the scores are read once on the way forward, and once on the way back, utterance by utterance. Used by
`ctc.py` for writers; the recursion is that of `forward_backward.py`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from speechrnn.training.model.forward_backward import BLANK, occupied

SLICE = 50
"""Frames whose scores are in memory as float32 at a time."""


def negative_log_likelihoods_of_scores(
    scores: Tensor, frames: Tensor, targets: Tensor, lengths: Tensor
) -> Tensor:
    """Return minus the natural log of each target's probability, summed over its alignments, float32 [batch].

    `scores` [batch, frames, tokens], on the CPU, in any number format; their softmax are the probabilities.
    The rest is as `forward_backward.negative_log_likelihoods` has it, but for targets that are no tokens.
    """
    apply: Callable[..., Tensor] = _OfScores.apply
    return apply(scores, frames, targets, lengths)


class _OfScores(torch.autograd.Function):
    """The derivative by a score: the probability of its token, less the token's share in the likelihood."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, frames: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        losses, ctx.rows = torch.empty(len(scores)), []
        for row, (valid, length) in enumerate(zip(frames.tolist(), lengths.tolist(), strict=True)):
            own = scores[row, :valid]
            norms = log_norms(own)
            known, places = np.unique(np.append(BLANK, targets[row, :length]), return_inverse=True)
            tokens, text = torch.from_numpy(known), torch.from_numpy(places[1:])
            log_probs = own[:, tokens] - norms  # in float32, as the norms are
            shares = torch.zeros_like(log_probs)
            losses[row] = occupied(log_probs, text, shares)
            ctx.rows.append((valid, norms, tokens, shares))
        ctx.save_for_backward(scores)
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        (scores,) = ctx.saved_tensors
        by_scores = torch.empty_like(scores)
        for row, (valid, norms, tokens, shares) in enumerate(ctx.rows):
            for some in in_slices(valid):
                own = scores[row, some].to(torch.float32, copy=True).sub_(norms[some]).exp_()
                own[:, tokens] -= shares[some]
                by_scores[row, some] = own.mul_(slope[row])
            by_scores[row, valid:] = 0
        return by_scores, None, None, None


def log_norms(scores: Tensor) -> Tensor:
    """Return the log of the sum of the exponentials of each row of `scores`, float32 [frames, 1]."""
    norms = torch.empty(len(scores), 1)
    for some in in_slices(len(scores)):
        own = scores[some].to(torch.float32, copy=True)
        highest = own.amax(dim=-1, keepdim=True)
        norms[some] = own.sub_(highest).exp_().sum(dim=-1, keepdim=True).log_().add_(highest)
    return norms


def in_slices(frames: int) -> list[slice]:
    """Return slices of so many frames that are worked on in place: fresh memory costs more than the sums."""
    return [slice(start, min(start + SLICE, frames)) for start in range(0, frames, SLICE)]
