"""SpecAugment: stripes of the features are hidden, so that the network learns to do without any one of them.

Park et al. 2019, "SpecAugment", with a number of time masks that grows with the utterance as in the adaptive
form of Park et al. 2020, "SpecAugment on large scale datasets". Works on normalised features on the training
device, between the front end and the encoder, for a whole batch at once. Where a mask falls depends on the
utterance's own seed and length alone.
"""

import torch
from torch import Tensor

from speechrnn import config
from speechrnn.training.augmentation.draws import Stream, uniform

FRAMES_PER_TIME_MASK = 100  # one mask a second at the usual 10 ms


def spec_augment(features: Tensor, frames: Tensor, seeds: Tensor, settings: config.Augmentation) -> Tensor:
    """Return `features` [batch, frames, bins] with masked stripes at zero, the mean of normalised features.

    `frames` int64 [batch] are the valid frames, `seeds` int64 [batch]. There are `frequency_masks` masks over
    0 to `frequency_mask_bins` bins (never more than a third of them), and a time mask for every
    `FRAMES_PER_TIME_MASK` frames begun; the widths of time masks are such that on average they add up to
    `time_mask_share` of the utterance, overlaps counted twice.
    """
    hidden = frequency_masks(features, seeds, settings) | time_masks(features, frames, seeds, settings)
    return features.masked_fill(hidden, 0.0)


def frequency_masks(features: Tensor, seeds: Tensor, settings: config.Augmentation) -> Tensor:
    """Return what frequency masks hide, bool [batch, 1, bins]."""
    bins = features.shape[2]
    widest = min(settings.frequency_mask_bins, -(-bins // 3))
    draws = uniform(seeds, Stream.FREQUENCY_MASKS, 2 * settings.frequency_masks)
    width = (draws[:, 0::2] * (widest + 1)).floor()
    start = (draws[:, 1::2] * (bins - width + 1)).floor()
    return _covered(start, width, bins)[:, None, :]


def time_masks(features: Tensor, frames: Tensor, seeds: Tensor, settings: config.Augmentation) -> Tensor:
    """Return what time masks hide, bool [batch, frames, 1]."""
    most = -(-features.shape[1] // FRAMES_PER_TIME_MASK)
    # Pairs of (width, start) follow each other, so that a longer batch draws the same first ones.
    draws = uniform(seeds, Stream.TIME_MASKS, 2 * most)
    masks = (frames + FRAMES_PER_TIME_MASK - 1).div(FRAMES_PER_TIME_MASK, rounding_mode="floor")[:, None]
    widest = (2 * settings.time_mask_share * frames[:, None] / masks.clamp(min=1)).floor()
    width = (draws[:, 0::2] * (widest + 1)).floor().minimum(frames[:, None])
    width = width * (torch.arange(most, device=frames.device) < masks)
    start = (draws[:, 1::2] * (frames[:, None] - width + 1)).floor()
    return _covered(start, width, features.shape[1])[:, :, None]


def _covered(start: Tensor, width: Tensor, size: int) -> Tensor:
    """Return which of `size` places lie in any of the masks [batch, masks], bool [batch, size]."""
    place = torch.arange(size, device=start.device)
    inside = (place >= start[..., None]) & (place < (start + width)[..., None])
    return inside.any(dim=1)
