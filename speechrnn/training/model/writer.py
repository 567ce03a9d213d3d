"""From sounds to text: a stack that reads which sounds the encoder hears, and spells.

Sounds are nearly enough to know the words, and how words are spelt is told by text, of which there is far
more than of transcribed speech. So the text is not read off the encoder but off this stack,
which sees nothing but probabilities of sounds: whatever can imitate these from text (`training/writing/`) can
teach it. Text as a second way into a recogniser is the idea of Sainath et al. 2023 ("JOIST: a joint speech
and text streaming model for ASR") and others; here both ways meet in what a CTC head says.

A step of the stack reads two frames and writes two: that halves its cost and loses nothing, since what is
heard in a frame is rarely more than a part of one sound.

No frame knows what its neighbours decide, so a word in several pieces may begin as one and end as another.
Text has enough of most words for them to be tokens of their own (Soltau, Liao and Sak 2016, "Neural speech
recognizer: acoustic-to-word LSTM model for large vocabulary speech recognition"). One head for all frames,
behind a bottleneck, has room for so many.

Behind the head for sounds, in `network.py`; as nodes of the graph in `export/writer.py`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speechrnn import config
from speechrnn.outputs import FRAMES_A_STEP, QUIETEST
from speechrnn.training.model.encoder import Layer, locked_dropout
from speechrnn.training.model.recurrence import valid_frames

DROPOUT_STREAM = 100  # of the projection; those before it are the encoder's, those after it the layers'


class Writer(nn.Module):
    """Recurrent layers over what is heard, a bottleneck for each frame of a step, one head for all."""

    def __init__(self, settings: config.Model, sounds: int, tokens: int) -> None:
        super().__init__()
        encoder = settings.encoder
        width = encoder.width * (2 if encoder.bidirectional else 1)
        self.projection = nn.Linear(FRAMES_A_STEP * 2 * sounds, width)
        self.layers = nn.ModuleList(Layer(encoder, width) for _ in range(settings.writer.layers))
        self.norm = nn.LayerNorm(width)
        bottleneck = settings.writer.bottleneck
        self.of_frames = nn.ModuleList(nn.Linear(width, bottleneck) for _ in range(FRAMES_A_STEP))
        self.head = nn.Linear(bottleneck, tokens)
        self.dropout = encoder.dropout

    def forward(self, heard: Tensor, lengths: Tensor, seeds: Tensor | None = None) -> Tensor:
        """Return log-probabilities of tokens, float32 [batch, frames, tokens], for what `scores` takes."""
        return torch.log_softmax(self.scores(heard, lengths, seeds).float(), dim=-1)

    def scores(self, heard: Tensor, lengths: Tensor, seeds: Tensor | None = None) -> Tensor:
        """Return scores [batch, frames, tokens] whose softmax are the probabilities of tokens."""
        scores: Tensor = self.head(self.read(heard, lengths, seeds))
        return scores

    def read(self, heard: Tensor, lengths: Tensor, seeds: Tensor | None = None) -> Tensor:
        """Return what the head reads, [batch, frames, bottleneck].

        `heard` [batch, frames, sounds] are natural log-probabilities, of which the first `lengths` [batch]
        frames count. `seeds` [batch] turns dropout on and is all it depends on.
        """
        frames = heard.shape[1]
        seen = torch.cat([heard.clamp(min=QUIETEST) / 4 + 1, 2 * heard.exp()], dim=-1)
        seen = seen * valid_frames(lengths, frames, heard.device)
        padded = F.pad(seen, (0, 0, 0, -frames % FRAMES_A_STEP))
        pairs = padded.reshape(len(padded), -1, FRAMES_A_STEP * padded.shape[2])
        steps = (lengths + FRAMES_A_STEP - 1) // FRAMES_A_STEP
        valid = valid_frames(steps, pairs.shape[1], heard.device)
        hidden = locked_dropout(self.projection(pairs), self.dropout, seeds, DROPOUT_STREAM) * valid
        for number, layer in enumerate(self.layers, start=1):
            written = locked_dropout(layer(hidden, steps), self.dropout, seeds, DROPOUT_STREAM + number)
            hidden = hidden + written
        finished = self.norm(hidden)
        each = torch.stack([of_frame(finished) for of_frame in self.of_frames], dim=2)
        return each.flatten(1, 2)[:, :frames]
