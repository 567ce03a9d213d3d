"""The loss is CTC and what was asked for besides; what it looks at are further rows of the network."""

import math
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.training.model.ctc import blank_frames, summed_loss
from speechrnn.training.model.losses import disagreement, training_loss
from speechrnn.training.model.network import Network
from speechrnn.training.optimisation.gradients import Differentiation
from speechrnn.training.optimisation.task import Task
from tests.training.tones import tiny_run, tone_batch

TOKENS = 6
EXTRAS = [
    config.Loss(),
    config.Loss(middle=0.3),
    config.Loss(consistency=0.2),
    config.Loss(middle=0.3, consistency=0.2),
]


def network_with(loss, sounds=0):
    torch.manual_seed(0)
    model = tiny_run().model
    deeper = replace(model, encoder=replace(model.encoder, layers=2))
    return Network(deeper, TOKENS, tiny_run().augmentation, loss, sounds).train()


def in_training(loss, batch):
    return network_with(loss)(batch.audio, batch.lengths, batch.seeds, True)


def random_log_probs(rows, frames, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, frames, TOKENS, generator=generator, requires_grad=True).log_softmax(-1)


def divergence_by_hand(one, other, frames):
    """The definition, frame by frame and token by token."""
    total = 0.0
    for p_row, q_row, valid in zip(one.exp().tolist(), other.exp().tolist(), frames.tolist(), strict=True):
        for p_frame, q_frame in zip(p_row[:valid], q_row[:valid], strict=True):
            total += sum(p * math.log(p / q) for p, q in zip(p_frame, q_frame, strict=True))
    return total


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), frames=st.lists(st.integers(1, 6), min_size=1, max_size=3))
def test_views_disagree_by_their_divergences_in_valid_frames(seed, frames):
    frames = torch.tensor(frames)
    one, other = (random_log_probs(len(frames), 6, seed + n) for n in (0, 1000))
    by_hand = divergence_by_hand(one, other, frames) + divergence_by_hand(other, one, frames)
    assert disagreement(one, other, frames).item() == pytest.approx(by_hand / 2, rel=1e-4, abs=1e-5)
    assert disagreement(one, one, frames).item() == pytest.approx(0, abs=1e-5)


def test_each_view_is_pulled_towards_the_other_which_stands_still():
    logits = torch.randn(1, 1, TOKENS, requires_grad=True)
    other = torch.randn(1, 1, TOKENS).log_softmax(-1)
    disagreement(logits.log_softmax(-1), other, torch.tensor([1])).backward()
    # Of a cross-entropy with a target that stands still.
    torch.testing.assert_close(logits.grad, 0.5 * (logits.softmax(-1) - other.exp()))


@pytest.mark.parametrize("loss", EXTRAS, ids=str)
def test_per_frame_the_loss_is_the_weighted_mean_of_its_parts(loss):
    batch = tone_batch(3)
    log_probs, frames = in_training(loss, batch)
    views, levels = 1 + bool(loss.consistency), 1 + bool(loss.middle)
    assert len(log_probs) == len(frames) == views * levels * len(batch)
    blocks = list(zip(log_probs.split(3), frames.split(3), strict=True))
    ctc = [summed_loss(*block, batch).item() / frames[:3].sum().item() for block in blocks]
    wanted = sum(ctc[:views]) / views
    if loss.middle:
        wanted = (1 - loss.middle) * wanted + loss.middle * sum(ctc[views:]) / views
    if loss.consistency:
        apart = disagreement(blocks[0][0], blocks[1][0], frames[:3]).item() / frames[:3].sum().item()
        wanted += loss.consistency * apart
    found = training_loss(log_probs, frames, batch, loss, TOKENS) / frames.sum()
    assert found.item() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("loss", EXTRAS, ids=str)
def test_sounds_answer_for_their_share_of_the_loss(loss):
    """Of a network with a second head, where the sounds of a text are its letters."""
    plain = tone_batch(3)
    batch = replace(plain, sounds=plain.targets, sound_lengths=plain.target_lengths)
    both, frames = network_with(loss, sounds=TOKENS)(batch.audio, batch.lengths, batch.seeds, True)
    torch.testing.assert_close(both.exp().sum(-1), torch.full(both.shape[:2], 2.0))
    written, said = (
        training_loss(part, frames, plain, loss, TOKENS).item() for part in both.split(TOKENS, -1)
    )
    found = training_loss(both, frames, batch, replace(loss, sounds=0.3), TOKENS).item()
    assert found == pytest.approx(0.7 * written + 0.3 * said, rel=1e-5)


@pytest.mark.parametrize("loss", [config.Loss(), *EXTRAS], ids=str)
def test_scores_of_tokens_have_the_loss_of_their_log_probabilities(loss):
    plain = tone_batch(3)
    batch = replace(plain, sounds=plain.targets, sound_lengths=plain.target_lengths)
    both, frames = network_with(loss, sounds=TOKENS)(batch.audio, batch.lengths, batch.seeds, True)
    log_probs, said = both.detach().split(TOKENS, -1)
    slopes, losses = [], []
    for scores, text in ((False, log_probs), (True, log_probs + torch.randn(*log_probs.shape[:2], 1))):
        text.requires_grad_()
        given = torch.cat([text if scores else text.log_softmax(-1), said], dim=-1)
        losses.append(training_loss(given, frames, batch, loss, TOKENS, scores))
        slopes += torch.autograd.grad(losses[-1], text)
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*slopes, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("loss", EXTRAS, ids=str)
def test_extras_add_rows_and_change_none_of_the_others(loss):
    batch = tone_batch(3)
    plain, _ = in_training(config.Loss(), batch)
    rows, _ = in_training(loss, batch)
    torch.testing.assert_close(rows[:3], plain)
    for further in rows.split(3)[1:]:
        assert not torch.allclose(further, plain, atol=1e-3)
    network = network_with(loss).eval()
    assert len(network(batch.audio, batch.lengths)[0]) == 3


@pytest.mark.parametrize("loss", EXTRAS, ids=str)
def test_the_gradient_does_not_depend_on_how_the_batch_is_cut(loss):
    batch, network = tone_batch(4), network_with(loss)
    task = Task(
        partial(training_loss, settings=loss, tokens=TOKENS),
        {"blanks": blank_frames},
        lambda network: {},
        16000,
        "wer",
    )
    whole, cut = (Differentiation(network, task, "fp32", threads)(batch, True) for threads in (1, 4))
    largest = max(float(tensor.abs().max()) for tensor in whole.tensors)
    for one, other in zip(whole.tensors, cut.tensors, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * largest)
    torch.testing.assert_close(whole.sums, cut.sums, rtol=1e-5, atol=0)
