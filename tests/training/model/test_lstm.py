import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn.training.model.lstm import CHUNK, lstm

DERIVATIVES = ("hidden", "of_inputs", "of_written", "bias")
SHAPES = st.tuples(*(st.integers(1, most) for most in (5, 40, 7, 6)))  # batch, frames, inputs, width


def operands(batch, frames, inputs, width, seed=0):
    """What `lstm` takes, and the derivative by what it gives, in float64."""
    random = torch.Generator().manual_seed(seed)
    shapes = ((batch, frames, inputs), (4 * width, inputs), (4 * width, width), (4 * width,))
    *taken, slope = (
        torch.randn(shape, generator=random, dtype=torch.float64)
        for shape in (*shapes, (batch, frames, width))
    )
    return taken, slope


def derivatives(layer, taken, slope, number_format):
    taken = [operand.to(number_format).requires_grad_() for operand in taken]
    written = layer(*taken)
    return written.detach(), torch.autograd.grad(written, taken, slope.to(number_format))


def pytorchs(hidden, of_inputs, of_written, bias):
    """The oracle: PyTorch's own layer and its own derivatives."""
    start = hidden.new_zeros(1, len(hidden), of_written.shape[1])
    weights = (of_inputs, of_written, bias, torch.zeros_like(bias))
    return torch.lstm(hidden, (start, start), weights, True, 1, 0.0, True, False, True)[0]


def distance(one, other):
    """How far tensors are from each other, as a share of the other's norm."""
    return ((one.double() - other.double()).norm() / other.double().norm().clamp(min=1e-3)).item()


@given(shape=SHAPES, seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_derivatives_are_those_of_pytorchs_layer(shape, seed):
    taken, slope = operands(*shape, seed)
    written, found = derivatives(lstm, taken, slope, torch.float32)
    expected, right = derivatives(pytorchs, taken, slope, torch.float64)
    assert distance(written, expected) < 1e-5
    for name, one, other in zip(DERIVATIVES, found, right, strict=True):
        assert distance(one, other) < 1e-5, name


def test_chunks_leave_no_seams():
    taken, slope = operands(batch=2, frames=2 * CHUNK + 3, inputs=3, width=4)
    _, found = derivatives(lstm, taken, slope, torch.float32)
    _, right = derivatives(pytorchs, taken, slope, torch.float64)
    for name, one, other in zip(DERIVATIVES, found, right, strict=True):
        assert distance(one, other) < 1e-5, name


def test_in_bf16_derivatives_are_as_good_as_pytorchs():
    taken, slope = operands(batch=4, frames=90, inputs=24, width=32)
    taken = [taken[0], *(weights / 5 for weights in taken[1:])]
    _, right = derivatives(pytorchs, taken, slope, torch.float64)
    try:
        _, pytorch = derivatives(pytorchs, taken, slope, torch.bfloat16)
    except RuntimeError as error:
        pytest.skip(f"no bf16 on this processor: {error}")
    _, found = derivatives(lstm, taken, slope, torch.bfloat16)
    for name, one, rival, other in zip(DERIVATIVES, found, pytorch, right, strict=True):
        assert distance(one, other) < 1.2 * distance(rival, other), name


def test_a_row_does_not_depend_on_its_neighbours():
    taken, slope = operands(batch=3, frames=20, inputs=4, width=5)
    _, (together, *_) = derivatives(lstm, taken, slope, torch.float32)
    for row in range(3):
        alone = [taken[0][row : row + 1], *taken[1:]]
        _, (by_hidden, *_) = derivatives(lstm, alone, slope[row : row + 1], torch.float32)
        torch.testing.assert_close(by_hidden[0], together[row], atol=1e-6, rtol=1e-5)


def test_only_what_is_asked_for_is_found():
    taken, slope = operands(batch=2, frames=5, inputs=3, width=4)
    _, everything = derivatives(lstm, taken, slope, torch.float32)
    for wanted, expected in enumerate(everything):
        some = [operand.float().requires_grad_(place == wanted) for place, operand in enumerate(taken)]
        lstm(*some).backward(slope.float())
        assert [operand.grad is not None for operand in some] == [place == wanted for place in range(4)]
        assert torch.equal(some[wanted].grad, expected)


def test_threads_find_the_same_as_one_after_the_other():
    taken, slope = operands(batch=3, frames=50, inputs=8, width=16)
    _, alone = derivatives(lstm, taken, slope, torch.float32)
    found = {}

    def find(number):
        found[number] = derivatives(lstm, taken, slope, torch.float32)[1]

    threads = [threading.Thread(target=find, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        assert all(torch.equal(one, other) for one, other in zip(found[number], alone, strict=True))
