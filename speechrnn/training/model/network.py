"""The acoustic model, whole: waveform in, log-probabilities of tokens out.

Front end, mask (training only), encoder, linear head. What happens to samples here happens in the exported
graph as well, with the same arrays, except for the mask and dropout.
"""

import torch
from torch import Tensor, nn

from speechrnn import config
from speechrnn.training.augmentation.masks import spec_augment
from speechrnn.training.model.encoder import Encoder
from speechrnn.training.model.front_end import FeatureExtractor


class Network(nn.Module):
    """Front end, encoder and CTC head."""

    def __init__(self, settings: config.Model, tokens: int, augmentation: config.Augmentation) -> None:
        super().__init__()
        self.augmentation = augmentation
        self.front_end = FeatureExtractor(settings.front_end)
        self.encoder = Encoder(settings.encoder, self.front_end.bins)
        self.head = nn.Linear(self.encoder.width, tokens)

    def forward(
        self, audio: Tensor, lengths: Tensor, seeds: Tensor | None = None, mask: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return log-probabilities float32 [batch, frames, tokens] and the valid frames [batch].

        `audio` [batch, samples] in [-1, 1], `lengths` [batch] in samples. With `seeds` [batch] dropout is on;
        `mask` adds SpecAugment. Both draw from the seeds alone.
        """
        features, frames = self.front_end(audio, lengths)
        if mask and seeds is not None:
            features = spec_augment(features, frames, seeds, self.augmentation)
        hidden, frames = self.encoder(features, frames, seeds)
        logits = self.head(hidden)
        return torch.log_softmax(logits.float(), dim=-1), frames
