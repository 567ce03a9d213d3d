"""The batch: utterances padded to one length, the form in which training data reaches the network.

Third station on the way of the data in training: `Utterance` -> samples -> `Batch` -> front end -> encoder.
Workers make examples and stack them (`loader.py`); the loop moves a batch to its device, and cuts it into
pieces for threads or when it does not fit the GPU's memory.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


@dataclass(frozen=True)
class Example:
    """One utterance, ready: samples, tokens of its text, seed of its draws, its id, sounds of its text.

    Samples are float32 `[samples]`; where a writer is taught, what is heard, `[frames, sounds]`.
    """

    audio: npt.NDArray[np.float32]
    targets: Sequence[int]
    seed: int
    id: str
    sounds: Sequence[int] = ()


@dataclass(frozen=True)
class Batch:
    """Utterances side by side; rows are independent of each other and padding is zero.

    | field            | type                     | holds                                             |
    |------------------|--------------------------|---------------------------------------------------|
    | `audio`          | float32 [batch, samples] | waveforms in [-1, 1], zero after their length (1) |
    | `lengths`        | int64 [batch]            | samples of each waveform                          |
    | `targets`        | int64 [batch, tokens]    | tokens of each text, zero (the blank) after them  |
    | `target_lengths` | int64 [batch]            | tokens of each text                               |
    | `sounds`         | int64 [batch, sounds]    | sounds of each text, zero after them              |
    | `sound_lengths`  | int64 [batch]            | sounds of each text, 0 where they are not known   |
    | `seeds`          | int64 [batch]            | `draws.utterance_seed`, for draws on the device   |
    | `ids`            | [batch] strings          | names of the utterances, as in the manifest       |

    (1) Where a writer is taught, what is heard instead: [batch, frames, sounds], lengths in frames.
    """

    audio: Tensor
    lengths: Tensor
    targets: Tensor
    target_lengths: Tensor
    sounds: Tensor
    sound_lengths: Tensor
    seeds: Tensor
    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on `device`; from pinned memory the copy overlaps with what the device does."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """Return the batch in page-locked memory, from where a GPU copies without waiting."""
        return self._each(Tensor.pin_memory)

    def pieces(self, count: int) -> list["Batch"]:
        """Return the batch cut by rows into `count` batches, or one for each row if there are fewer.

        Row counts differ by at most one, order stays, and each piece is trimmed to its own longest waveform
        and text.
        """
        rows = len(self)
        count = min(count, rows)
        edges = [rows * piece // count for piece in range(count + 1)]
        return [self._rows(first, last) for first, last in pairwise(edges)]

    def _rows(self, first: int, last: int) -> "Batch":
        rows = slice(first, last)
        samples = int(self.lengths[rows].max())
        tokens = int(self.target_lengths[rows].max())
        sounds = int(self.sound_lengths[rows].max())
        return Batch(
            audio=self.audio[rows, :samples].contiguous(),
            lengths=self.lengths[rows],
            targets=self.targets[rows, :tokens].contiguous(),
            target_lengths=self.target_lengths[rows],
            sounds=self.sounds[rows, :sounds].contiguous(),
            sound_lengths=self.sound_lengths[rows],
            seeds=self.seeds[rows],
            ids=self.ids[rows],
        )

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        return Batch(
            audio=change(self.audio),
            lengths=change(self.lengths),
            targets=change(self.targets),
            target_lengths=change(self.target_lengths),
            sounds=change(self.sounds),
            sound_lengths=change(self.sound_lengths),
            seeds=change(self.seeds),
            ids=self.ids,
        )


def stack(examples: Sequence[Example]) -> Batch:
    """Return `examples` (at least one) as a batch, padded to the longest waveform and the longest text."""
    audio = [torch.from_numpy(example.audio) for example in examples]
    targets = [torch.tensor(example.targets, dtype=torch.int64) for example in examples]
    sounds = [torch.tensor(example.sounds, dtype=torch.int64) for example in examples]
    return Batch(
        audio=pad_sequence(audio, batch_first=True),
        lengths=torch.tensor([len(row) for row in audio]),
        targets=pad_sequence(targets, batch_first=True),
        target_lengths=torch.tensor([len(row) for row in targets]),
        sounds=pad_sequence(sounds, batch_first=True),
        sound_lengths=torch.tensor([len(row) for row in sounds]),
        seeds=torch.tensor([example.seed for example in examples]),
        ids=tuple(example.id for example in examples),
    )


class Epochs(Protocol):
    """Training data: the same batches in the same order for the same epoch, whenever they are asked for."""

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        """Yield this rank's part of the batches of `epoch` (from 0), from number `first_batch` on."""
        ...

    def batches_per_epoch(self, epoch: int) -> int:
        """Return how many batches `epoch` has; the same on every rank."""
        ...
