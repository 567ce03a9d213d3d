"""`speechrnn export`: the file gets its name when it is right, and not before."""

import shutil

import numpy as np
import pytest

from speechrnn import config
from speechrnn.commands import main
from speechrnn.export import write
from speechrnn.model_folder import WEIGHTS_FILE
from speechrnn.runtime.transcriber import Transcriber
from tests.export.made_up import SMALL, made_up_folder

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    model = config.Model(config.FrontEnd(bins=16), SMALL)
    return made_up_folder(tmp_path_factory.mktemp("run") / "model", model)


@pytest.mark.parametrize("flags", [[], ["--int8"]], ids=["fp32", "int8"])
def test_a_model_folder_becomes_a_file_that_transcribes(folder, tmp_path, capsys, flags):
    to = tmp_path / "new" / "model.onnx"
    assert main(["export", str(folder), "--to", str(to), *flags]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{to}: {'int8' if flags else 'fp32'}, ")
    assert captured.err == ""
    assert [path.name for path in to.parent.iterdir()] == ["model.onnx"]
    noise = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    assert Transcriber(to, threads=1).transcribe(noise).seconds == 1


def test_the_file_carries_the_card_that_it_is_given(folder, tmp_path, capsys):
    (tmp_path / "card.json").write_text('{"use": "tests", "wer": {"noise": "100 %"}}')
    export = ["export", str(folder), "--to", str(tmp_path / "m.onnx"), "--card", str(tmp_path / "card.json")]
    assert main(export) == 0
    card = Transcriber(tmp_path / "m.onnx").model.metadata.card
    assert card == {"data": "none, made up", "use": "tests", "wer": {"noise": "100 %"}}
    (tmp_path / "card.json").write_text('["use"]')
    assert main(export) == 2
    assert "card.json: is not a JSON object" in capsys.readouterr().err


def test_int8_gives_the_same_text_in_any_company(tmp_path):
    import soundfile

    folder = made_up_folder(tmp_path / "model")
    assert main(["export", str(folder), "--to", str(tmp_path / "m.onnx"), "--int8"]) == 0
    random = np.random.default_rng(0)
    paths = []
    for number, seconds in enumerate([0.5, 30, 3, 1, 7]):
        paths.append(tmp_path / f"{number}.wav")
        soundfile.write(paths[-1], random.normal(0, 0.1 / (1 + number), int(seconds * 16000)), 16000)
    alone = [Transcriber(tmp_path / "m.onnx", threads=1).transcribe(path) for path in paths]
    together = Transcriber(tmp_path / "m.onnx", threads=3).transcribe_files(paths)
    assert [transcript for _, transcript in together] == alone
    assert any(transcript.text for transcript in alone)


def test_a_graph_that_is_not_what_pytorch_computes_gets_no_name(folder, tmp_path, capsys, monkeypatch):
    def wrong(trained):
        trained.weights["head.bias"][1] += 0.01
        return right(trained)

    right = write.assemble
    monkeypatch.setattr(write, "assemble", wrong)
    (tmp_path / "m.onnx").write_text("the old one")
    assert main(["export", str(folder), "--to", str(tmp_path / "m.onnx")]) == 2
    assert "from PyTorch, more than" in capsys.readouterr().err
    assert (tmp_path / "m.onnx").read_text() == "the old one"
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_a_full_disk_is_one_line(folder, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write.onnx, "save", full)
    assert main(["export", str(folder), "--to", str(tmp_path / "m.onnx")]) == 2
    assert "m.onnx: cannot be written (No space left on device)" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["missing", "--to", "m.onnx"], "missing: is not a model folder"),
        (["missing", "--to", "m"], "--to m: must end in .onnx"),
    ],
)
def test_what_cannot_be_is_one_line(arguments, complaint, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["export", *arguments]) == 2
    captured = capsys.readouterr()
    assert complaint in captured.err
    assert captured.err.count("\n") == 1


def test_weights_of_another_model_are_named(folder, tmp_path, capsys):
    shutil.copytree(folder, tmp_path / "mixed")
    wider = config.Model(config.FrontEnd(bins=16), config.Encoder(layers=2, width=8, channels=2))
    other = made_up_folder(tmp_path / "other", wider)
    shutil.copy(other / WEIGHTS_FILE, tmp_path / "mixed" / WEIGHTS_FILE)
    assert main(["export", str(tmp_path / "mixed"), "--to", str(tmp_path / "m.onnx")]) == 2
    captured = capsys.readouterr()
    assert "mixed" in captured.err
    assert captured.err.count("\n") == 1
