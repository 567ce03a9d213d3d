"""The data path put together: from utterances that passed screening to a stream of batches.

`TrainingData` plans each epoch (`sampler.py`) and has worker processes read, augment and stack its batches
ahead of the loop. Workers are told which utterance to prepare and the seed of its draws and know nothing
else, so that batches are the same for any number of them, on any rank, and after a resume.
`EvaluationData` is the same recordings as they are, in the order of their length.
"""

import signal
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch.utils.data import DataLoader, Dataset

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance
from speechrnn.training.augmentation import draws
from speechrnn.training.augmentation.waveforms import augment, drawn_speeds
from speechrnn.training.data import sampler
from speechrnn.training.data.audio_source import AudioSource
from speechrnn.training.data.batch import Batch, Example, stack
from speechrnn.training.data.child_processes import behind_parent, deaf_to
from speechrnn.training.data.units import Speller

PREFETCHED = 4  # batches that each worker keeps ready


class TrainingData:
    """Augmented batches of the training set: this rank's rows of each global batch.

    `pinned` puts batches into page-locked memory, for training on a GPU. Worker processes live until `close`.
    Raises SpeechRnnError where the batches are too small for `ranks` processes.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        audio: AudioSource,
        speller: Speller,
        settings: config.Run,
        rank: int = 0,
        ranks: int = 1,
        pinned: bool = False,
    ) -> None:
        self._utterances = utterances
        self._settings = settings
        self._rank, self._ranks = rank, ranks
        self._lengths = np.array([audio.samples(utterance) for utterance in utterances])
        self._budget = round(settings.batching.seconds * audio.sample_rate)
        slowest = min(settings.augmentation.speeds)
        sampler.check_room(_at_speed(self._lengths, slowest), self._budget, ranks, audio.sample_rate)
        self._last: _Epoch | None = None
        self._orders = _Orders()
        preparation = _Preparation(utterances, audio, speller, settings.augmentation)
        workers = settings.batching.workers
        self._loader = DataLoader(
            preparation,
            batch_size=None,  # an order is a whole batch
            sampler=self._orders,
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=PREFETCHED if workers > 0 else None,
            worker_init_fn=behind_parent,
            pin_memory=pinned,
        )

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        """Yield the batches of `epoch` from number `first_batch` on; what comes before it is not read."""
        _, seeds, plan = self._planned(epoch)
        shares = plan.share(self._rank, self._ranks)[first_batch:]
        self._orders.next = [[Draw(row, seeds[row]) for row in share] for share in shares]
        with deaf_to(signal.SIGINT, signal.SIGTERM):
            batches = iter(self._loader)
        try:
            for batch in batches:
                if isinstance(batch, SpeechRnnError):
                    raise batch
                yield batch
        finally:
            del batches  # whoever keeps the error keeps this frame; workers must be free to end in `close`

    def batches_per_epoch(self, epoch: int) -> int:
        """Return how many batches `epoch` has; the same on every rank."""
        return len(self._planned(epoch).plan.batches)

    def padding(self, epoch: int) -> float:
        """Return the share of padding among the samples of the global batches of `epoch`."""
        return self._planned(epoch).plan.padding

    def close(self) -> None:
        """End the worker processes; there are no epochs after that."""
        del self._loader

    def _planned(self, epoch: int) -> "_Epoch":
        """Return the plan of `epoch`; the last one is kept, since it takes seconds for a large corpus."""
        if self._last is None or self._last.epoch != epoch:
            seeds = [draws.utterance_seed(self._settings.seed, epoch, u.id) for u in self._utterances]
            lengths = _at_speed(self._lengths, drawn_speeds(seeds, self._settings.augmentation))
            plan = sampler.plan_epoch(lengths, self._budget, self._settings.seed, epoch)
            self._last = _Epoch(epoch, seeds, plan)
        return self._last


class _Epoch(NamedTuple):
    """An epoch: the number that each utterance's draws come from, and the batches."""

    epoch: int
    seeds: list[int]
    plan: sampler.Plan


class EvaluationData:
    """The utterances of a set as they are, in batches of up to `seconds`, padding included, longest first."""

    def __init__(
        self, utterances: Sequence[Utterance], audio: AudioSource, speller: Speller, seconds: float
    ) -> None:
        lengths = np.array([audio.samples(utterance) for utterance in utterances])
        falling = np.argsort(-lengths, kind="stable")
        self._batches = sampler.fill(falling, lengths, round(seconds * audio.sample_rate))
        self._preparation = _Preparation(utterances, audio, speller, augmentation=None)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._batches:
            prepared = self._preparation[[Draw(row, seed=0) for row in batch]]
            if isinstance(prepared, SpeechRnnError):
                raise prepared
            yield prepared


class Draw(NamedTuple):
    """What a worker is told about an utterance: its number in the training set and the seed of its draws."""

    row: int
    seed: int


class _Preparation(Dataset["Batch | SpeechRnnError"]):
    """From an order for a batch to the batch; what workers run."""

    def __init__(
        self,
        utterances: Sequence[Utterance],
        audio: AudioSource,
        speller: Speller,
        augmentation: config.Augmentation | None,
    ) -> None:
        self._utterances = utterances
        self._audio = audio
        self._speller = speller
        self._augmentation = augmentation

    def __getitem__(self, order: Sequence[Draw]) -> Batch | SpeechRnnError:
        """Return the batch, or the error: raised in a worker, it would reach the user as a traceback."""
        try:
            return stack([self._example(draw) for draw in order])
        except SpeechRnnError as error:
            return error

    def _example(self, draw: Draw) -> Example:
        utterance = self._utterances[draw.row]
        samples = self._audio.read(utterance)
        if self._augmentation is not None:
            samples = augment(samples, draw.seed, self._augmentation, self._audio.sample_rate)
        text, speller = utterance.text, self._speller
        return Example(samples, speller.encode(text), draw.seed, utterance.id, speller.encode_sounds(text))


class _Orders:
    """The orders that workers are given next; the loader keeps asking the same object, epoch after epoch."""

    def __init__(self) -> None:
        self.next: list[list[Draw]] = []

    def __iter__(self) -> Iterator[list[Draw]]:
        return iter(self.next)

    def __len__(self) -> int:
        return len(self.next)


def _at_speed(lengths: sampler.Lengths, speed: float | npt.NDArray[np.float64]) -> sampler.Lengths:
    return np.rint(lengths / speed).astype(np.int64)
