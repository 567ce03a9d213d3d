"""Where the time of training goes: each station of a batch's way, timed by itself.

On a CPU the stations of one update run in several threads at once and beside the workers, so what is told is
processor time of one thread, which also does not grow when others use the machine. On a GPU it is the time
that passes until the GPU has done what it was given. Used by `benchmark_training.py`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch

from speechrnn import config
from speechrnn.manifest import Utterance
from speechrnn.training.augmentation import draws
from speechrnn.training.augmentation.waveforms import augment
from speechrnn.training.core_threads import core_threads
from speechrnn.training.data.audio_source import AudioSource
from speechrnn.training.data.batch import Batch, Example, stack
from speechrnn.training.model.network import Network
from speechrnn.training.optimisation.gradients import Gradient, normalise_and_clip
from speechrnn.training.optimisation.precision import autocast
from speechrnn.training.optimisation.update import Updates, optimisers

Result = TypeVar("Result")

FORWARD, BACKWARD = LAYERS = ("encoder and heads, forward", "encoder and heads, backward")


class Costs:
    """Seconds spent at each station, in the order in which they were first entered."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}

    @contextmanager
    def at(self, station: str) -> Iterator[None]:
        """Count the time of the block for `station`."""
        start = self.now()
        yield
        self.seconds[station] = self.seconds.get(station, 0.0) + self.now() - start

    def now(self) -> float:
        """Return a time in seconds: this thread's on a CPU, the clock's once a GPU has done its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
            return time.perf_counter()
        return time.thread_time()


def cost_of_data(
    utterances: Sequence[Utterance], audio: AudioSource, augmentation: config.Augmentation
) -> tuple[dict[str, float], float]:
    """Return the seconds that a worker takes to prepare `utterances` as one batch, and how long they are."""
    costs = Costs(torch.device("cpu"))
    batch = _second_time(lambda: _prepare(utterances, audio, augmentation, costs), costs)
    return costs.seconds, float(batch.lengths.sum()) / audio.sample_rate


def cost_of_updates(updates: Updates, batches: Sequence[Batch]) -> dict[str, float]:
    """Return the seconds that updates on `batches` take, every station on one thread."""
    costs = Costs(updates.ranks.device)
    _second_time(lambda: _updates(updates, batches, costs), costs)
    return costs.seconds


def _second_time(work: Callable[[], Result], costs: Costs) -> Result:
    """Do `work` twice on one thread, count the second time and return its result."""
    with core_threads(1) as alone:
        alone.submit(work).result()
        costs.seconds.clear()
        return alone.submit(work).result()


def _prepare(
    utterances: Sequence[Utterance], audio: AudioSource, augmentation: config.Augmentation, costs: Costs
) -> Batch:
    """Do what a worker does, but for the spelling."""
    examples = []
    for utterance in utterances:
        seed = draws.utterance_seed(0, 0, utterance.id)
        with costs.at("worker: reading"):
            samples = audio.read(utterance)
        with costs.at("worker: augmentation"):
            samples = augment(samples, seed, augmentation, audio.sample_rate)
        examples.append(Example(samples, [], seed, utterance.id))
    with costs.at("worker: stacking"):
        return stack(examples)


def _updates(updates: Updates, batches: Sequence[Batch], costs: Costs) -> None:
    """Do what `Updates` does, station by station."""
    network = updates.network
    assert isinstance(network, Network)
    network.train()
    alone = optimisers(updates.differentiate.parameters, updates.run.optimisation)
    for batch in batches:
        with costs.at("cutting into pieces"):
            pieces = batch.to(updates.ranks.device).pieces(max(1, updates.differentiate.threads))
        gradients = [_gradient(updates, network, piece, costs) for piece in pieces]
        with costs.at("sum of pieces"):
            total = gradients[0]
            for gradient in gradients[1:]:
                total = total.add(gradient)
            updates.sum_over_ranks(total.tensors)
        with costs.at("clipping"):
            normalise_and_clip(network, float(total.sums[1]), updates.run.optimisation.clip)
        with costs.at("optimisers"):
            for optimiser in alone:
                optimiser.step()
        with costs.at("average of the weights"):
            updates.average.follow()


def _gradient(updates: Updates, network: Network, piece: Batch, costs: Costs) -> Gradient:
    """Differentiate one piece as `Differentiation` does."""
    with autocast(updates.differentiate.precision, piece.audio.device):
        with costs.at("front end"):
            features, frames = network.front_end(piece.audio, piece.lengths)
        with costs.at("masks"):
            features, frames, seeds = network.views(features, frames, piece.seeds, mask=True)
        with costs.at(FORWARD):
            log_probs, frames = network.in_one_phase(features, frames, seeds)
    with costs.at("loss"):
        loss = updates.task.loss(log_probs, frames, piece)
        (slope,) = torch.autograd.grad(loss, log_probs, retain_graph=True)
    with costs.at(BACKWARD):
        tensors = torch.autograd.grad(log_probs, updates.differentiate.parameters, slope)
    with costs.at("what is watched"):
        watched = [count(log_probs.detach(), frames) for count in updates.task.watched.values()]
        sums = torch.stack([value.detach().double() for value in (loss, frames.sum(), *watched)])
    return Gradient(list(tensors), sums)
