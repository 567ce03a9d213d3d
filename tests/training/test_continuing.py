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
from speechrnn.training.optimisation.distributed import Ranks

ALONE = Ranks(0, 1, torch.device("cpu"))
ASKED = config.Run(updates=4, threads=0)
LETTERS = Vocabulary("characters", (BLANK, "a"))


def record() -> RunRecord:
    settled = dataclasses.replace(ASKED, threads=3, precision="fp32")
    return RunRecord(ASKED, settled, "these", LETTERS, lexicon="words.txt", init="english")


def test_an_empty_folder_holds_nothing_and_suits_every_run(tmp_path: Path) -> None:
    found = begun(RunFolder(tmp_path), ALONE)
    assert found == Begun(RunFolder(tmp_path), None, None)
    assert found.threads(dataclasses.replace(ASKED, threads=5), ALONE) == 5
    assert found.threads(ASKED, ALONE) >= 1
    check_same_run(found, ASKED, "any", Path("any"), None)


def test_a_run_that_has_begun_keeps_its_threads(tmp_path: Path) -> None:
    write_record(RunFolder(tmp_path), record())
    found = begun(RunFolder(tmp_path), ALONE)
    assert found.record == record()
    assert found.threads(dataclasses.replace(ASKED, threads=5), ALONE) == 3


@pytest.mark.parametrize(
    ("run", "data", "init", "lexicon", "said"),
    [
        (ASKED, "these", "english", "words.txt", None),
        (dataclasses.replace(ASKED, updates=5), "these", "english", "words.txt", "updates 4"),
        (ASKED, "others", "english", "words.txt", "a run on other utterances or texts"),
        (ASKED, "these", None, "words.txt", "a run with model english"),
        (ASKED, "these", "english", None, "a run with --lexicon words.txt"),
    ],
)
def test_what_differs_from_the_run_that_has_begun_is_named(
    tmp_path: Path, run: config.Run, data: str, init: str | None, lexicon: str | None, said: str | None
) -> None:
    found = Begun(RunFolder(tmp_path), record(), None)
    files = [None if name is None else Path(name) for name in (init, lexicon)]
    if said is None:
        check_same_run(found, run, data, *files, init_flag="model")
        return
    with pytest.raises(SpeechRnnError, match=said):
        check_same_run(found, run, data, *files, init_flag="model")
