import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import read_manifests
from speechrnn.model_folder import read_model_folder
from speechrnn.training.checkpoint import RunFolder, read_record, read_state
from speechrnn.training.optimisation import update
from speechrnn.training.optimisation.update import Updates
from speechrnn.training.run import Request, train
from tests.training.tones import same_weights, tiny_run, tone_request


def quietly(text: str) -> None:
    pass


def trained(request: Request) -> dict[str, torch.Tensor]:
    """Train as requested; return the weights of the result."""
    assert train(request, quietly) is None
    return weights(request)


def weights(request: Request) -> dict[str, torch.Tensor]:
    arrays = read_model_folder(RunFolder(request.to).model).weights
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


class Killed(BaseException):
    """What a test raises where a process would be killed."""


def train_until_killed(request: Request, number: int) -> None:
    """Train as requested, and let the process "die" before its update number `number` (its own, from 1)."""
    whole: Callable[..., object] = Updates.__call__
    made = 0

    def dying(self: Updates, *batches: object) -> object:
        nonlocal made
        made += 1
        if made == number:
            raise Killed
        return whole(self, *batches)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Updates, "__call__", dying)
        with pytest.raises(Killed):
            train(request, quietly)


@pytest.mark.parametrize(("save_minutes", "accumulate"), [(0.0, 1), (60.0, 2)])
def test_a_run_killed_again_and_again_ends_bitwise_as_if_it_never_was(
    tones: Path, tmp_path: Path, save_minutes: float, accumulate: int
) -> None:
    run = tiny_run(updates=11, save_minutes=save_minutes)
    run = replace(run, optimisation=replace(run.optimisation, accumulate=accumulate))
    expected = trained(tone_request(tones, tmp_path / "whole", run))
    request = tone_request(tones, tmp_path / "killed", run)
    for number in (1, 2, 7, 3):
        train_until_killed(request, number)
    assert same_weights(trained(request), expected)


def test_with_a_lexicon_sounds_are_learnt_and_the_run_goes_on_with_them(tones: Path, tmp_path: Path) -> None:
    request = tone_request(tones, tmp_path / "whole")
    words = sorted({word for one in read_manifests(request.train) for word in one.text.split()})
    lexicon = tmp_path / "lexicon.txt"
    lexicon.write_text("".join(f"{word} {' '.join(word.upper())}\n" for word in words[1:]))
    told: list[str] = []
    request = replace(request, lexicon=lexicon)
    assert train(request, told.append) is None
    assert any(line.startswith(f"lexicon: lacks 1 words of the training set ({words[0]}") for line in told)
    assert any(line.endswith(", 5 sounds") for line in told)
    found = read_model_folder(RunFolder(request.to).model)
    assert found.sounds is not None
    assert found.sounds.symbols[1:] == ("A", "B", "C", "D")
    before = weights(tone_request(tones, tmp_path / "whole"))["sound_head.weight"]
    assert before.shape[0] == 5
    killed = replace(request, to=tmp_path / "killed")
    train_until_killed(killed, 4)
    assert same_weights(trained(killed), weights(request))
    with pytest.raises(SpeechRnnError, match=r"holds a run with --lexicon .*lexicon\.txt; give --to"):
        train(replace(request, lexicon=None), quietly)
    further = replace(request, to=tmp_path / "further", init=RunFolder(request.to).model)
    told.clear()
    train(replace(further, run=tiny_run(updates=1)), told.append)
    assert any(line.endswith("tokens it did not have: none") for line in told)


def test_a_run_of_two_epochs_goes_on_in_the_second(tones: Path, tmp_path: Path) -> None:
    request = tone_request(
        tones, tmp_path / "run", tiny_run(updates=20, save_minutes=0.0, evaluate_every=100)
    )
    train_until_killed(request, 16)
    state = read_state(RunFolder(request.to).state)
    assert state["epoch"] >= 1
    expected = trained(tone_request(tones, tmp_path / "whole", request.run))
    assert same_weights(trained(request), expected)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_stops_and_the_same_request_continues(
    tones: Path, tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trained(tone_request(tones, tmp_path / "whole"))
    request = tone_request(tones, tmp_path / "stopped")
    whole: Callable[..., object] = Updates.__call__

    def signalled(self: Updates, *batches: object) -> object:
        if self.done == 3:
            os.kill(os.getpid(), number)
        return whole(self, *batches)

    with monkeypatch.context() as patch:
        patch.setattr(Updates, "__call__", signalled)
        assert train(request, quietly) == number
    assert read_state(RunFolder(request.to).state)["updates"]["done"] == 4
    assert same_weights(trained(request), expected)


def test_a_finished_run_started_again_stays_as_it_is(tones: Path, tmp_path: Path) -> None:
    request = tone_request(tones, tmp_path / "run")
    expected = trained(request)
    assert same_weights(trained(request), expected)


def test_the_number_of_workers_changes_nothing(tones: Path, tmp_path: Path) -> None:
    alone = trained(tone_request(tones, tmp_path / "alone"))
    batching = replace(tiny_run().batching, workers=2)
    assert same_weights(trained(tone_request(tones, tmp_path / "two", tiny_run(batching=batching))), alone)


def test_the_history_reads_as_if_nothing_had_happened(tones: Path, tmp_path: Path) -> None:
    run = tiny_run(updates=22, evaluate_every=11)
    train(tone_request(tones, tmp_path / "whole", run), quietly)
    request = tone_request(tones, tmp_path / "killed", run)
    train_until_killed(request, 21)
    train(request, quietly)

    def told(folder: str) -> list[dict[str, float]]:
        lines = [json.loads(line) for line in (tmp_path / folder / "history.jsonl").read_text().splitlines()]
        timed = ("time", "audio_seconds_per_second", "waiting_share")
        return [{name: value for name, value in line.items() if name not in timed} for line in lines]

    assert told("killed") == told("whole")
    assert [line["update"] for line in told("whole")] == [10, 11, 20, 22, 22]
    assert {"loss", "blanks", "learning_rate", "gradient_norm", "gradient_norm/head"} <= told("whole")[
        0
    ].keys()
    assert told("whole")[1].keys() == {"update", "valid/wer", "valid/cer"}


def test_after_a_pass_all_of_the_corpus_was_heard(tones: Path, tmp_path: Path) -> None:
    run = tiny_run(updates=0, epochs=1.0)
    run = replace(run, augmentation=replace(run.augmentation, speeds=(1.0,)))
    request = tone_request(tones, tmp_path / "run", run)
    train(request, quietly)
    lines = [json.loads(line) for line in (request.to / "history.jsonl").read_text().splitlines()]
    seconds = sum(utterance.duration for utterance in read_manifests(request.train))
    assert lines[-2]["audio_hours"] == pytest.approx(seconds / 3600, rel=1e-4)  # written with six digits


def test_a_folder_with_another_run_is_refused_by_naming_the_difference(tones: Path, tmp_path: Path) -> None:
    request = tone_request(tones, tmp_path / "run")
    train(request, quietly)
    other = replace(request, run=tiny_run(optimisation=replace(tiny_run().optimisation, clip=0.5)))
    with pytest.raises(SpeechRnnError, match=r"holds a run with --optimisation\.clip 1\.0, not 0\.5"):
        train(other, quietly)
    with pytest.raises(SpeechRnnError, match="holds a run on other utterances"):
        train(replace(request, train=request.valid, valid=request.train), quietly)
    with pytest.raises(SpeechRnnError, match="holds a run with no --init"):
        train(replace(request, init=RunFolder(request.to).model), quietly)


def test_the_place_for_the_run_is_checked_before_anything_is_trained(tones: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SpeechRnnError, match="--to another folder"):
        train(tone_request(tones, tmp_path / "file" / "run"), quietly)


def test_minutes_and_precision_are_measured_once_and_stored(
    tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny_run(updates=0, minutes=0.02, precision="auto", threads=0, evaluate_every=10**6)
    request = tone_request(tones, tmp_path / "run", run)
    told: list[str] = []
    train(request, told.append)
    record = read_record(RunFolder(request.to))
    assert record is not None
    assert record.asked == run
    settled = record.settled
    assert settled.updates > 0
    assert (settled.precision in ("fp32", "bf16"), settled.device, settled.threads) == (
        True,
        "cpu",
        torch.get_num_threads(),
    )
    assert any("s of audio per second" in line for line in told)
    monkeypatch.setattr("speechrnn.training.measurement.measure", None)  # would fail if it was called
    told.clear()
    train(request, told.append)
    assert any(f"after update {settled.updates} of {settled.updates}" in line for line in told)


def test_batches_of_what_fits_are_looked_for_once_and_stored(
    tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny_run(updates=3, save_minutes=0.0)
    expected = trained(tone_request(tones, tmp_path / "asked", run))
    open_run = replace(run, batching=replace(run.batching, seconds=0))
    request = tone_request(tones, tmp_path / "found", open_run)
    monkeypatch.setattr("speechrnn.training.run.seconds_that_fit", lambda *_: run.batching.seconds)
    train_until_killed(request, 2)
    monkeypatch.setattr("speechrnn.training.run.seconds_that_fit", None)
    assert same_weights(trained(request), expected)
    record = read_record(RunFolder(request.to))
    assert record is not None
    assert record.settled.batching.seconds == run.batching.seconds


def test_epochs_become_updates_where_nothing_else_is_asked_for(tones: Path, tmp_path: Path) -> None:
    request = tone_request(tones, tmp_path / "run", tiny_run(updates=0, epochs=0.5))
    train(request, quietly)
    record = read_record(RunFolder(request.to))
    assert record is not None
    assert 1 <= record.settled.updates < 10


def test_speakers_are_set_aside_where_no_validation_set_is_given(tones: Path, tmp_path: Path) -> None:
    told: list[str] = []
    train(replace(tone_request(tones, tmp_path / "run"), valid=()), told.append)
    assert any(line.startswith("no --valid: set aside 1 speakers (train-") for line in told)


def test_a_gradient_that_is_not_finite_skips_its_update_and_many_stop_the_run(
    tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update, "MOST_SKIPPED", 3)
    whole = Updates._gradient
    poisoned = {2, 5, 6, 7}

    def poison(self: Updates, batches: list[object]) -> object:
        gradient = whole(self, batches)  # type: ignore[arg-type]
        if self.done in poisoned:
            gradient.tensors[0].fill_(float("nan"))
        return gradient

    monkeypatch.setattr(Updates, "_gradient", poison)
    request = tone_request(tones, tmp_path / "run", tiny_run(save_minutes=0.0))
    with pytest.raises(
        SpeechRnnError, match="update 8: the gradient has not been finite for 3 updates in a row"
    ):
        train(request, quietly)
    state = read_state(RunFolder(request.to).state)["updates"]
    assert all(bool(value.isfinite().all()) for value in state["weights"].values())
    assert state["average"]["updates"] == 4  # of updates 0 to 6, numbers 2, 5 and 6 were skipped


def test_a_full_disk_stops_the_run_and_the_last_state_continues_it(
    tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trained(tone_request(tones, tmp_path / "whole", tiny_run(save_minutes=0.0)))
    request = tone_request(tones, tmp_path / "full", tiny_run(save_minutes=0.0))
    saves = 0

    def disk_is_full_after_three(descriptor: int) -> None:
        nonlocal saves
        saves += 1
        if saves > 8:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", disk_is_full_after_three)
        with pytest.raises(SpeechRnnError, match="No space left on device"):
            train(request, quietly)
    assert 1 <= read_state(RunFolder(request.to).state)["updates"]["done"] < 8
    assert same_weights(trained(request), expected)


def test_a_gpu_that_is_not_there_is_one_clear_line(
    tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SpeechRnnError, match="--device cuda: PyTorch finds no GPU here"):
        train(tone_request(tones, tmp_path / "run", tiny_run(device="cuda")), quietly)


def test_half_precision_is_for_gpus(tones: Path, tmp_path: Path) -> None:
    with pytest.raises(SpeechRnnError, match="--precision fp16: does not work here"):
        train(tone_request(tones, tmp_path / "run", tiny_run(precision="fp16")), quietly)
