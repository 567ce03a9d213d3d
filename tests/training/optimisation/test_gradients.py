import copy

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn

from speechrnn.errors import SpeechRnnError
from speechrnn.training.data.batch import Batch
from speechrnn.training.model.ctc import blank_frames, summed_loss
from speechrnn.training.model.network import Network
from speechrnn.training.optimisation.gradients import (
    Differentiation,
    Gradient,
    layer_of,
    normalise_and_clip,
)
from speechrnn.training.optimisation.task import Task
from tests.training.tones import tiny_run, tone_batch

TASK = Task(
    loss=summed_loss, watched={"blanks": blank_frames}, metric=lambda network: {}, rate=16000, criterion="wer"
)
TOKENS = 6


def network_of_tones() -> Network:
    torch.manual_seed(0)
    return Network(tiny_run().model, TOKENS, tiny_run().augmentation).train()


def gradient(network: nn.Module, batch: Batch, threads: int, mask: bool = True) -> Gradient:
    differentiate = Differentiation(network, TASK, "fp32", threads)
    try:
        return differentiate(batch, mask)
    finally:
        differentiate.close()


def plain_gradient(network: nn.Module, batch: Batch) -> list[Tensor]:
    """The slow, obvious way: one utterance at a time, with `backward`."""
    network = copy.deepcopy(network)
    for utterance in batch.pieces(len(batch)):
        log_probs, frames = network(utterance.audio, utterance.lengths, utterance.seeds, True)
        summed_loss(log_probs, frames, utterance).backward()
    return [p.grad for p in network.parameters() if p.grad is not None]


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
def test_the_gradient_is_the_sum_over_utterances_however_the_batch_is_cut(threads: int) -> None:
    network, batch = network_of_tones(), tone_batch(9)
    expected = plain_gradient(network, batch)
    found = gradient(network, batch, threads)
    largest = max(float(tensor.abs().max()) for tensor in expected)
    for one, other in zip(found.tensors, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * largest)


def test_gradients_lie_in_memory_as_the_parameters_do() -> None:
    network = network_of_tones()
    found = gradient(network, tone_batch(2), threads=1)
    for tensor, parameter in zip(found.tensors, network.parameters(), strict=True):
        assert parameter.is_contiguous()
        assert tensor.is_contiguous()


def test_threads_give_bitwise_the_same_gradient_every_time() -> None:
    network, batch = network_of_tones(), tone_batch(9)
    first = gradient(network, batch, threads=3)
    for _ in range(5):
        again = gradient(network, batch, threads=3)
        assert all(torch.equal(a, b) for a, b in zip(first.tensors, again.tensors, strict=True))
        assert torch.equal(first.sums, again.sums)


def test_sums_count_loss_and_valid_frames_and_blanks_of_the_whole_batch() -> None:
    network, batch = network_of_tones(), tone_batch(5)
    log_probs, frames = network(batch.audio, batch.lengths, batch.seeds, True)
    blanks = sum(
        int((row[:n].argmax(dim=1) == 0).sum()) for row, n in zip(log_probs, frames.tolist(), strict=True)
    )
    loss, valid, counted = gradient(network, batch, threads=2).sums.tolist()
    assert loss == pytest.approx(summed_loss(log_probs, frames, batch).item(), rel=1e-5)
    assert (valid, counted) == (int(frames.sum()), blanks)


class NarrowNetwork(nn.Module):
    """Takes as many samples at once as there is made-up memory for, and counts its failures."""

    def __init__(self, network: nn.Module, samples: int) -> None:
        super().__init__()
        self.network = network
        self.samples = samples
        self.failures = 0

    def forward(self, audio: Tensor, lengths: Tensor, seeds: Tensor, mask: bool) -> tuple[Tensor, Tensor]:
        if audio.numel() > self.samples:
            self.failures += 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        result: tuple[Tensor, Tensor] = self.network(audio, lengths, seeds, mask)
        return result


def test_a_batch_beyond_the_memory_is_cut_until_it_fits_and_next_time_at_once() -> None:
    network, batch = network_of_tones(), tone_batch(8)
    expected = gradient(network, batch, threads=1)
    narrow = NarrowNetwork(network, samples=batch.audio.numel() // 3)
    differentiate = Differentiation(narrow, TASK, "fp32", threads=1)
    found = differentiate(batch, mask=True)
    for one, other in zip(found.tensors, expected.tensors, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert narrow.failures > 0
    narrow.failures = 0
    differentiate(batch, mask=True)
    assert narrow.failures == 0


def test_an_utterance_beyond_the_memory_is_named() -> None:
    batch = tone_batch(2)
    differentiate = Differentiation(NarrowNetwork(network_of_tones(), samples=10), TASK, "fp32", threads=1)
    with pytest.raises(SpeechRnnError, match=f"utterance {batch.ids[0]}: .*max-utterance-seconds"):
        differentiate(batch, mask=False)


@pytest.mark.parametrize("largest", [0.1, 1e9])
def test_clipping_is_that_of_pytorch_after_division(largest: float) -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    for p in network.parameters():
        p.grad = torch.randn(p.shape)
    other = copy.deepcopy(network)
    for p, q in zip(network.parameters(), other.parameters(), strict=True):
        assert p.grad is not None
        q.grad = p.grad / 7.0
    expected = nn.utils.clip_grad_norm_(other.parameters(), largest)
    norms = normalise_and_clip(network, divisor=7.0, largest=largest)
    assert norms.total == pytest.approx(float(expected), rel=1e-5)
    assert sum(norm**2 for norm in norms.layers.values()) == pytest.approx(norms.total**2)
    for p, q in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_shows(wrong: float) -> None:
    network = nn.Linear(3, 2)
    for p in network.parameters():
        p.grad = torch.zeros_like(p)
    assert network.weight.grad is not None
    network.weight.grad[1, 2] = wrong
    assert not normalise_and_clip(network, divisor=5.0, largest=1.0).finite


def test_layers_are_named_up_to_their_number() -> None:
    assert layer_of("encoder.layers.3.recurrent.weight_hh_l0") == "encoder.layers.3"
    assert layer_of("head.bias") == "head"
