"""One direction of an LSTM on a CPU, with a backward pass of its own.

oneDNN's backward pass adds to the gradients of the weights in every time step. Where a batch has few rows, a
layer many units and the processor AMX, that takes longer than all the rest. Here a step back does only what
the next one waits for: one product with the recurrent weights and a handful of sums. Whatever else there is
to do is done for all frames at once, in a few large products; the gates too, which are found again from what
was read and written instead of being kept.

Used by `recurrence.py`. LSTM: Hochreiter and Schmidhuber 1997; equations as in `torch.nn.LSTM`, gates in its
order: input, forget, cell, output.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

CHUNK = 64  # rows (of frames times batch) whose gates are computed at a time: their numbers stay in the cache


def lstm(hidden: Tensor, of_inputs: Tensor, of_written: Tensor, bias: Tensor) -> Tensor:
    """Return what an LSTM writes that starts from zeros and reads from the first frame to the last.

    Takes `hidden` [batch, frames, inputs], the weights of the inputs [4 x width, inputs] and of what was
    written before [4 x width, width], and the sum of both biases [4 x width], all of one number format;
    gives [batch, frames, width]. There are no second derivatives.
    """
    apply: Callable[..., Tensor] = Lstm.apply
    return apply(hidden, of_inputs, of_written, bias)


class Lstm(torch.autograd.Function):
    """Forward and backward pass of `lstm`."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, of_inputs: Tensor, of_written: Tensor, bias: Tensor) -> Tensor:
        """Leave the work to oneDNN."""
        start = hidden.new_zeros(1, hidden.shape[0], of_written.shape[1])
        weights = (of_inputs, of_written, bias, torch.zeros_like(bias))
        written: Tensor = torch.lstm(hidden, (start, start), weights, True, 1, 0.0, False, False, True)[0]
        ctx.save_for_backward(hidden, written, of_inputs, of_written, bias)
        return written

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        """Return the derivatives by all that `forward` takes, given that by its result, `slope`."""
        hidden, written, of_inputs, of_written, bias = ctx.saved_tensors
        before = F.pad(written.transpose(0, 1)[:-1], (0, 0, 0, 0, 1, 0))
        read = torch.cat([hidden.transpose(0, 1), before], dim=-1)  # [frames, batch, inputs + width]
        sums = F.linear(read, torch.cat([of_inputs, of_written], dim=1))
        slopes_by_sums(sums, bias, slope.transpose(0, 1), of_written, CHUNK)
        slopes = sums.flatten(0, 1)  # [frames x batch, 4 x width]
        by_hidden = by_inputs = by_written = by_bias = None
        if ctx.needs_input_grad[0]:
            by_hidden = (slopes @ of_inputs).unflatten(0, read.shape[:2]).transpose(0, 1)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            by_weights = slopes.T @ read.flatten(0, 1)
            by_inputs, by_written = by_weights.tensor_split([of_inputs.shape[1]], dim=1)
        if ctx.needs_input_grad[3]:
            by_bias = slopes.sum(dim=0)
        return by_hidden, by_inputs, by_written, by_bias


def slopes_by_sums(sums: Tensor, bias: Tensor, slope: Tensor, of_written: Tensor, chunk: int) -> None:
    """Put derivatives by the `sums` that enter the gates, [frames, batch, 4 x width], in the place of these.

    Without `bias` [4 x width], which is added here. `slope` [frames, batch, width] is the derivative by what
    is written, as far as others read it; what the layer itself reads a step later leads through `of_written`
    [4 x width, width]. States are float32, products have the format of `sums`. The gates of `chunk` rows,
    frames times batch, are found at a time.
    """
    frames, batch, width = slope.shape
    chunk = max(1, chunk // batch)
    cells = torch.zeros([frames + 1, batch, width])  # each before the frame of its number
    for first in range(0, frames, chunk):
        i, f, g, o = opened(sums[first : first + chunk], bias).unbind()
        gain = i.mul_(g)
        for t in range(len(gain)):
            torch.addcmul(gain[t], f[t], cells[first + t], out=cells[first + t + 1])

    result = torch.empty([batch, 4, width])
    by_cell_gates, by_output_gate = result[:, :3].transpose(0, 1), result[:, 3]
    by_cell = torch.zeros([batch, width])
    by_written = torch.zeros([batch, width])
    # Weights are the first factor: oneDNN packs the second one, and that takes longest.
    backwards = of_written.t().contiguous()
    later = torch.zeros([width, batch], dtype=sums.dtype)
    for last in range(frames, 0, -chunk):
        first = max(0, last - chunk)
        gates = opened(sums[first:last], bias)
        i, f, g, o = gates.unbind()
        tanh = cells[first + 1 : last + 1].tanh()
        # PyTorch's x_backward(a, x) is a times the derivative of x.
        factors = torch.empty_like(gates)
        torch.ops.aten.sigmoid_backward(g, i, grad_input=factors[0])
        torch.ops.aten.sigmoid_backward(cells[first:last], f, grad_input=factors[1])
        torch.ops.aten.tanh_backward(i, g, grad_input=factors[2])
        torch.ops.aten.sigmoid_backward(tanh, o, grad_input=factors[3])
        into_cell = torch.ops.aten.tanh_backward(o, tanh)
        of_cell, of_output = factors[:3], factors[3]
        for t in range(last - first - 1, -1, -1):
            torch.add(slope[first + t], later.t(), out=by_written)
            by_cell.addcmul_(by_written, into_cell[t])
            torch.mul(of_cell[:, t], by_cell, out=by_cell_gates)
            torch.mul(of_output[t], by_written, out=by_output_gate)
            by_cell.mul_(f[t])
            slopes = sums[first + t].copy_(result.view(batch, 4 * width))
            torch.mm(backwards, slopes.t(), out=later)


def opened(sums: Tensor, bias: Tensor) -> Tensor:
    """Return the gates, float32 [4, frames, batch, width], of `sums` [frames, batch, 4 x width]."""
    frames, batch, _ = sums.shape
    gates = torch.empty([4, frames, batch, len(bias) // 4])
    gates.copy_(sums.view(frames, batch, 4, -1).permute(2, 0, 1, 3)).add_(bias.view(4, 1, 1, -1))
    gates[:2].sigmoid_()
    gates[2].tanh_()
    gates[3].sigmoid_()
    return gates


# As TorchScript the loops run without Python's lock: two threads, each with its piece of a batch, would wait
# for each other at every step and take twice as long.
opened = torch.jit.script(opened)
slopes_by_sums = torch.jit.script(slopes_by_sums)
