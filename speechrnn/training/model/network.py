"""The acoustic model, whole: waveform in, log-probabilities of tokens out.

Front end, mask (training only), encoder, linear head, and a second one for sounds if there is a lexicon; or
a head for sounds alone, and a writer that makes text of them (`writer.py`). What happens to samples here
happens in the exported graph as well, with the same arrays, except for the mask and dropout, and for what
`losses.py` asks for.
Training looks at an utterance in one phase of the frames, a trained network in all that are configured
(`subsampling.py`).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechrnn import config
from speechrnn.subsampling import output_frames, phase_offsets
from speechrnn.training.augmentation.draws import of_other_view
from speechrnn.training.augmentation.masks import spec_augment
from speechrnn.training.model.encoder import Encoder
from speechrnn.training.model.front_end import FeatureExtractor
from speechrnn.training.model.writer import Writer


class Network(nn.Module):
    """Front end, encoder and CTC heads; without `sounds` there is only that for tokens."""

    def __init__(
        self,
        settings: config.Model,
        tokens: int,
        augmentation: config.Augmentation,
        loss: config.Loss | None = None,
        sounds: int = 0,
    ) -> None:
        super().__init__()
        self.augmentation = augmentation
        self.loss = loss or config.Loss()
        self.stride = settings.encoder.stride
        self.offsets = phase_offsets(self.stride, settings.encoder.phases)
        self.front_end = FeatureExtractor(settings.front_end)
        self.encoder = Encoder(settings.encoder, self.front_end.bins)
        self.writer = Writer(settings, sounds, tokens) if settings.writer.layers else None
        self.head = nn.Linear(self.encoder.width, tokens) if self.writer is None else None
        self.sound_head = nn.Linear(self.encoder.width, sounds) if sounds else None

    def forward(
        self, audio: Tensor, lengths: Tensor, seeds: Tensor | None = None, mask: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return log-probabilities float32 [batch, frames, tokens + sounds] and the valid frames [batch].

        What the heads say stands side by side; the probabilities of each add up to 1. In training a writer
        gives scores instead, whose softmax are probabilities: its loss needs no more (`many_tokens.py`).

        `audio` [batch, samples] in [-1, 1], `lengths` [batch] in samples. With `seeds` [batch] the network is
        in training: dropout is on, `mask` adds SpecAugment, both draw from the seeds alone, and there is a
        batch of rows for every output that the loss looks at (`losses.py`).
        """
        features, frames = self.front_end(audio, lengths)
        if seeds is None:
            return self.in_all_phases(features, frames)
        return self.in_one_phase(*self.views(features, frames, seeds, mask))

    def views(
        self, features: Tensor, frames: Tensor, seeds: Tensor, mask: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return `features` [batch, frames, bins], `frames` and `seeds` as often as training looks at them.

        That is once, or in two views, one below the other; each under a mask of its own if `mask`.
        """
        if self.loss.consistency:
            features, frames = features.repeat(2, 1, 1), frames.repeat(2)
            seeds = torch.cat([seeds, of_other_view(seeds)])
        if mask:
            features = spec_augment(features, frames, seeds, self.augmentation)
        return features, frames, seeds

    def in_one_phase(self, features: Tensor, frames: Tensor, seeds: Tensor) -> tuple[Tensor, Tensor]:
        """Return what training sees of `features` [batch, frames, bins], with dropout.

        There are as many rows as `features` have, and again as many for the middle of the stack if the loss
        asks for it.
        """
        stages, frames = self.encoder.stages(features, frames, seeds)
        looked_at = [stages[-1], stages[(len(stages) - 1) // 2]] if self.loss.middle else [stages[-1]]
        hidden = torch.cat([self.encoder.finished(stage, frames) for stage in looked_at])
        frames, seeds = frames.repeat(len(looked_at)), seeds.repeat(len(looked_at))
        return self.written(self.heard(hidden), frames, seeds), frames

    def in_all_phases(self, features: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `forward` does for `features` [batch, frames, bins]: the mean over phases."""
        room = self.offsets[-1]
        shifted = [F.pad(features, (0, 0, offset, room - offset)) for offset in self.offsets]
        lengths = [frames + offset for offset in self.offsets]
        hidden, lengths_out = self.encoder(torch.cat(shifted), torch.cat(lengths))
        looks = torch.stack(self.heard(hidden).chunk(len(self.offsets)))
        looks = looks[:, :, : output_frames(features.shape[1], self.stride)]
        # The mean of several distributions does not add up to one, that of a single one does.
        mean = self.normalised(looks.mean(0)) if room else looks[0]
        frames_out = lengths_out[: len(features)]
        return self.written(mean, frames_out), frames_out

    def heard(self, hidden: Tensor) -> Tensor:
        """Return the log-probabilities, float32, of what is read off the encoder.

        `hidden` [batch, frames, width]; gives [batch, frames, tokens + sounds], or those of the sounds alone
        where the text is up to a writer.
        """
        return self.normalised(torch.cat([head(hidden) for head in self._heads()], dim=-1))

    def written(self, heard: Tensor, frames: Tensor, seeds: Tensor | None = None) -> Tensor:
        """Return log-probabilities [batch, frames, tokens + sounds] of what is `heard`, by the writer if any.

        `frames` [batch] are valid; `seeds` [batch] turns dropout on, and log-probabilities of a writer's
        tokens into scores.
        """
        if self.writer is None:
            return heard
        text = self.writer(heard, frames) if seeds is None else self.writer.scores(heard, frames, seeds)
        return torch.cat([text, heard], dim=-1)

    def normalised(self, scores: Tensor) -> Tensor:
        """Return scores as `heard` gives them as float32 log-probabilities, each head for itself."""
        each = torch.split(scores.float(), [head.out_features for head in self._heads()], dim=-1)
        return torch.cat([torch.log_softmax(one, dim=-1) for one in each], dim=-1)

    def text_head(self) -> nn.Linear:
        """Return the head that writes tokens: a writer's, or the encoder's."""
        head = self.head if self.writer is None else self.writer.head
        assert head is not None
        return head

    def _heads(self) -> list[nn.Linear]:
        return [head for head in (self.head, self.sound_head) if head is not None]
