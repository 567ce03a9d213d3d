"""Connectionist temporal classification: the task that turns log-probabilities into a loss.

Graves et al. 2006. The training loop knows a task only as targets, loss and metric; this one's targets are
the tokens of the transcript, its loss sums over all alignments of them to the frames.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from speechrnn.training.data.batch import Batch


def summed_loss(log_probs: Tensor, frames: Tensor, batch: Batch) -> Tensor:
    """Return the negative log-likelihood of the targets, natural log, summed over the utterances.

    `log_probs` float32 [batch, frames, tokens], `frames` [batch] valid frames. The caller divides by the
    valid frames of the global batch: PyTorch's own mean divides by each target's length, which gives short
    utterances too much weight. A target that does not fit its frames has infinite loss; screening keeps those
    out.
    """
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


def blank_frames(log_probs: Tensor, frames: Tensor, tokens: int | None = None) -> Tensor:
    """Return in how many of the valid `frames` [batch] the blank is the likeliest token.

    Of `log_probs` [batch, frames, tokens + sounds] the first `tokens` are looked at.
    """
    valid = torch.arange(log_probs.shape[1], device=log_probs.device) < frames[:, None]
    return ((log_probs[..., :tokens].argmax(dim=-1) == 0) & valid).sum()
