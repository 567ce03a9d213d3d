import copy

import pytest

torch = pytest.importorskip("torch")

from speechrnn.errors import SpeechRnnError
from speechrnn.training.model.ctc import blank_frames, summed_loss
from speechrnn.training.model.initialise import random_network
from speechrnn.training.optimisation.distributed import Ranks
from speechrnn.training.optimisation.gradients import Differentiation, Gradient
from speechrnn.training.optimisation.precision import (
    candidates,
    check_available,
    gradient_scaler,
    unavailable,
)
from speechrnn.training.optimisation.task import Task
from speechrnn.training.optimisation.update import Updates
from tests.training.tones import same_weights, tiny_run, tone_batch

TASK = Task(
    loss=summed_loss, watched={"blanks": blank_frames}, metric=lambda network: {}, rate=16000, criterion="wer"
)
CPU = torch.device("cpu")
TOKENS = 6

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def test_fp32_runs_everywhere_and_fp16_is_for_gpus() -> None:
    assert unavailable("fp32", CPU) is None
    assert candidates(CPU) == ["fp32", "bf16"]
    with pytest.raises(
        SpeechRnnError, match=r"--precision fp16: does not work here \(fp16 is for GPUs\); use "
    ):
        check_available("fp16", CPU)


def test_a_format_that_the_processor_lacks_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object, **settings: object) -> None:
        raise RuntimeError("could not create a primitive descriptor\nand so on")

    monkeypatch.setattr(torch.nn.LSTM, "forward", fails)
    assert unavailable("bf16", CPU) == "could not create a primitive descriptor"


def test_scaling_the_loss_changes_nothing_but_its_own_scale_after_an_overflow() -> None:
    plain = Updates(tiny_run(), "fp32", 1, random_network(tiny_run(), TOKENS), TASK, Ranks(0, 1, CPU))
    scaled = Updates(tiny_run(), "fp32", 1, random_network(tiny_run(), TOKENS), TASK, Ranks(0, 1, CPU))
    scaled.scaler = gradient_scaler("fp16", CPU)
    for number in range(3):
        assert plain([tone_batch(3, number)]).applied
        assert scaled([tone_batch(3, number)]).applied
    for name, value in plain.network.state_dict().items():
        torch.testing.assert_close(scaled.network.state_dict()[name], value, rtol=1e-4, atol=1e-5)

    before = copy.deepcopy(scaled.network.state_dict())
    scale = scaled.scaler.get_scale()
    whole = scaled._gradient

    def overflowing(batches: list[object]) -> Gradient:
        gradient = whole(batches)  # type: ignore[arg-type]
        gradient.tensors[-1][0] = float("inf")
        return gradient

    scaled._gradient = overflowing  # type: ignore[assignment,method-assign]
    assert not scaled([tone_batch(3)]).applied
    assert scaled.scaler.get_scale() == scale / 2
    assert same_weights(scaled.network.state_dict(), before)


def on(device: str, precision: str, scale: float = 1.0) -> tuple[Gradient, torch.nn.Module]:
    """The gradient of a batch, without dropout and mask, on `device`."""
    network = random_network(tiny_run(), TOKENS).to(device)
    differentiate = Differentiation(network, TASK, precision, threads=1)  # type: ignore[arg-type]
    return differentiate(tone_batch(6).to(device), mask=True, scale=scale), network


def angle(one: Gradient, other: Gradient) -> float:
    """The cosine between two gradients."""
    a, b = (torch.cat([t.double().flatten().cpu() for t in gradient.tensors]) for gradient in (one, other))
    return float(a @ b / a.norm() / b.norm())


@pytest.mark.gpu
@needs_gpu
def test_a_gpu_gives_the_losses_and_gradients_of_the_cpu() -> None:
    here, _ = on("cpu", "fp32")
    there, _ = on("cuda", "fp32")
    torch.testing.assert_close(there.sums.cpu(), here.sums, rtol=1e-4, atol=0)
    assert angle(here, there) > 0.9999
    for one, other in zip(there.tensors, here.tensors, strict=True):
        torch.testing.assert_close(one.cpu(), other, rtol=1e-2, atol=1e-3 * float(other.abs().max()) + 1e-4)


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_gives_nearly_the_gradient_of_fp32(precision: str) -> None:
    full, _ = on("cuda", "fp32")
    mixed, network = on("cuda", precision)
    assert all(p.dtype == torch.float32 for p in network.parameters())
    assert all(tensor.dtype == torch.float32 for tensor in mixed.tensors)
    torch.testing.assert_close(mixed.sums[:2], full.sums[:2], rtol=2e-2, atol=0)
    assert angle(full, mixed) > 0.99


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_gpu_learns_a_handful_of_utterances_in_every_format(precision: str) -> None:
    device = torch.device("cuda")
    run = tiny_run(updates=200)
    updates = Updates(
        run,
        precision,
        1,
        random_network(run, TOKENS).to(device),
        TASK,
        Ranks(0, 1, device),  # type: ignore[arg-type]
    )
    losses = [updates([tone_batch(4)]).loss for _ in range(run.updates)]
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.gpu
@needs_gpu
def test_a_batch_beyond_the_gpus_memory_is_cut_and_done() -> None:
    network = random_network(tiny_run(), TOKENS).cuda()
    differentiate = Differentiation(network, TASK, "fp32", threads=1)
    batch = tone_batch(256).to("cuda")
    torch.cuda.reset_peak_memory_stats()
    expected = differentiate(batch, mask=False)
    needed = torch.cuda.max_memory_allocated()
    del expected
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(0.7 * needed / total)
    try:
        assert all(tensor.isfinite().all() for tensor in differentiate(batch, mask=False).tensors)
        assert differentiate.fitting_samples < batch.audio.numel()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
