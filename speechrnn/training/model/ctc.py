"""Connectionist temporal classification: the task that turns log-probabilities into a loss.

Graves et al. 2006. The training loop knows a task only as targets, loss and metric; this one's targets are
the tokens of the transcript, its loss sums over all alignments of them to the frames: on the processor by
`forward_backward.py` (or `many_tokens.py`), on a GPU by PyTorch.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from speechrnn.training.data.batch import Batch
from speechrnn.training.model.forward_backward import negative_log_likelihoods
from speechrnn.training.model.many_tokens import negative_log_likelihoods_of_scores


def summed_loss(log_probs: Tensor, frames: Tensor, batch: Batch) -> Tensor:
    """Return the negative log-likelihood of the targets, natural log, summed over the utterances.

    `log_probs` float32 [batch, frames, tokens], `frames` [batch] valid frames. The caller divides by the
    valid frames of the global batch: PyTorch's own mean divides by each target's length, which gives short
    utterances too much weight. A target that does not fit its frames has infinite loss; screening keeps those
    out.
    """
    return _losses(log_probs, frames, batch.targets, batch.target_lengths).sum()


def summed_loss_of_sounds(log_probs: Tensor, frames: Tensor, batch: Batch) -> Tensor:
    """Return the same for the sounds of the texts, over the utterances whose sounds are known.

    `log_probs` float32 [batch, frames, sounds].
    """
    losses = _losses(log_probs, frames, batch.sounds, batch.sound_lengths)
    return losses[batch.sound_lengths > 0].sum()


def summed_loss_of_scores(scores: Tensor, frames: Tensor, batch: Batch) -> Tensor:
    """Return what `summed_loss` does, from scores whose softmax are the probabilities.

    `scores` [batch, frames, tokens] in any number format, `frames` [batch] valid frames.
    """
    if scores.is_cpu:
        return negative_log_likelihoods_of_scores(scores, frames, batch.targets, batch.target_lengths).sum()
    return summed_loss(torch.log_softmax(scores.float(), dim=-1), frames, batch)


def _losses(log_probs: Tensor, frames: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
    """Return the loss of each utterance, [batch]."""
    if log_probs.is_cpu:
        return negative_log_likelihoods(log_probs, frames, targets, lengths)
    return F.ctc_loss(log_probs.transpose(0, 1), targets, frames, lengths, blank=0, reduction="none")


def blank_frames(log_probs: Tensor, frames: Tensor, tokens: int | None = None) -> Tensor:
    """Return in how many of the valid `frames` [batch] the blank is the likeliest token.

    Of `log_probs` [batch, frames, tokens + sounds] the first `tokens` are looked at.
    """
    valid = torch.arange(log_probs.shape[1], device=log_probs.device) < frames[:, None]
    # PyTorch's argmax takes as long as the loss where there are thousands of tokens, amax a tenth of it.
    return ((log_probs[..., 0] >= log_probs[..., :tokens].amax(dim=-1)) & valid).sum()
