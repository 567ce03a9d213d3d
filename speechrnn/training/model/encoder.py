"""From features to hidden states: convolutional subsampling, then a deep stack of recurrent layers.

Two or three 3x3 convolutions shorten time by the configured stride and frequency by four (Amodei et al. 2016,
Deep Speech 2). A linear map brings them to the width of the stack. Each layer of the stack normalises its
input, reads it, silences some units for the whole utterance (locked dropout, Gal and Ghahramani 2016) and
adds its input to the result, so that depth costs little in training. Two thirds of the work of a layer of
both directions go into what it reads; a linear bottleneck before it saves half of them (after Sak et al.
2014, who project what a layer writes). Padding stays zero from layer to layer.

Between the front end (`front_end.py`) and the head (`network.py`). Exported node by node in `export/`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speechrnn import config
from speechrnn.subsampling import FREQUENCY_STRIDES, KERNEL, TIME_STRIDES, output_bins
from speechrnn.training.augmentation.draws import Stream, uniform
from speechrnn.training.model.recurrence import RecurrentLayer, valid_frames


class Encoder(nn.Module):
    """Subsampling and stack; the layers are in `layers`, in the order of the data."""

    def __init__(self, settings: config.Encoder, bins: int) -> None:
        super().__init__()
        self.subsampling = Subsampling(settings, bins)
        self.width = settings.width * (2 if settings.bidirectional else 1)
        self.projection = nn.Linear(self.subsampling.outputs, self.width)
        self.layers = nn.ModuleList(Layer(settings, self.width) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(self.width)
        self.dropout = settings.dropout

    def forward(
        self, features: Tensor, lengths: Tensor, seeds: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return hidden states [batch, frames, width] and their lengths [batch].

        `features` [batch, frames, bins], zero in the padding; `lengths` [batch] in frames. `seeds` [batch]
        turns dropout on and is all it depends on; without them the result is that of the trained model.
        """
        stages, lengths = self.stages(features, lengths, seeds)
        return self.finished(stages[-1], lengths), lengths

    def stages(
        self, features: Tensor, lengths: Tensor, seeds: Tensor | None = None
    ) -> tuple[list[Tensor], Tensor]:
        """Return what each layer leaves behind, [batch, frames, width] each, and the lengths [batch]."""
        hidden, lengths = self.subsampling(features, lengths)
        valid = valid_frames(lengths, hidden.shape[1], hidden.device)
        hidden = self.projection(hidden)
        hidden = locked_dropout(hidden, self.dropout, seeds, stream=0) * valid
        stages = []
        for number, layer in enumerate(self.layers, start=1):
            hidden = hidden + locked_dropout(layer(hidden, lengths), self.dropout, seeds, stream=number)
            stages.append(hidden)
        return stages, lengths

    def finished(self, stage: Tensor, lengths: Tensor) -> Tensor:
        """Return a stage [batch, frames, width] as the head reads it, zero in the padding."""
        normalised: Tensor = self.norm(stage)
        return normalised * valid_frames(lengths, stage.shape[1], stage.device)


class Subsampling(nn.Module):
    """3x3 convolutions with ReLU over time and frequency."""

    def __init__(self, settings: config.Encoder, bins: int) -> None:
        super().__init__()
        self.time_strides = TIME_STRIDES[settings.stride]
        inputs = 1
        self.convolutions = nn.ModuleList()
        for time, frequency in zip(self.time_strides, FREQUENCY_STRIDES, strict=False):
            convolution = nn.Conv2d(inputs, settings.channels, KERNEL, stride=(time, frequency), padding=1)
            self.convolutions.append(convolution)
            inputs = settings.channels
        self.outputs = settings.channels * output_bins(bins, settings.stride)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return [batch, frames / stride, channels x bins / 4], zero in the padding, and the new lengths."""
        # With the channels of a place side by side both passes take two thirds of the time on a CPU.
        hidden = features[:, None].to(memory_format=torch.channels_last)  # [batch, channels, frames, bins]
        for convolution, stride in zip(self.convolutions, self.time_strides, strict=True):
            hidden = convolution(hidden)
            lengths = (lengths - 1).div(stride, rounding_mode="floor") + 1
            # In place: these are the largest tensors of all, and fresh memory costs more than the sums.
            hidden = hidden.mul_(valid_frames(lengths, hidden.shape[2], hidden.device)[:, None]).relu_()
        return hidden.transpose(1, 2).flatten(2), lengths


class Layer(nn.Module):
    """Normalise, then read in time; with `none` as cell, a feed-forward layer over single frames."""

    def __init__(self, settings: config.Encoder, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.bottleneck: nn.Linear | None = None
        self.recurrent: RecurrentLayer | None = None
        self.dense: nn.Linear | None = None
        if settings.cell == "none":
            self.dense = nn.Linear(width, width)
        else:
            if settings.bottleneck:
                self.bottleneck = nn.Linear(width, settings.bottleneck, bias=False)
            inputs = settings.bottleneck or width
            self.recurrent = RecurrentLayer(settings.cell, inputs, settings.width, settings.bidirectional)

    def forward(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        """Return [batch, frames, width], zero in the padding."""
        hidden = self.norm(hidden)
        if self.bottleneck is not None:
            hidden = self.bottleneck(hidden)
        if self.recurrent is not None:
            read: Tensor = self.recurrent(hidden, lengths)
            return read
        assert self.dense is not None
        return F.relu(self.dense(hidden)) * valid_frames(lengths, hidden.shape[1], hidden.device)


def locked_dropout(hidden: Tensor, share: float, seeds: Tensor | None, stream: int) -> Tensor:
    """Silence a `share` of the units of `hidden` [batch, frames, width], the same for a whole utterance.

    Which ones depends on its seed and on `stream` alone, so batches may be cut in any way.
    """
    if seeds is None or share == 0:
        return hidden
    kept = uniform(seeds, Stream.DROPOUT + stream, hidden.shape[-1]) >= share
    return hidden * (kept[:, None, :] / (1 - share)).to(hidden.dtype)
