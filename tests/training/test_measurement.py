import copy
from collections.abc import Generator

import pytest

torch = pytest.importorskip("torch")

from speechrnn.training import measurement
from speechrnn.training.data.batch import Batch
from speechrnn.training.measurement import VALIDATION_COST, Workload, measure, timed_seconds, updates_in
from speechrnn.training.model.ctc import blank_frames, summed_loss
from speechrnn.training.model.initialise import random_network
from speechrnn.training.optimisation.task import Task
from tests.training.tones import same_weights, tiny_run, tone_batch

TASK = Task(
    loss=summed_loss, watched={"blanks": blank_frames}, metric=lambda network: {}, rate=16000, criterion="wer"
)


def tone_batches() -> Generator[Batch, None, None]:
    while True:
        yield tone_batch(2)


@pytest.mark.parametrize("faster", ["fp32", "bf16"])
def test_the_faster_format_is_taken_and_both_are_told(monkeypatch: pytest.MonkeyPatch, faster: str) -> None:
    monkeypatch.setattr(measurement, "unavailable", lambda precision, device: None)
    monkeypatch.setattr(
        measurement,
        "_audio_per_second",
        lambda updates, batches, device, seconds: (
            200.0 if updates.differentiate.precision == faster else 100.0
        ),
    )
    told: list[str] = []
    run = tiny_run(precision="auto")
    speed = measure(run, 1, random_network(run, 6), TASK, tone_batches, told.append)
    assert (speed.precision, speed.audio_seconds_per_second) == (faster, 200.0)
    assert len(told) == 2


def test_a_format_that_does_not_work_is_told_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        measurement, "unavailable", lambda precision, device: "no" if precision == "bf16" else None
    )
    told: list[str] = []
    run = tiny_run(precision="auto")
    speed = measure(run, 1, random_network(run, 6), TASK, tone_batches, told.append)
    assert speed.precision == "fp32"
    assert speed.audio_seconds_per_second > 0
    assert "bf16: not available here (no)" in told


def test_measuring_leaves_the_network_as_it_is() -> None:
    run = tiny_run()
    network = random_network(run, 6)
    before = copy.deepcopy(network.state_dict())
    measure(run, 1, network, TASK, tone_batches, lambda text: None)
    assert same_weights(network.state_dict(), before)


def test_a_longer_run_is_timed_for_longer_within_bounds() -> None:
    seconds = [timed_seconds(minutes) for minutes in (0, 1, 10, 20, 1000)]
    assert seconds == sorted(seconds)
    assert seconds[0] == seconds[1] == measurement.LEAST_SECONDS
    assert seconds[1] < seconds[2] < seconds[3]
    assert seconds[-1] == measurement.MOST_SECONDS


def test_a_plan_fills_the_minutes_with_updates_and_validations() -> None:
    run = tiny_run(minutes=10.0, evaluate_every=50)
    workload = Workload(training_audio=1000.0, validation_audio=300.0)
    speed, updates_per_epoch = 100.0, 20.0
    updates = updates_in(run, workload, updates_per_epoch, speed)

    def seconds(number: int) -> float:
        validations = number / run.evaluate_every + 1
        return (number * 50.0 + validations * VALIDATION_COST * 2 * 300.0) / speed

    assert seconds(updates) <= 600.0 < seconds(updates + 1)
