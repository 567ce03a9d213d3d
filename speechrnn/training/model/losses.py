"""The loss of a run: CTC at the end of the stack, and what may be asked for besides.

- Sounds (Krishna et al. 2018, "Hierarchical multitask learning for CTC-based speech recognition", and many
  before): a second head writes how the words are said, which English spelling hides.

- Intermediate CTC (Lee and Watanabe 2021, "Intermediate loss regularization for CTC-based speech
  recognition"): the middle of the stack has to know the text as well, through the same head.
- Consistency (Yao et al. 2024, "CR-CTC: consistency regularization on CTC for improved speech recognition"):
  two views of an utterance, under other masks and other dropout, have to agree in every frame; each is pulled
  towards what the other says, which stands still meanwhile.

Whatever is looked at comes from `network.py` as further rows; `ctc.py` judges each of them.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from speechrnn import config
from speechrnn.training.data.batch import Batch
from speechrnn.training.model.ctc import summed_loss, summed_loss_of_scores, summed_loss_of_sounds
from speechrnn.training.model.recurrence import valid_frames


def training_loss(
    log_probs: Tensor, frames: Tensor, batch: Batch, settings: config.Loss, tokens: int, scores: bool = False
) -> Tensor:
    """Return the loss over `batch`, a scalar, to be divided by all of the valid frames.

    `log_probs` [outputs x batch, frames, tokens + sounds] and `frames` [outputs x batch] hold the batch once
    for every output: the end of the stack in each view, then its middle in each view. What follows on the
    first `tokens` are sounds. With `scores` the tokens have these, whose softmax are the probabilities.
    """
    summed = summed_loss_of_scores if scores else summed_loss
    written = _loss_of_head(log_probs[..., :tokens], frames, batch, settings, summed)
    if log_probs.shape[-1] == tokens:
        return written
    said = _loss_of_head(log_probs[..., tokens:], frames, batch, settings, summed_loss_of_sounds)
    return (1 - settings.sounds) * written + settings.sounds * said


def _loss_of_head(
    log_probs: Tensor,
    frames: Tensor,
    batch: Batch,
    settings: config.Loss,
    summed: Callable[[Tensor, Tensor, Batch], Tensor],
) -> Tensor:
    """Return the loss of what one head says, in all its outputs; `summed` is that of one output."""
    outputs = torch.split(log_probs, len(batch))
    valid = torch.split(frames, len(batch))
    losses = [summed(output, own, batch) for output, own in zip(outputs, valid, strict=True)]
    views = 2 if settings.consistency else 1
    loss = torch.stack(losses[:views]).sum()
    if settings.middle:
        # There are twice as many frames to divide by.
        loss = 2 * ((1 - settings.middle) * loss + settings.middle * torch.stack(losses[views:]).sum())
    if settings.consistency:
        one, other = (output.log_softmax(dim=-1) for output in outputs[:2])  # scores, perhaps
        apart = disagreement(one, other, valid[0])
        loss = loss + settings.consistency * len(losses) * apart
    return loss


def disagreement(one: Tensor, other: Tensor, frames: Tensor) -> Tensor:
    """Return the divergences (Kullback and Leibler 1951) of two views from each other, halved and summed.

    `one` and `other` [batch, frames, tokens] are log-probabilities, `frames` [batch] their valid frames.
    """
    apart = _divergence(other.detach(), one) + _divergence(one.detach(), other)
    return 0.5 * (apart * valid_frames(frames, one.shape[1], one.device)).sum()


def _divergence(target: Tensor, log_probs: Tensor) -> Tensor:
    """Return the divergence of `log_probs` from `target`, [batch, frames, 1]."""
    return (target.exp() * (target - log_probs)).sum(dim=-1, keepdim=True)
