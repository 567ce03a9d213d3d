"""SpecAugment hides stripes: how many, how wide, where; and an utterance's are its own in any company."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.training.augmentation.draws import Stream, uniform, utterance_seed
from speechrnn.training.augmentation.masks import (
    frequency_masks,
    spec_augment,
    time_masks,
)

SETTINGS = config.Augmentation()


def seeds_of(count: int):
    return torch.tensor([utterance_seed(0, 0, str(number)) for number in range(count)])


def features_of(frames: list[int], bins: int = 80):
    """Features without a zero in the valid frames, and zero in the padding."""
    generator = torch.Generator().manual_seed(0)
    features = 1 + torch.rand(len(frames), max(frames), bins, generator=generator)
    for row, count in zip(features, frames, strict=True):
        row[count:] = 0
    return features, torch.tensor(frames)


def reference_masks(seed: int, frames: int, bins: int, settings: config.Augmentation) -> np.ndarray:
    """What is hidden of an utterance, bool [frames, bins], mask by mask."""
    hidden = np.zeros((frames, bins), bool)
    row = torch.tensor([seed])
    draws = uniform(row, Stream.FREQUENCY_MASKS, 2 * settings.frequency_masks)[0].tolist()
    widest = min(settings.frequency_mask_bins, -(-bins // 3))
    for width_draw, start_draw in zip(draws[::2], draws[1::2], strict=True):
        width = int(width_draw * (widest + 1))
        start = int(start_draw * (bins - width + 1))
        hidden[:, start : start + width] = True
    masks = -(-frames // 100)
    draws = uniform(row, Stream.TIME_MASKS, 2 * masks)[0].tolist()
    for width_draw, start_draw in zip(draws[::2], draws[1::2], strict=True):
        width = min(frames, int(width_draw * (int(2 * settings.time_mask_share * frames / masks) + 1)))
        start = int(start_draw * (frames - width + 1))
        hidden[start : start + width] = True
    return hidden


@pytest.mark.parametrize("bins", [80, 13])
@pytest.mark.parametrize("settings", [SETTINGS, dataclasses.replace(SETTINGS, time_mask_share=0.9)])
def test_masks_are_those_of_the_reference(bins, settings) -> None:
    features, frames = features_of([700, 100, 101, 3, 1, 0, 250], bins)
    seeds = seeds_of(7)
    masked = spec_augment(features, frames, seeds, settings)
    for row, before, count, seed in zip(masked, features, frames, seeds, strict=True):
        hidden = reference_masks(int(seed), int(count), bins, settings)
        expected = np.where(hidden, 0, before[:count].numpy())
        np.testing.assert_array_equal(row[:count].numpy(), expected)
        assert not row[count:].any()


def test_an_utterance_is_masked_alike_alone_and_in_any_batch() -> None:
    features, frames = features_of([900, 150, 420])
    seeds = seeds_of(3)
    together = spec_augment(features, frames, seeds, SETTINGS)
    for row in range(3):
        count = int(frames[row])
        alone = spec_augment(features[row : row + 1, :count], frames[row : row + 1], seeds[[row]], SETTINGS)
        assert torch.equal(alone[0], together[row, :count])


@pytest.mark.parametrize("count", [40, 300, 1500])
def test_time_masks_add_up_to_their_share_on_average(count) -> None:
    features = torch.ones(500, count, 1)
    hidden = time_masks(features, torch.full((500,), count), seeds_of(500), SETTINGS).float()
    per_utterance = hidden.mean(dim=(1, 2))
    assert 0.11 < per_utterance.mean() < 0.17  # 0.15 less what overlaps and rounding take
    assert per_utterance.max() <= 0.3


def test_frequency_masks_reach_every_bin_and_no_further_than_allowed() -> None:
    one = dataclasses.replace(SETTINGS, frequency_masks=1)
    hidden = frequency_masks(torch.ones(2000, 1, 80), seeds_of(2000), one)[:, 0]
    widths = hidden.sum(dim=1)
    assert widths.min() == 0
    assert widths.max() == 27
    assert hidden.any(dim=0).all()


def test_without_masks_features_stay() -> None:
    features, frames = features_of([200, 100])
    none = dataclasses.replace(SETTINGS, frequency_masks=0, time_mask_share=0.0)
    assert torch.equal(spec_augment(features, frames, seeds_of(2), none), features)


def test_another_epoch_has_other_masks() -> None:
    features, frames = features_of([400, 400])
    seeds = torch.tensor([utterance_seed(0, epoch, "a") for epoch in (0, 1)])
    hidden = spec_augment(features, frames, seeds, SETTINGS) == 0
    assert not torch.equal(hidden[0], hidden[1])
