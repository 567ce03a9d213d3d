"""Connectionist temporal classification: the task that turns log-probabilities into a loss.

Graves et al. 2006. The training loop knows a task only as targets, loss and metric; this one's targets are
the tokens of the transcript, its loss sums over all alignments of them to the frames.
"""

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from speechrnn.training.data.batch import Batch
from speechrnn.training.model.recurrence import valid_frames

MANY_TOKENS = 256
"""From so many tokens on it is faster to choose those that occur: with 1,000, a third of the time."""


def summed_loss(log_probs: Tensor, frames: Tensor, batch: Batch) -> Tensor:
    """Return the negative log-likelihood of the targets, natural log, summed over the utterances.

    `log_probs` float32 [batch, frames, tokens], `frames` [batch] valid frames. The caller divides by the
    valid frames of the global batch: PyTorch's own mean divides by each target's length, which gives short
    utterances too much weight. A target that does not fit its frames has infinite loss; screening keeps those
    out.
    """
    if log_probs.shape[-1] >= MANY_TOKENS and not log_probs.is_cuda:
        return _of_occurring_tokens(log_probs, frames, batch)
    return F.ctc_loss(
        log_probs.transpose(0, 1), batch.targets, frames, batch.target_lengths, blank=0, reduction="sum"
    )


def summed_loss_of_sounds(log_probs: Tensor, frames: Tensor, batch: Batch) -> Tensor:
    """Return the same for the sounds of the texts, over the utterances whose sounds are known.

    `log_probs` float32 [batch, frames, sounds].
    """
    losses = F.ctc_loss(
        log_probs.transpose(0, 1), batch.sounds, frames, batch.sound_lengths, blank=0, reduction="none"
    )
    return losses[batch.sound_lengths > 0].sum()


def _of_occurring_tokens(log_probs: Tensor, frames: Tensor, batch: Batch) -> Tensor:
    """Return what `summed_loss` does, from the tokens that occur in each target alone.

    No other token has a part in any alignment, and PyTorch's loss spends most of its time on theirs. What it
    calls the gradient by log-probabilities is that by what they are the softmax of: probability less share of
    the alignments. The shares are the gradient, negative, of the loss by the log-probabilities themselves.
    """
    occurring = [
        row[:length].unique() for row, length in zip(batch.targets, batch.target_lengths, strict=True)
    ]
    columns = pad_sequence([F.pad(tokens, (1, 0)) for tokens in occurring], batch_first=True)
    counts = torch.tensor([len(tokens) + 1 for tokens in occurring])
    renamed = torch.zeros_like(batch.targets)
    for row, tokens in enumerate(occurring):
        length = int(batch.target_lengths[row])
        renamed[row, :length] = torch.searchsorted(tokens, batch.targets[row, :length]) + 1
    chosen = log_probs.gather(2, columns[:, None].expand(-1, log_probs.shape[1], -1))
    alone = chosen.detach().requires_grad_()
    loss = F.ctc_loss(alone.transpose(0, 1), renamed, frames, batch.target_lengths, blank=0, reduction="sum")
    (difference,) = torch.autograd.grad(loss, alone)
    counted = valid_frames(frames, log_probs.shape[1], log_probs.device)
    counted = counted & (torch.arange(columns.shape[1]) < counts[:, None])[:, None]
    shares = (alone.detach().exp() - difference) * counted
    likelihood = -(shares * chosen).sum()
    return loss.detach() + likelihood - likelihood.detach()


def blank_frames(log_probs: Tensor, frames: Tensor, tokens: int | None = None) -> Tensor:
    """Return in how many of the valid `frames` [batch] the blank is the likeliest token.

    Of `log_probs` [batch, frames, tokens + sounds] the first `tokens` are looked at.
    """
    valid = torch.arange(log_probs.shape[1], device=log_probs.device) < frames[:, None]
    return ((log_probs[..., :tokens].argmax(dim=-1) == 0) & valid).sum()
