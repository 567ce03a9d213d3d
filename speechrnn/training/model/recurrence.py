"""Recurrent layers that are exact for every length in a batch.

Padding follows an utterance, so a layer that reads forwards never sees it before the last valid frame. A
layer that reads backwards would start in it. Two ways avoid that. Reversing each utterance within its own
length turns the backward direction into a second forward one: on a CPU this is six times faster than packing.
Packing hands the lengths to the kernel, and lets cuDNN run both directions in one call: the way for a GPU.
`RecurrentLayer.forward` owns the choice. For few rows in bf16 some processors have a faster LSTM than
PyTorch's, see `lstm.py`. Sits between the subsampling and the head, see `encoder.py`.

LSTM: Hochreiter and Schmidhuber 1997, with the forget gate's bias at 1 (Jozefowicz et al. 2015).
GRU: Cho et al. 2014. Bidirectional layers: Schuster and Paliwal 1997.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from speechrnn.training.model.lstm import lstm

Cell = Literal["lstm", "gru", "rnn"]

# In bf16, with few rows and many weights, `lstm.py` is faster than PyTorch's layer, which is faster for 24
# rows, in fp32, and as long as the cache holds the weights' gradients; on processors with AMX that is not
# long. With 320 units it is 1.1 to 1.5 times as fast where 640 numbers are read, and where 320 are, up to
# twice with AMX, but slower without (`tools/benchmark_parts.py`).
FEW_ROWS = 16
MANY_WEIGHTS = 450_000 if torch.cpu._is_amx_tile_supported() else 1_000_000


class RecurrentLayer(nn.Module):
    """One layer of LSTM, GRU or plain RNN cells, reading in one direction or in both."""

    def __init__(self, cell: Cell, inputs: int, width: int, bidirectional: bool) -> None:
        super().__init__()
        kind = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[cell]
        self.cell = cell
        self.width = width
        self.recurrence: nn.RNNBase = kind(inputs, width, batch_first=True, bidirectional=bidirectional)
        initialise(self.recurrence, cell)

    def forward(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        """Return the outputs of all directions side by side, zero in the padding.

        Takes `hidden` [batch, frames, inputs] and `lengths` [batch] in frames, each at least 1; gives
        [batch, frames, width x directions].
        """
        if hidden.is_cuda:
            return self.packed(hidden, lengths)
        return self.reversed_within_lengths(hidden, lengths)

    def packed(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        """Both directions in one call over packed sequences."""
        packed = nn.utils.rnn.pack_padded_sequence(
            hidden, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        output, _ = nn.utils.rnn.pad_packed_sequence(
            self.recurrence(packed)[0], batch_first=True, total_length=hidden.shape[1]
        )
        return output

    def reversed_within_lengths(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        """Each direction as a forward one, the second over utterances reversed within their lengths."""
        outputs = [self.read(hidden, suffix="")]
        if self.recurrence.bidirectional:
            backwards = self.read(reverse(hidden, lengths), suffix="_reverse")
            outputs.append(reverse(backwards, lengths))
        return torch.cat(outputs, dim=-1).mul_(valid_frames(lengths, hidden.shape[1], hidden.device))

    def read(self, hidden: Tensor, suffix: str) -> Tensor:
        """Run the direction whose weights carry `suffix` over `hidden` from its first frame to its last."""
        weights = [
            getattr(self.recurrence, f"{name}_l0{suffix}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        number_format = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else hidden.dtype
        on_cpu_in_bf16 = hidden.device.type == "cpu" and number_format == torch.bfloat16
        of_inputs, of_written, *biases = weights
        few_and_many = len(hidden) <= FEW_ROWS and of_inputs.numel() + of_written.numel() >= MANY_WEIGHTS
        if self.cell == "lstm" and on_cpu_in_bf16 and few_and_many:
            operands = (hidden, of_inputs, of_written, sum(biases))
            return lstm(*(operand.bfloat16() for operand in operands))
        start = hidden.new_zeros(1, hidden.shape[0], self.width)
        settings = (weights, True, 1, 0.0, self.training, False, True)
        if self.cell == "lstm":
            return torch.lstm(hidden, (start, start), *settings)[0]
        if self.cell == "gru":
            return torch.gru(hidden, start, *settings)[0]
        return torch.rnn_tanh(hidden, start, *settings)[0]


def reverse(hidden: Tensor, lengths: Tensor) -> Tensor:
    """Return `hidden` [batch, frames, width] with each utterance reversed within its length."""
    frame = torch.arange(hidden.shape[1], device=hidden.device)
    source = lengths[:, None] - 1 - frame
    source = torch.where(source >= 0, source, frame)
    rows = source + hidden.shape[1] * torch.arange(len(lengths), device=hidden.device)[:, None]
    # Whole frames are copied: seven times as fast as `gather`, which asks for every element.
    return hidden.flatten(0, 1).index_select(0, rows.flatten()).view_as(hidden)


def valid_frames(lengths: Tensor, frames: int, device: torch.device) -> Tensor:
    """Return a mask [batch, frames, 1], true where a frame belongs to its utterance."""
    return (torch.arange(frames, device=device) < lengths[:, None])[:, :, None]


def initialise(recurrence: nn.RNNBase, cell: Cell) -> None:
    """Draw weights: Xavier from the input, orthogonal per gate in time; biases 0, the forget gate's 1."""
    width = recurrence.hidden_size
    with torch.no_grad():
        for name, parameter in recurrence.named_parameters():
            if name.startswith("weight_ih"):
                for gate in torch.split(parameter, width):
                    nn.init.xavier_uniform_(gate)
            elif name.startswith("weight_hh"):
                for gate in torch.split(parameter, width):
                    nn.init.orthogonal_(gate)
            else:
                nn.init.zeros_(parameter)
                if cell == "lstm" and name.startswith("bias_ih"):
                    parameter[width : 2 * width] = 1.0  # gate order: input, forget, cell, output
