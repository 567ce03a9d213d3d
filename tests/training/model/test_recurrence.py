import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn.training.model import recurrence
from speechrnn.training.model.recurrence import FEW_ROWS, RecurrentLayer, reverse
from tests.reference.cells import CELLS


def reference(layer: RecurrentLayer, frames: np.ndarray) -> np.ndarray:
    """One utterance, alone, by the slow cells: [frames, width x directions]."""
    weights = {name: value.detach().double().numpy() for name, value in layer.recurrence.named_parameters()}
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    cell = CELLS[layer.cell]
    outputs = [cell(frames, *(weights[name] for name in names))]
    if layer.recurrence.bidirectional:
        backwards = cell(frames[::-1], *(weights[name + "_reverse"] for name in names))
        outputs.append(backwards[::-1])
    return np.concatenate(outputs, axis=1)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_each_utterance_of_a_batch_reads_as_the_equations_say(cell, bidirectional, lengths, seed):
    torch.manual_seed(seed)
    layer = RecurrentLayer(cell, inputs=3, width=4, bidirectional=bidirectional)
    hidden = torch.randn(len(lengths), max(lengths), 3)
    output = layer(hidden, torch.tensor(lengths)).detach().numpy()
    for row, length in enumerate(lengths):
        expected = reference(layer, hidden[row, :length].double().numpy())
        np.testing.assert_allclose(output[row, :length], expected, atol=1e-5)
        assert not output[row, length:].any()


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_packing_and_reversing_give_the_same_outputs_and_gradients(cell, bidirectional):
    torch.manual_seed(0)
    layer = RecurrentLayer(cell, inputs=5, width=6, bidirectional=bidirectional)
    lengths = torch.tensor([7, 2, 9, 1])
    results = []
    for way in (layer.packed, layer.reversed_within_lengths):
        hidden = torch.randn(4, 9, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
        output = way(hidden, lengths)
        gradients = torch.autograd.grad(output.square().sum(), [hidden, *layer.parameters()])
        results.append((output, *gradients))
    for packed, reversed_ in zip(*results, strict=True):
        torch.testing.assert_close(packed, reversed_, atol=1e-5, rtol=1e-5)


def test_what_stands_in_the_padding_is_never_read():
    torch.manual_seed(0)
    layer = RecurrentLayer("lstm", inputs=3, width=4, bidirectional=True)
    hidden, lengths = torch.randn(2, 6, 3), torch.tensor([6, 2])
    spoilt = hidden.clone()
    spoilt[1, 2:] = 1e6
    assert torch.equal(layer(hidden, lengths), layer(spoilt, lengths))


def test_reversing_twice_is_nothing():
    hidden, lengths = torch.randn(3, 5, 2), torch.tensor([5, 3, 1])
    assert torch.equal(reverse(reverse(hidden, lengths), lengths), hidden)
    assert torch.equal(reverse(hidden, lengths)[1, :3], hidden[1, :3].flip(0))


def test_the_forget_gate_starts_open():
    layer = RecurrentLayer("lstm", inputs=3, width=4, bidirectional=True)
    for suffix in ("", "_reverse"):
        bias = getattr(layer.recurrence, f"bias_ih_l0{suffix}") + getattr(
            layer.recurrence, f"bias_hh_l0{suffix}"
        )
        assert bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8


@pytest.mark.parametrize("many", [0, 10_000])
@pytest.mark.parametrize("rows", [FEW_ROWS, FEW_ROWS + 1])
def test_bf16_stays_close_to_fp32_for_few_rows_and_many(many, rows, monkeypatch):
    monkeypatch.setattr(recurrence, "MANY_WEIGHTS", many)
    torch.manual_seed(0)
    layer = RecurrentLayer("lstm", inputs=8, width=24, bidirectional=True)
    lengths = torch.randint(1, 12, (rows,))
    lengths[0] = 11
    results = []
    for enabled in (False, True):
        hidden = torch.randn(rows, 11, 8, generator=torch.Generator().manual_seed(1)).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            try:
                output = layer(hidden, lengths)
            except RuntimeError as error:
                pytest.skip(f"no bf16 on this processor: {error}")
        gradients = torch.autograd.grad(output.float().square().sum(), [hidden, *layer.parameters()])
        results.append((output.float(), *gradients))
    for exact, rounded in zip(*results, strict=True):
        assert rounded.dtype == torch.float32
        assert (exact - rounded).norm() < 0.02 * exact.norm()
