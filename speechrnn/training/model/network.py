"""The acoustic model, whole: waveform in, log-probabilities of tokens out.

Front end, mask (training only), encoder, linear head. What happens to samples here happens in the exported
graph as well, with the same arrays, except for the mask and dropout, and for what `losses.py` asks for.
"""

import torch
from torch import Tensor, nn

from speechrnn import config
from speechrnn.training.augmentation.draws import of_other_view
from speechrnn.training.augmentation.masks import spec_augment
from speechrnn.training.model.encoder import Encoder
from speechrnn.training.model.front_end import FeatureExtractor


class Network(nn.Module):
    """Front end, encoder and CTC head."""

    def __init__(
        self,
        settings: config.Model,
        tokens: int,
        augmentation: config.Augmentation,
        loss: config.Loss | None = None,
    ) -> None:
        super().__init__()
        self.augmentation = augmentation
        self.loss = loss or config.Loss()
        self.front_end = FeatureExtractor(settings.front_end)
        self.encoder = Encoder(settings.encoder, self.front_end.bins)
        self.head = nn.Linear(self.encoder.width, tokens)

    def forward(
        self, audio: Tensor, lengths: Tensor, seeds: Tensor | None = None, mask: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return log-probabilities float32 [batch, frames, tokens] and the valid frames [batch].

        `audio` [batch, samples] in [-1, 1], `lengths` [batch] in samples. With `seeds` [batch] the network is
        in training: dropout is on, `mask` adds SpecAugment, both draw from the seeds alone, and there is a
        batch of rows for every output that the loss looks at (`losses.py`).
        """
        features, frames = self.front_end(audio, lengths)
        if seeds is None:
            hidden, frames = self.encoder(features, frames)
            return self.log_probs(hidden), frames
        if self.loss.consistency:
            features, frames = features.repeat(2, 1, 1), frames.repeat(2)
            seeds = torch.cat([seeds, of_other_view(seeds)])
        if mask:
            features = spec_augment(features, frames, seeds, self.augmentation)
        stages, frames = self.encoder.stages(features, frames, seeds)
        looked_at = [stages[-1], stages[(len(stages) - 1) // 2]] if self.loss.middle else [stages[-1]]
        hidden = torch.cat([self.encoder.finished(stage, frames) for stage in looked_at])
        return self.log_probs(hidden), frames.repeat(len(looked_at))

    def log_probs(self, hidden: Tensor) -> Tensor:
        """Return what the head makes of `hidden` [batch, frames, width]: float32 [batch, frames, tokens]."""
        return torch.log_softmax(self.head(hidden).float(), dim=-1)
