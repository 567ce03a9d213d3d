"""Which utterances stand together in a batch, and in which order the batches come.

An epoch is planned whole before it starts. Utterances are sorted by length, so that each batch is a bucket of
like lengths and little of it is padding; batches are filled up to a number of seconds, padding included; then
their order is shuffled. Speed perturbation gives every utterance another length each epoch, and a little
noise on the sorting key does the rest: no two epochs have the same batches.

The plan is a pure function of the lengths and (seed, epoch). It does not know how many processes train: each
takes every n-th row of each batch, so that together they see the batch that one process alone would see.
Resuming inside an epoch is making the same plan and leaving out its first batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechrnn.errors import SpeechRnnError

Lengths = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]

SORTING_NOISE = 0.05  # of the natural logarithm of the length: neighbours differ by up to 10 %


@dataclass(frozen=True)
class Plan:
    """The batches of an epoch in order, each the numbers of its utterances, longest first."""

    batches: tuple[Rows, ...]
    padding: float
    """Share of the samples of all batches that are padding."""

    def share(self, rank: int, ranks: int) -> tuple[Rows, ...]:
        """Return the rows of each batch that process `rank` of `ranks` trains on."""
        return tuple(batch[rank::ranks] for batch in self.batches)


def plan_epoch(lengths: Lengths, budget: int, seed: int, epoch: int) -> Plan:
    """Return the plan of an epoch over utterances of `lengths` `[utterances]` samples.

    A batch holds at most `budget` samples, padding included, or a single utterance that is longer.
    """
    generator = np.random.default_rng((seed, epoch))
    noise = generator.uniform(-SORTING_NOISE, SORTING_NOISE, len(lengths))
    buckets = fill(np.argsort(-lengths * np.exp(noise), kind="stable"), lengths, budget)
    order = generator.permutation(len(buckets))
    batches = tuple(_longest_first(buckets[number], lengths) for number in order)
    return Plan(batches, padding_share(batches, lengths))


def fill(order: Rows, lengths: Lengths, budget: int) -> list[Rows]:
    """Return `order` (falling lengths, or nearly) cut into batches of at most `budget` samples with padding.

    Batches of more than one row have an even number of them, so that two cores or two processes that share a
    batch end at the same time: with 60 s in a batch, odd ones cost a sixth of the speed. A last batch of
    fewer rows takes some from the one before, so that the remainder is not one lonely utterance.
    """
    batches: list[Rows] = []
    first, longest = 0, 0
    for position, utterance in enumerate(order):
        longest = max(longest, int(lengths[utterance]))
        rows = position - first
        if rows > 0 and longest * (rows + 1) > budget:
            end = first + (rows if rows == 1 else rows - rows % 2)
            batches.append(order[first:end])
            first, longest = end, int(lengths[order[end : position + 1]].max())
    batches.append(order[first:])
    if len(batches) > 1 and len(batches[-1]) < len(batches[-2]):
        last_two = np.concatenate(batches[-2:])
        room = budget // int(lengths[last_two].max())
        rows = max(len(batches[-1]), min(len(last_two) // 2, room))
        batches[-2:] = [last_two[:-rows], last_two[-rows:]]
    return batches


def padding_share(batches: Sequence[Rows], lengths: Lengths) -> float:
    """Return the share of padding among all samples of `batches`."""
    samples = sum(int(lengths[batch].sum()) for batch in batches)
    padded = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    return 1.0 - samples / padded


def check_room(lengths: Lengths, budget: int, ranks: int, sample_rate: int) -> None:
    """Raise SpeechRnnError unless every batch of any plan has at least one row for each of `ranks` processes.

    `lengths` are those at the slowest speed. Two rows a process are asked for, because the last two batches
    may have to share as little as one row more than a full batch.
    """
    if ranks == 1:
        return
    if len(lengths) < ranks:
        raise SpeechRnnError(
            f"training set: {len(lengths)} utterances are too few for {ranks} processes; start fewer"
        )
    needed = int(lengths.max()) * 2 * ranks
    if budget < needed:
        raise SpeechRnnError(
            f"--batching.seconds {budget / sample_rate:g} is too little for {ranks} processes: each "
            f"needs room for two of the longest utterances; give {np.ceil(needed / sample_rate):g} or more"
        )


def _longest_first(batch: Rows, lengths: Lengths) -> Rows:
    return batch[np.argsort(-lengths[batch], kind="stable")]
