"""The sum over all alignments: PyTorch's, in value and derivative, also where probabilities leave float64."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn.training.model import forward_backward
from speechrnn.training.model.forward_backward import negative_log_likelihoods


def pytorchs(log_probs, frames, targets, lengths):
    return torch.nn.functional.ctc_loss(log_probs.transpose(0, 1), targets, frames, lengths, reduction="none")


def utterances(seed, count, most_frames, tokens, peakedness):
    """Scores float64 [batch, frames, tokens], frames, targets that fit them, and their lengths."""
    generator = torch.Generator().manual_seed(seed)
    scores = peakedness * torch.randn(count, most_frames, tokens, generator=generator, dtype=torch.float64)
    frames = torch.randint(1, most_frames + 1, (count,), generator=generator)
    lengths = (torch.rand(count, generator=generator) * (frames // 2 + 1)).long()
    targets = torch.randint(1, tokens, (count, max(1, int(lengths.max()))), generator=generator)
    return scores, frames, targets, lengths


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 4),
    most_frames=st.integers(1, 60),
    tokens=st.integers(2, 9),
    peakedness=st.sampled_from([0.3, 3.0, 30.0, 600.0]),
)
def test_loss_and_derivative_are_those_of_pytorch(seed, count, most_frames, tokens, peakedness):
    scores, *text = utterances(seed, count, most_frames, tokens, peakedness)
    found = []
    for losses in (negative_log_likelihoods, pytorchs):
        given_scores = scores.clone().requires_grad_()
        each = losses(given_scores.log_softmax(-1), *text)
        weighted = (each * torch.arange(1, count + 1)).sum()
        found.append((each.detach(), *torch.autograd.grad(weighted, given_scores)))
    (ours, slope), (theirs, their_slope) = found
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(slope, their_slope, rtol=1e-9, atol=1e-9)


def test_the_derivative_is_that_by_the_log_probabilities_themselves():
    scores, *text = utterances(seed=1, count=3, most_frames=9, tokens=4, peakedness=1.0)
    assert torch.autograd.gradcheck(
        lambda given: negative_log_likelihoods(given, *text), scores.requires_grad_()
    )


def test_only_what_leaves_the_range_of_numbers_is_left_to_logarithms(monkeypatch):
    left = []

    def watching(log_probs, targets, shares, exact=forward_backward._occupy_by_logarithms):
        left.append(len(log_probs))
        return exact(log_probs, targets, shares)

    monkeypatch.setattr(forward_backward, "_occupy_by_logarithms", watching)
    scores, *text = utterances(seed=2, count=4, most_frames=300, tokens=30, peakedness=4.0)
    negative_log_likelihoods(scores.float().log_softmax(-1), *text)
    assert left == []
    unlikely = torch.tensor([[[0.0, -400.0]]]).expand(1, 9, 2)
    text = torch.tensor([9]), torch.tensor([[1, 1, 1]]), torch.tensor([3])
    torch.testing.assert_close(negative_log_likelihoods(unlikely, *text), pytorchs(unlikely, *text))
    assert left == [9]


def test_what_is_padded_is_not_looked_at():
    scores, frames, targets, lengths = utterances(seed=3, count=3, most_frames=20, tokens=5, peakedness=1.0)
    log_probs = scores.log_softmax(-1).requires_grad_()
    longer = torch.cat([log_probs, torch.full((3, 7, 5), torch.nan)], dim=1)
    loss = negative_log_likelihoods(log_probs, frames, targets, lengths)
    padded = negative_log_likelihoods(longer, frames, torch.nn.functional.pad(targets, (0, 2)), lengths)
    assert torch.equal(loss, padded)
    slopes = [torch.autograd.grad(each.sum(), log_probs, retain_graph=True)[0] for each in (loss, padded)]
    assert torch.equal(*slopes)


def test_tokens_side_by_side_with_others_may_be_judged_alone():
    scores, *text = utterances(seed=4, count=3, most_frames=20, tokens=5, peakedness=1.0)
    both = torch.cat([scores.log_softmax(-1), torch.zeros_like(scores)], dim=-1)
    assert torch.equal(
        negative_log_likelihoods(both[..., :5], *text),
        negative_log_likelihoods(scores.log_softmax(-1), *text),
    )


@pytest.mark.parametrize("target", [-1, 4])
def test_a_target_that_is_no_token_is_refused(target):
    with pytest.raises(ValueError, match="tokens, 0 to 3"):
        negative_log_likelihoods(
            torch.zeros(1, 5, 4), torch.tensor([5]), torch.tensor([[1, target]]), torch.tensor([2])
        )
