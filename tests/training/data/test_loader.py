import os
import signal
import subprocess
import sys
import threading
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.corpora.librispeech_tree import librispeech_utterances
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance
from speechrnn.training.augmentation import draws
from speechrnn.training.augmentation.waveforms import augment
from speechrnn.training.data import sampler
from speechrnn.training.data.batch import Batch
from speechrnn.training.data.child_processes import NICENESS
from speechrnn.training.data.loader import EvaluationData, TrainingData
from speechrnn.training.data.units import learn

ROOT = Path(__file__).parents[3]
RATE = 8000
UTTERANCES = [
    Utterance(Path("none.wav"), "abc" * (1 + n % 4), duration=0.1 + 0.02 * (n * 7 % 23), id=f"utterance {n}")
    for n in range(40)
]
SPELLER = learn([utterance.text for utterance in UTTERANCES], config.Units())


class MadeUpAudio:
    """Noise that depends on the utterance alone; it keeps the ids of what it was asked to read."""

    sample_rate = RATE

    def __init__(self) -> None:
        self.was_read: list[str] = []

    def samples(self, utterance: Utterance) -> int:
        return round(utterance.duration * RATE)

    def problem(self, utterance: Utterance) -> str | None:
        return None

    def read(self, utterance: Utterance) -> np.ndarray:
        self.was_read.append(utterance.id)
        number = UTTERANCES.index(utterance)
        samples = np.random.default_rng(number).uniform(-0.5, 0.5, self.samples(utterance))
        return samples.astype(np.float32)


class BrokenAudio(MadeUpAudio):
    """Fails when read, saying how many threads PyTorch may use there, and at which priority."""

    def read(self, utterance: Utterance) -> np.ndarray:
        threads = f"{torch.get_num_threads()} threads, nice {os.nice(0)}, in process {os.getpid()}"
        raise SpeechRnnError(f"{utterance.id}: {threads}")


def settings(workers: int = 0, seed: int = 0, seconds: float = 3.0) -> config.Run:
    return config.Run(batching=config.Batching(seconds=seconds, workers=workers), seed=seed)


def training_data(workers: int = 0, seed: int = 0, rank: int = 0, ranks: int = 1, audio=None) -> TrainingData:
    return TrainingData(UTTERANCES, audio or MadeUpAudio(), SPELLER, settings(workers, seed), rank, ranks)


def rows(batches: list[Batch]) -> dict[str, tuple[list[float], list[int], int]]:
    """Everything that is known of each utterance, by its id."""
    known = {}
    for batch in batches:
        for row, name in enumerate(batch.ids):
            assert name not in known
            samples = batch.audio[row, : batch.lengths[row]].tolist()
            targets = batch.targets[row, : batch.target_lengths[row]].tolist()
            known[name] = samples, targets, int(batch.seeds[row])
    return known


def assert_same(batches: list[Batch], others: list[Batch]) -> None:
    assert [batch.ids for batch in batches] == [batch.ids for batch in others]
    assert rows(batches) == rows(others)


def test_every_row_is_its_utterance_augmented_by_its_own_draws():
    run = settings(seed=3)
    known = rows(list(training_data(seed=3).epoch(5)))
    assert set(known) == {utterance.id for utterance in UTTERANCES}
    for utterance in UTTERANCES:
        seed = draws.utterance_seed(3, 5, utterance.id)
        expected = augment(MadeUpAudio().read(utterance), seed, run.augmentation, RATE)
        assert known[utterance.id] == (expected.tolist(), SPELLER.encode(utterance.text), seed)


@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_workers_gives_the_same_batches(workers):
    data = training_data(workers)
    for epoch in range(2):
        assert_same(list(data.epoch(epoch)), list(training_data().epoch(epoch)))
    data.close()


def test_epochs_and_seeds_differ_and_repeat():
    def first(seed, epoch):
        return rows(list(training_data(seed=seed).epoch(epoch)))

    assert first(1, 1) == first(1, 1)
    assert first(1, 1) != first(1, 2)
    assert first(1, 1) != first(2, 1)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("done", [0, 1, 4])
def test_an_epoch_goes_on_where_it_was_left(workers, done):
    data = training_data(workers)
    assert_same(list(data.epoch(1, first_batch=done)), list(training_data().epoch(1))[done:])
    data.close()


def test_what_was_trained_on_before_a_resume_is_not_read_again():
    audio = MadeUpAudio()
    data = training_data(audio=audio)
    rest = list(data.epoch(1, first_batch=3))
    assert 0 < len(audio.was_read) < len(UTTERANCES)
    assert audio.was_read == [name for batch in rest for name in batch.ids]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_can_be_left_in_the_middle(workers):
    data = training_data(workers)
    list(islice(data.epoch(0), 2))
    assert_same(list(data.epoch(1)), list(training_data().epoch(1)))
    data.close()


def test_ranks_together_have_the_batches_of_one_process():
    alone = list(training_data().epoch(2))
    ranks = [list(training_data(rank=rank, ranks=2).epoch(2)) for rank in range(2)]
    assert len(ranks[0]) == len(ranks[1]) == len(alone) == training_data().batches_per_epoch(2)
    for whole, *parts in zip(alone, *ranks, strict=True):
        assert rows(list(parts)) == rows([whole])


def test_batches_are_planned_with_the_lengths_that_speed_makes():
    data = training_data()
    batches = list(data.epoch(0))
    for batch in batches:
        # The resampler may give a sample more or less than the plan reckons with.
        assert batch.audio.numel() <= 3 * RATE + 2 * len(batch)
    samples = sum(int(batch.lengths.sum()) for batch in batches)
    padding = 1 - samples / sum(batch.audio.numel() for batch in batches)
    assert padding == pytest.approx(data.padding(0), abs=0.01)


@pytest.mark.parametrize("workers", [0, 1])
def test_audio_that_fails_while_training_ends_it_with_one_line(workers):
    data = training_data(workers, audio=BrokenAudio())
    with pytest.raises(SpeechRnnError, match=r"^utterance \d+: \d+ threads, nice \d+, in process \d+$"):
        next(data.epoch(0))
    data.close()


def test_a_worker_is_another_process_with_a_single_thread_of_low_priority():
    data = training_data(1, audio=BrokenAudio())
    with pytest.raises(SpeechRnnError) as raised:
        next(data.epoch(0))
    assert f": 1 threads, nice {min(19, os.nice(0) + NICENESS)}, in process " in str(raised.value)
    assert not str(raised.value).endswith(f" {os.getpid()}")
    data.close()


def test_too_little_room_for_the_processes_is_said_before_training():
    with pytest.raises(SpeechRnnError, match=r"--batching\.seconds 3 is too little for 4 processes"):
        training_data(ranks=4)


def test_evaluation_reads_every_utterance_as_it_is_longest_first():
    batches = list(EvaluationData(UTTERANCES, MadeUpAudio(), SPELLER, seconds=2))
    assert len(batches) == len(EvaluationData(UTTERANCES, MadeUpAudio(), SPELLER, seconds=2)) > 1
    known = rows(batches)
    for utterance in UTTERANCES:
        samples, targets, _ = known[utterance.id]
        assert samples == MadeUpAudio().read(utterance).tolist()
        assert SPELLER.vocabulary.spell(targets) == utterance.text
    lengths = [int(length) for batch in batches for length in batch.lengths]
    assert lengths == sorted(lengths, reverse=True)
    assert all(batch.audio.numel() <= 2 * RATE for batch in batches)


def test_evaluation_stops_at_audio_that_fails():
    with pytest.raises(SpeechRnnError, match="utterance"):
        list(EvaluationData(UTTERANCES, BrokenAudio(), SPELLER, seconds=2))


INTERRUPTED = """
import signal, time
from tests.training.data.test_loader import training_data

seen = []
data = training_data(workers=1)  # which prepares some batches ahead, not all
batches = data.epoch(0)
next(batches)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: seen.append(number))
print("ready", flush=True)
while len(seen) < 2:
    time.sleep(0.01)
print(1 + len(list(batches)), flush=True)
data.close()
"""


def children_of(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


KNOWS_SENDERS = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who sent a signal")


@KNOWS_SENDERS
def test_workers_outlive_ctrl_c_and_sigterm_to_all_processes_in_silence():
    run = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=ROOT,
    )
    guard = threading.Timer(300, run.kill)
    guard.start()
    assert run.stdout.readline() == "ready\n"
    for process in (*children_of(run.pid), run.pid):
        os.kill(process, signal.SIGINT)
        os.kill(process, signal.SIGTERM)
    output, errors = run.communicate()
    guard.cancel()
    assert errors == ""
    assert output == f"{training_data().batches_per_epoch(0)}\n"


def process_of(program: str) -> "subprocess.CompletedProcess[str]":
    """Run `program` as a process of its own to its end; one that hangs fails the test."""
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
    )


FAILING = """
from tests.training.data.test_loader import training_data

data = training_data(workers=1)
batches = data.epoch(0)
next(batches)
raise RuntimeError("while workers wait")
"""


def test_a_process_that_fails_while_workers_wait_ends():
    """Its last resort at exit is SIGTERM to the workers, so they may not be deaf to it."""
    failed = process_of(FAILING)
    assert failed.returncode == 1
    assert failed.stderr.endswith("RuntimeError: while workers wait\n")


BEREFT = """
import os, signal, sys, time
from speechrnn.errors import SpeechRnnError
from speechrnn.training.data.child_processes import deaths_told
from tests.training.data.test_loader import children_of, training_data

try:
    with deaths_told():
        data = training_data(workers=1)
        next(data.epoch(0))
        os.kill(children_of(os.getpid())[-1], signal.SIGKILL)
        while True:  # the training process may be anywhere
            time.sleep(0.01)
except SpeechRnnError as error:
    sys.exit(str(error))
"""


@KNOWS_SENDERS
def test_a_worker_that_is_killed_is_told_in_one_line():
    bereft = process_of(BEREFT)
    assert bereft.returncode == 1
    assert bereft.stderr.startswith("a process that prepares batches is gone (DataLoader worker (pid")
    assert "killed by signal: Killed" in bereft.stderr
    assert bereft.stderr.count("\n") == 1


@pytest.mark.data
@pytest.mark.skipif("SPEECHRNN_DATA" not in os.environ, reason="SPEECHRNN_DATA names no recordings")
def test_less_than_a_tenth_of_librispeech_batches_is_padding():
    tree = Path(os.environ["SPEECHRNN_DATA"]) / "librispeech-small"
    lengths = np.array([round(16000 * u.duration) for u in librispeech_utterances(tree, "train-clean-5")])
    paddings = [sampler.plan_epoch(lengths, 16000 * 100, seed=0, epoch=epoch).padding for epoch in range(3)]
    assert max(paddings) < 0.1
