"""`speechrnn writer`: a model, recordings and texts in, a model folder with a writer out."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from speechrnn.commands import main
from speechrnn.model_folder import read_model_folder
from tests.training.tones import hearing_request

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("hearing")
    hearing_request(place, updates=2)
    return place


def flags(folder: Path, to: Path, *more: str, model: str = "") -> list[str]:
    data = f"--train {folder}/train.jsonl --valid {folder}/valid.jsonl"
    plain = f"writer {model or folder / 'run' / 'model'} {data} --to {to}"
    rest = f"--text {folder}/text.txt --lexicon {folder}/lexicon.txt --updates 2 --batching.seconds 12"
    return [*f"{plain} {rest} --batching.workers 0 --precision fp32 --device cpu".split(), *more]


def test_a_model_learns_to_spell_exports_and_transcribes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(flags(folder, tmp_path / "writer")) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "settled: 2 updates" in shown.err
    model = tmp_path / "writer" / "model"
    assert read_model_folder(model).model.writer.layers == 2
    assert main(["info", str(model)]) == 0
    assert "2 layers over sounds" in capsys.readouterr().out
    assert main(["export", str(model), "--to", str(tmp_path / "m.onnx"), "--int8"]) == 0
    assert main(["transcribe", str(folder / "valid-0.wav"), "--model", str(tmp_path / "m.onnx")]) == 0


def test_a_model_that_ships_will_do_by_its_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["export", f"{folder}/run/model", "--to", f"{tmp_path}/english.onnx", "--int8"]) == 0
    monkeypatch.setattr("speechrnn.shipped.FOLDER", tmp_path)
    assert main(flags(folder, tmp_path / "writer", model="english")) == 0
    assert read_model_folder(tmp_path / "writer" / "model").model.writer.layers == 2


def test_what_is_not_there_is_refused_in_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for more in (("--text", "none.txt"), ("--lexicon", "none.txt"), ("--train", "none.jsonl")):
        assert main(flags(folder, tmp_path / "writer", *more)) == 2
        complaint = capsys.readouterr().err.strip().splitlines()[-1]
        assert complaint.startswith("speechrnn: none.")
