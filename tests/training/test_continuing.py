"""A run folder before the first update; how whole runs go on is in `test_run.py`, there and in `writing/`."""

import dataclasses
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.text import BLANK, Vocabulary
from speechrnn.training.checkpoint import RunFolder, RunRecord, write_record
from speechrnn.training.continuing import Begun, begun, check_same_run
from speechrnn.training.given import given
from speechrnn.training.optimisation.distributed import Ranks

ALONE = Ranks(0, 1, torch.device("cpu"))
ASKED = config.Run(updates=4, threads=0)
LETTERS = Vocabulary("characters", (BLANK, "a"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a lexicon and a model, each in the place where a run began and, moved, in another."""
    for folder in ("began", "moved"):
        (tmp_path / folder / "english").mkdir(parents=True)
        (tmp_path / folder / "words.txt").write_text("a AH\n")
        (tmp_path / folder / "english" / "config.json").write_text("{}")
        (tmp_path / folder / "english" / "weights.safetensors").write_bytes(b"weights")
    return tmp_path


def record(place: Path) -> RunRecord:
    settled = dataclasses.replace(ASKED, threads=3, precision="fp32")
    lexicon, init = given(place / "began" / "words.txt"), given(place / "began" / "english")
    return RunRecord(ASKED, settled, "these", LETTERS, lexicon=lexicon, init=init)


def test_an_empty_folder_holds_nothing_and_suits_every_run(tmp_path: Path) -> None:
    found = begun(RunFolder(tmp_path), ALONE)
    assert found == Begun(RunFolder(tmp_path), None, None)
    assert found.threads(dataclasses.replace(ASKED, threads=5), ALONE) == 5
    assert found.threads(ASKED, ALONE) >= 1
    check_same_run(found, ASKED, "any", Path("any"), None)


def test_a_run_that_has_begun_keeps_its_threads(place: Path) -> None:
    write_record(RunFolder(place), record(place))
    found = begun(RunFolder(place), ALONE)
    assert found.record == record(place)
    assert found.threads(dataclasses.replace(ASKED, threads=5), ALONE) == 3


@pytest.mark.parametrize(
    ("run", "data", "init", "lexicon", "said"),
    [
        (ASKED, "these", "began", "began", None),
        (ASKED, "these", "moved", "moved", None),
        (dataclasses.replace(ASKED, updates=5), "these", "began", "began", "updates 4"),
        (ASKED, "others", "began", "began", "a run on other utterances or texts"),
        (ASKED, "these", None, "began", "a run with model .*began/english"),
        (ASKED, "these", "began", None, "a run with --lexicon .*began/words.txt"),
    ],
)
def test_what_differs_from_the_run_that_has_begun_is_named(
    place: Path, run: config.Run, data: str, init: str | None, lexicon: str | None, said: str | None
) -> None:
    found = Begun(RunFolder(place), record(place), None)
    files = init and place / init / "english", lexicon and place / lexicon / "words.txt"
    if said is None:
        check_same_run(found, run, data, *files, init_flag="model")
        return
    with pytest.raises(SpeechRnnError, match=said):
        check_same_run(found, run, data, *files, init_flag="model")


def test_a_run_without_a_lexicon_is_not_continued_with_one(place: Path) -> None:
    found = Begun(RunFolder(place), dataclasses.replace(record(place), lexicon=None), None)
    with pytest.raises(SpeechRnnError, match="holds a run with no --lexicon; "):
        check_same_run(found, ASKED, "these", place / "began" / "english", place / "began" / "words.txt")


def test_a_lexicon_that_was_changed_since_is_another_one(place: Path) -> None:
    found = Begun(RunFolder(place), record(place), None)
    (place / "began" / "words.txt").write_text("a EY\n")
    with pytest.raises(SpeechRnnError, match=r"a run with --lexicon .*began/words.txt, which has changed"):
        check_same_run(found, ASKED, "these", place / "began" / "english", place / "began" / "words.txt")


def test_the_model_that_a_run_started_from_may_change_or_go_afterwards(place: Path) -> None:
    found = Begun(RunFolder(place), record(place), None)
    model, lexicon = place / "began" / "english", place / "began" / "words.txt"
    (model / "weights.safetensors").write_bytes(b"other weights")
    check_same_run(found, ASKED, "these", model, lexicon)
    (model / "weights.safetensors").unlink()
    check_same_run(found, ASKED, "these", model, lexicon)
    moved = place / "moved" / "english"
    (moved / "weights.safetensors").write_bytes(b"other weights")
    with pytest.raises(SpeechRnnError, match=r"a run with --init .*began/english"):
        check_same_run(found, ASKED, "these", moved, lexicon)
