"""What this machine can do, measured once before a run starts: which precision, how many updates.

A few updates of a copy of the network are timed in each number format, on batches that come from the workers
meanwhile, as in the run: where they share the cores with the network, they cost a sixth of its speed. The
faster format is taken; a limit in minutes becomes a number of updates. Both are stored with the run and
never measured again, so that a run that is continued, on a busier machine perhaps, is still the same run.
"""

import copy
import dataclasses
import time
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial

import torch
from torch import nn

from speechrnn import config
from speechrnn.training.data.batch import Batch, Epochs
from speechrnn.training.optimisation.distributed import Ranks, of_first, summed
from speechrnn.training.optimisation.precision import Precision, candidates, check_available, unavailable
from speechrnn.training.optimisation.task import Task
from speechrnn.training.optimisation.update import Updates

WARM_UP = 3  # updates that are not timed, or more: until half of the time for timing has gone by
TIMED_SHARE = 0.006  # of the time limit
LEAST_SECONDS, MOST_SECONDS = 2.0, 10.0
VALIDATION_COST = 0.35  # a look, of the time that training takes for the same audio: forward, and decoding


@dataclasses.dataclass(frozen=True)
class Workload:
    """How much there is to do: seconds of audio in the training and in the validation set."""

    training_audio: float
    validation_audio: float


def settle(
    run: config.Run,
    workload: Workload,
    threads: int,
    data: Epochs,
    network: nn.Module,
    task: Task,
    ranks: Ranks,
    say: Callable[[str], None],
) -> config.Run:
    """Return `run` with device, threads, precision and updates filled in, the same on every rank."""
    device = ranks.device
    run = dataclasses.replace(run, device="cuda" if device.type == "cuda" else "cpu", threads=threads)
    if run.precision != "auto":
        check_available(run.precision, device)
    batches = data.batches_per_epoch(0) / run.optimisation.accumulate
    by_time = run.minutes > 0 and not run.updates
    if run.precision == "auto" or by_time:
        speed = measure(run, threads, network, task, partial(endless, data), say)
        run = dataclasses.replace(run, precision=of_first(speed.precision, ranks))
        if by_time:
            together = summed([speed.audio_seconds_per_second], ranks)[0]
            run = dataclasses.replace(run, updates=updates_in(run, workload, batches, together))
    if not run.updates:
        run = dataclasses.replace(run, updates=max(1, round(run.epochs * batches)))
    place = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU with {threads} threads"
    say(f"settled: {run.updates} updates in {run.precision} on {ranks.world} x {place}")
    return run


@dataclasses.dataclass(frozen=True)
class Speed:
    """Seconds of audio trained on per second, in one number format."""

    precision: Precision
    audio_seconds_per_second: float


def measure(
    run: config.Run,
    threads: int,
    network: nn.Module,
    task: Task,
    batches: Callable[[], Generator[Batch, None, None]],
    say: Callable[[str], None],
) -> Speed:
    """Return the fastest allowed number format and its speed, on fresh `batches` and by this process alone.

    The network stays as it is.
    """
    device = next(network.parameters()).device
    formats = candidates(device) if run.precision == "auto" else [run.precision]
    speeds = []
    for precision in formats:
        reason = unavailable(precision, device) if run.precision == "auto" else None
        if reason is not None:
            say(f"{precision}: not available here ({reason})")
            continue
        alone = Updates(run, precision, threads, copy.deepcopy(network), task, Ranks(0, 1, device))
        with closing(batches()) as fresh:
            speed = _audio_per_second(alone, fresh, device, timed_seconds(run.minutes))
            speeds.append(Speed(precision, speed))
        say(f"{precision}: {speeds[-1].audio_seconds_per_second:.0f} s of audio per second")
    return max(speeds, key=lambda speed: speed.audio_seconds_per_second)


def timed_seconds(minutes: float) -> float:
    """Return for how long to time the updates of a run with that limit (0: none)."""
    return min(max(TIMED_SHARE * 60 * minutes, LEAST_SECONDS), MOST_SECONDS)


def updates_in(
    run: config.Run, workload: Workload, updates_per_epoch: float, audio_seconds_per_second: float
) -> int:
    """Return how many updates fit into the run's minutes, with its validations and one at the end."""
    validation = (
        VALIDATION_COST * run.model.encoder.phases * workload.validation_audio / audio_seconds_per_second
    )
    update = workload.training_audio / updates_per_epoch / audio_seconds_per_second
    return max(1, int((60 * run.minutes - validation) / (update + validation / run.evaluate_every)))


def endless(data: Epochs) -> Generator[Batch, None, None]:
    """Yield the batches of the first epoch, again and again."""
    while True:
        yield from data.epoch(0)


def _audio_per_second(
    updates: Updates, batches: Generator[Batch, None, None], device: torch.device, seconds: float
) -> float:
    """Return the speed over `seconds`, once workers are ahead and memory is mapped."""
    try:
        begun, warm = _now(device), 0
        while warm < WARM_UP or _now(device) - begun < seconds / 2:
            updates([next(batches)])
            warm += 1
        start = _now(device)
        audio = elapsed = 0.0
        while elapsed < seconds:
            audio += updates([next(batches)]).audio_seconds
            elapsed = _now(device) - start
        return audio / elapsed
    finally:
        updates.close()


def _now(device: torch.device) -> float:
    """Return the time in seconds, when `device` has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
