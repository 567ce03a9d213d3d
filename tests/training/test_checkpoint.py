import errno
import os
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.text import BLANK, Vocabulary
from speechrnn.training import checkpoint
from speechrnn.training.checkpoint import (
    RunFolder,
    RunRecord,
    read_record,
    read_state,
    write_record,
    write_state,
)
from speechrnn.training.given import Given

STATE = {"updates": {"weights": {"w": torch.arange(600.0)}, "done": 3}, "epoch": 1, "best": 0.25}

LETTERS = Vocabulary("characters", (BLANK, "a", "b"))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "state.pt"
    write_state(path, STATE)
    return path


def test_a_state_comes_back_as_it_was(state: Path) -> None:
    found = read_state(state)
    assert torch.equal(found["updates"]["weights"]["w"], STATE["updates"]["weights"]["w"])
    assert (found["updates"]["done"], found["epoch"], found["best"]) == (3, 1, 0.25)


@given(share=st.floats(0, 0.999))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_a_state_cut_short_says_so(state: Path, share: float) -> None:
    whole = state.read_bytes()
    cut = state.with_name("cut.pt")
    cut.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(SpeechRnnError, match=r"cut\.pt: is (empty|damaged)"):
        read_state(cut)


@given(place=st.floats(0, 0.999), value=st.binary(min_size=1, max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_whatever_the_bytes_there_is_a_state_or_one_clear_error(
    state: Path, place: float, value: bytes
) -> None:
    content = bytearray(state.read_bytes())
    start = int(place * len(content))
    content[start : start + len(value)] = value
    changed = state.with_name("changed.pt")
    changed.write_bytes(bytes(content))
    found: object
    try:
        found = read_state(changed)
    except SpeechRnnError as error:
        found = str(error)
    assert isinstance(found, dict) or re.fullmatch(rf"{re.escape(str(changed))}: [^\n]+", str(found))


def test_a_state_of_another_version_or_of_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    torch.save({"kind": checkpoint.STATE_KIND, "format": 99}, path)
    with pytest.raises(SpeechRnnError, match="format version 99"):
        read_state(path)
    torch.save({"weights": torch.zeros(3)}, path)
    with pytest.raises(SpeechRnnError, match="is not a training state of speechrnn"):
        read_state(path)


class Malicious:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


def test_a_state_cannot_execute_anything(tmp_path: Path) -> None:
    path, target = tmp_path / "state.pt", tmp_path / "executed"
    for save in (torch.save, lambda value, place: place.write_bytes(pickle.dumps(value))):
        save({"format": 1, "bad": Malicious(target)}, path)
        with pytest.raises(SpeechRnnError, match="not a training state"):
            read_state(path)
    assert not target.exists()


def test_a_full_disk_leaves_the_last_state(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SpeechRnnError, match=r"state\.pt: cannot be written \(No space left on device\)"):
        write_state(state, {"epoch": 2})
    assert state.read_bytes() == before
    assert [path.name for path in state.parent.iterdir()] == ["state.pt"]


def test_a_process_killed_while_it_writes_leaves_the_last_state(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(descriptor: int) -> None:
        raise Killed

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(Killed):
        write_state(state, {"epoch": 2})
    monkeypatch.undo()
    assert read_state(state)["epoch"] == 1
    write_state(state, {"epoch": 2})
    assert read_state(state)["epoch"] == 2


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "new" / "run")
    assert read_record(folder) is None
    folder.create()
    run = config.Run(minutes=3.5, optimisation=config.Optimisation(clip=0.5))
    record = RunRecord(
        asked=run,
        settled=config.Run(updates=77),
        fingerprint="abc",
        vocabulary=LETTERS,
        init=Given("model", "12ab"),
    )
    write_record(folder, record)
    assert read_record(folder) == record


@pytest.mark.parametrize("content", [b"{}", b"\x00\xff", b'{"format": 1}', b"[1, 2"])
def test_a_record_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = RunFolder(tmp_path)
    folder.run.write_bytes(content)
    with pytest.raises(SpeechRnnError, match=r"run\.json: .*give --to another folder"):
        read_record(folder)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SpeechRnnError, match="--to another folder"):
        RunFolder(tmp_path / "file" / "run").create()


def test_a_record_that_is_no_utf_8_is_refused(tmp_path):
    folder = checkpoint.RunFolder(tmp_path)
    folder.run.write_bytes(b'{"format": 1, "fingerprint": "\x80"}')
    with pytest.raises(SpeechRnnError, match="not the record of a run"):
        checkpoint.read_record(folder)
