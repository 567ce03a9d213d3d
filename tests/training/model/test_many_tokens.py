"""CTC from scores: that of their log-probabilities, in value and derivative."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn.training.model.forward_backward import negative_log_likelihoods
from speechrnn.training.model.many_tokens import SLICE, negative_log_likelihoods_of_scores
from tests.training.model.test_forward_backward import utterances


def by_log_probs(scores, *text):
    return negative_log_likelihoods(scores.float().log_softmax(-1), *text)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 4),
    most_frames=st.integers(1, 2 * SLICE + 20),
    tokens=st.integers(2, 40),
    peakedness=st.sampled_from([0.3, 3.0, 30.0, 600.0]),
    number_format=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_loss_and_derivative_are_those_of_the_log_probabilities(
    seed, count, most_frames, tokens, peakedness, number_format
):
    scores, *text = utterances(seed, count, most_frames, tokens, peakedness)
    found = []
    for losses in (negative_log_likelihoods_of_scores, by_log_probs):
        given_scores = scores.to(number_format).requires_grad_()
        each = losses(given_scores, *text)
        weighted = (each * torch.arange(1, count + 1)).sum()
        found.append((each.detach(), *torch.autograd.grad(weighted, given_scores)))
    (ours, slope), (theirs, their_slope) = found
    assert (slope.dtype, slope.shape) == (number_format, scores.shape)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-4)
    # Scores of some hundreds are known to 3e-5 in float32, and their exponentials, summed, no better.
    rounding = 0.01 if number_format == torch.bfloat16 else max(1e-4, 4e-6 * peakedness)
    torch.testing.assert_close(slope, their_slope, rtol=rounding, atol=rounding)


def test_what_is_padded_is_not_looked_at_and_has_no_derivative():
    scores, frames, targets, lengths = utterances(seed=3, count=3, most_frames=20, tokens=5, peakedness=1.0)
    scores = scores.float()
    longer = torch.cat([scores, torch.full((3, 7, 5), torch.nan)], dim=1).requires_grad_()
    losses = negative_log_likelihoods_of_scores(longer, frames, targets, lengths)
    assert torch.equal(losses, negative_log_likelihoods_of_scores(scores, frames, targets, lengths))
    (slope,) = torch.autograd.grad(losses.sum(), longer)
    padded = torch.arange(27) >= frames[:, None]
    assert (slope[padded] == 0).all()
    assert (slope[~padded] != 0).any(dim=-1).all()


def test_the_scores_stay_as_they_are():
    scores, *text = utterances(seed=5, count=3, most_frames=20, tokens=5, peakedness=1.0)
    scores = scores.float().requires_grad_()
    before = scores.detach().clone()
    losses = negative_log_likelihoods_of_scores(scores, *text)
    once, again = (torch.autograd.grad(losses.sum(), scores, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(scores, before)
    assert torch.equal(once, again)


def test_a_text_that_does_not_fit_its_frames_is_infinitely_unlikely():
    losses = negative_log_likelihoods_of_scores(
        torch.zeros(1, 2, 3), torch.tensor([2]), torch.tensor([[1, 1]]), torch.tensor([2])
    )
    assert torch.isinf(losses).all()


def test_a_target_that_is_no_token_is_refused():
    with pytest.raises(IndexError):
        negative_log_likelihoods_of_scores(
            torch.zeros(1, 5, 4), torch.tensor([5]), torch.tensor([[1, 4]]), torch.tensor([2])
        )
