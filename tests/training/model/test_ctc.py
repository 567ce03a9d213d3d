import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn.training.data.batch import Batch
from speechrnn.training.model.ctc import (
    blank_frames,
    summed_loss,
    summed_loss_of_scores,
    summed_loss_of_sounds,
)
from tests.reference.ctc import every_labelling


def batch_of(targets):
    longest = max(map(len, targets))
    rows = torch.tensor([list(target) + [0] * (longest - len(target)) for target in targets])
    count = len(targets)
    return Batch(
        audio=torch.zeros(count, 1),
        lengths=torch.ones(count, dtype=torch.int64),
        targets=rows.reshape(count, longest),
        target_lengths=torch.tensor([len(target) for target in targets]),
        sounds=torch.zeros(count, 0, dtype=torch.int64),
        sound_lengths=torch.zeros(count, dtype=torch.int64),
        seeds=torch.arange(count),
        ids=tuple(f"utterance {number}" for number in range(count)),
    )


@settings(max_examples=25, deadline=None)
@given(
    frames=st.lists(st.integers(2, 5), min_size=1, max_size=3),
    tokens=st.integers(2, 3),
    seed=st.integers(0, 999),
    data=st.data(),
)
def test_the_loss_is_the_sum_over_every_path_of_every_utterance(frames, tokens, seed, data):
    generator = torch.Generator().manual_seed(seed)
    log_probs = torch.randn(len(frames), max(frames), tokens, generator=generator).log_softmax(-1)
    targets, expected = [], 0.0
    for row, length in enumerate(frames):
        labellings = every_labelling(log_probs[row, :length].double().numpy())
        target = data.draw(st.sampled_from(sorted(filter(None, labellings))))
        targets.append(target)
        expected -= labellings[target]
    loss = summed_loss(log_probs, torch.tensor(frames), batch_of(targets))
    assert loss.item() == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_a_text_too_long_for_its_frames_has_infinite_loss():
    log_probs = torch.zeros(1, 2, 3).log_softmax(-1)
    assert math.isinf(summed_loss(log_probs, torch.tensor([2]), batch_of([(1, 1)])).item())


def test_only_valid_frames_are_counted_as_blank():
    log_probs = torch.full((2, 3, 2), -9.0)
    log_probs[0, :, 0] = 0.0
    log_probs[1, 0, 1] = 0.0
    log_probs[1, 1:, 0] = 0.0
    assert blank_frames(log_probs, torch.tensor([2, 2])).item() == 3
    assert np.isclose(blank_frames(log_probs, torch.tensor([3, 1])).item(), 3)


def test_utterances_whose_sounds_are_not_known_add_nothing():
    targets = [[1, 2], [2], [1]]
    batch = batch_of(targets)
    known = replace(batch, sounds=batch.targets, sound_lengths=torch.tensor([2, 0, 1]))
    log_probs = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    frames = torch.tensor([5, 4, 3])
    wanted = summed_loss(log_probs[[0, 2]], frames[[0, 2]], batch_of([targets[0], targets[2]]))
    torch.testing.assert_close(summed_loss_of_sounds(log_probs, frames, known), wanted)


def test_the_loss_of_scores_is_that_of_their_log_probabilities() -> None:
    torch.manual_seed(0)
    scores, frames, batch = torch.randn(2, 9, 5), torch.tensor([9, 7]), batch_of([(1, 2), (3, 3, 4)])
    wanted = summed_loss(scores.log_softmax(-1), frames, batch)
    torch.testing.assert_close(summed_loss_of_scores(scores, frames, batch), wanted)
