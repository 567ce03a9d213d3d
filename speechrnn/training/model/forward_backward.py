"""All alignments of a text to its frames, summed: the forward-backward recursion of CTC, on the processor.

Log-probabilities of the network and the tokens of each transcript go in, the negative log-likelihood of each
comes out, and its derivative on the way back; `ctc.py` makes a loss of it. States and recursion are those of
Graves et al., "Connectionist temporal classification", 2006 (section 4.1): the tokens, with a blank before,
between and after them. Probabilities are scaled to the sum 1 in every frame, as in Rabiner, "A tutorial on
hidden Markov models", 1989 (section V.A), so that a state costs a few additions where logarithms would cost
an exponential for each.

Forward and backward probabilities of a frame, multiplied and summed over its states, make 1 then. Where they
do not, a number has left the range of float64 that mattered, or no alignment is there at all: these
utterances, rare and hopeless ones, are left to PyTorch, which sums logarithms.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from speechrnn.compiled import compiled

LogProbs = npt.NDArray[np.float32]
Tokens = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]

BLANK = 0
ROUNDING = 1e-6


def negative_log_likelihoods(log_probs: Tensor, frames: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
    """Return minus the natural log of each target's probability, summed over its alignments, float32 [batch].

    `log_probs` float32 [batch, frames, tokens], of which the first `frames` [batch] count; `targets` int64
    [batch, longest], of which the first `lengths` [batch] count. It is infinite where a target does not fit
    its frames. Its derivative is that by the log-probabilities, whatever they come from. Raises ValueError
    for a target that is no token.
    """
    if targets.numel() and not 0 <= int(targets.min()) <= int(targets.max()) < log_probs.shape[-1]:
        raise ValueError(f"targets must be tokens, 0 to {log_probs.shape[-1] - 1}")
    apply: Callable[..., Tensor] = _NegativeLogLikelihoods.apply
    return apply(log_probs, frames, targets, lengths)


class _NegativeLogLikelihoods(torch.autograd.Function):
    """Finds the derivative along with the value, as both take the same passes."""

    @staticmethod
    def forward(ctx: Any, log_probs: Tensor, frames: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        rows = log_probs.detach().contiguous()
        shares = torch.zeros_like(rows)
        losses = torch.empty(len(rows), dtype=rows.dtype)
        for row, (valid, length) in enumerate(zip(frames.tolist(), lengths.tolist(), strict=True)):
            text = targets[row, :length].contiguous()
            losses[row] = occupied(rows[row, :valid], text, shares[row, :valid])
        ctx.save_for_backward(shares)
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        (shares,) = ctx.saved_tensors
        return -slope[:, None, None] * shares, None, None, None


def occupied(log_probs: Tensor, targets: Tensor, shares: Tensor) -> float:
    """Return the negative log-likelihood of `targets` [length], and add to `shares`, zero before.

    `log_probs` and `shares` [frames, tokens] lie in memory row by row; shares are the parts of the likelihood
    that say a token in a frame.
    """
    loss: float = occupy(log_probs.numpy(), targets.numpy(), shares.numpy())
    return _occupy_by_logarithms(log_probs, targets, shares) if math.isnan(loss) else loss


def _occupy_by_logarithms(log_probs: Tensor, targets: Tensor, shares: Tensor) -> float:
    """Do what `occupy` does, for anything.

    What PyTorch calls the derivative is that by what the log-probabilities are the softmax of: probability
    less share.
    """
    with torch.enable_grad():
        wide = log_probs.double().requires_grad_()
        lengths = torch.tensor([len(wide)]), torch.tensor([len(targets)])
        loss = F.ctc_loss(wide[:, None], targets[None], *lengths, blank=BLANK, reduction="sum")
        (difference,) = torch.autograd.grad(loss, wide)
    shares.copy_(wide.detach().exp() - difference)
    return loss.item()


@compiled
def occupy(log_probs: LogProbs, targets: Tokens, shares: LogProbs) -> float:
    """Return the negative log-likelihood of `targets` [length], and fill `shares` [frames, tokens].

    These are the parts of the likelihood that say a token in a frame; what is passed is zero. NaN says that
    the scaled sums were not enough, and leaves `shares` in pieces.
    """
    length = len(targets)
    said = _probabilities(log_probs, targets)
    skips = np.ones(length + 1)  # skips[k]: whether token k may follow on token k - 1 without a blank
    for k in range(1, length):
        skips[k] = 0.0 if targets[k] == targets[k - 1] else 1.0
    blanks, tokens, scales = _forward(said, skips)
    ending = blanks[-1, length] + tokens[-1, length]
    if not ending > 0.0:
        return math.nan
    if not _backward(said, skips, blanks, tokens, scales, targets, shares):
        return math.nan
    return float(np.log(scales).sum()) - math.log(ending)


@compiled
def _probabilities(log_probs: LogProbs, targets: Tokens) -> Probabilities:
    """Return the probabilities of the blank and of each token of `targets`, [frames, 1 + length]."""
    said = np.empty((len(log_probs), 1 + len(targets)))
    for frame in range(len(log_probs)):
        here, row = log_probs[frame], said[frame]
        row[0] = math.exp(here[BLANK])
        for k in range(len(targets)):
            row[1 + k] = math.exp(here[targets[k]])
    return said


@compiled
def _forward(said: Probabilities, skips: Probabilities) -> tuple[Probabilities, Probabilities, Probabilities]:
    """Return the scaled forward probabilities of blanks and of tokens, and what each frame was scaled by.

    Both are [1 + frames, 1 + length], in row t after t frames. Of the tokens, place 0 is in front of the
    first, so that place k is what the blank at place k follows on. Only those are computed that a path can
    have reached and from which it can still reach the end; the others stay zero.
    """
    frames, length = len(said), len(skips) - 1
    blanks, tokens = np.zeros((frames + 1, length + 1)), np.zeros((frames + 1, length + 1))
    scales = np.ones(frames)
    blanks[0, 0] = 1.0
    for frame in range(frames):
        first, end = max(0, length - frames + frame), min(length, frame + 1)
        here = said[frame]
        blank, token = blanks[frame], tokens[frame]
        next_blank, next_token = blanks[frame + 1], tokens[frame + 1]
        for k in range(first, end):
            next_blank[k] = (blank[k] + token[k]) * here[0]
            next_token[k + 1] = (token[k + 1] + blank[k] + skips[k] * token[k]) * here[k + 1]
        next_blank[end] = (blank[end] + token[end]) * here[0]
        total = next_blank[first : end + 1].sum() + next_token[first + 1 : end + 1].sum()
        if not total > 0.0:
            break
        scales[frame] = 1.0 / total
        next_blank[first : end + 1] *= scales[frame]
        next_token[first + 1 : end + 1] *= scales[frame]
    return blanks, tokens, scales


@compiled
def _backward(
    said: Probabilities,
    skips: Probabilities,
    blanks: Probabilities,
    tokens: Probabilities,
    scales: Probabilities,
    targets: Tokens,
    shares: LogProbs,
) -> bool:
    """Fill `shares` from the forward probabilities; return whether those of each frame make 1.

    `after_blank` and `after_token` are the scaled probabilities of what follows, each in the place of the
    state that it follows on; `next_*` are those of the frame after, with that frame itself.
    """
    frames, length = len(said), len(targets)
    after_blank, after_token = np.zeros(length + 2), np.zeros(length + 2)
    next_blank, next_token = np.zeros(length + 2), np.zeros(length + 3)
    ending = 1.0 / (blanks[frames, length] + tokens[frames, length])
    for frame in range(frames - 1, -1, -1):
        first, end = max(0, length - frames + frame), min(length, frame + 1)
        if frame == frames - 1:
            after_blank[length] = ending
            after_token[length] = ending
        else:
            for k in range(first, end + 1):
                after_blank[k] = next_blank[k] + next_token[k + 1]
            for k in range(first, end):
                skipping = skips[k + 1] * next_token[k + 2]
                after_token[k + 1] = next_token[k + 1] + next_blank[k + 1] + skipping
        blank_share, token_shares, row = 0.0, 0.0, shares[frame]
        blank, token = blanks[frame + 1], tokens[frame + 1]
        for k in range(first, end + 1):
            blank_share += blank[k] * after_blank[k]
        for k in range(first, end):
            share = token[k + 1] * after_token[k + 1]
            token_shares += share
            row[targets[k]] += share
        row[BLANK] = blank_share
        if not abs(blank_share + token_shares - 1.0) < ROUNDING:
            return False
        here, scale = said[frame], scales[frame]
        for k in range(first, end + 1):
            next_blank[k] = after_blank[k] * here[0] * scale
        for k in range(first, end):
            next_token[k + 1] = after_token[k + 1] * here[k + 1] * scale
    return True
