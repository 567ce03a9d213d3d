"""`speechrnn info`: tells what a file or folder is, or why it cannot."""

import dataclasses

import pytest

from speechrnn import config
from speechrnn.commands import main
from tests.export.made_up import SMALL, made_up_folder
from tests.runtime.level_model import METADATA, SOUNDS, write_level_model


def told(path, capsys) -> str:
    assert main(["info", str(path)]) == 0
    return capsys.readouterr().out


def test_an_onnx(tmp_path, capsys):
    shown = told(write_level_model(tmp_path / "levels.onnx"), capsys)
    for fact in (
        ".onnx format 1, fp32",
        "16000 Hz",
        "20 per second",
        "7 (characters): ␣ a b c d e",
        "levels",
    ):
        assert fact in shown


def test_sounds_are_told_where_a_model_knows_them(tmp_path, capsys):
    knowing = dataclasses.replace(METADATA, sounds=SOUNDS)
    assert "7: Q A B C D E" in told(write_level_model(tmp_path / "levels.onnx", knowing), capsys)


def test_a_model_folder(tmp_path, capsys):
    pytest.importorskip("torch")
    shown = told(made_up_folder(tmp_path / "model", config.Model(encoder=SMALL)), capsys)
    for fact in ("model folder", "2 x 6 bidirectional LSTM, time stride 3", "none, made up"):
        assert fact in shown


def test_a_training_state_and_its_run_folder(tmp_path, capsys):
    torch = pytest.importorskip("torch")
    from speechrnn.training.checkpoint import write_state

    state = {
        "updates": {"done": 1200, "skipped": 3, "weights": {"a": torch.zeros(4, 5)}},
        "epoch": 7,
        "batch": 2,
        "figures": {"wer": 0.25},
        "best": 0.2,
    }
    write_state(tmp_path / "state.pt", state)
    for path in (tmp_path, tmp_path / "state.pt"):
        shown = told(path, capsys)
        for fact in ("1,200 (3 skipped)", "epoch 7, batch 2", "0.25"):
            assert fact in shown


@pytest.mark.parametrize("name", ["notes.txt", "cut.onnx", "state.pt", "missing.onnx", "folder"])
def test_anything_else_is_one_line(tmp_path, capsys, name):
    if name == "state.pt":
        pytest.importorskip("torch")
    if name == "folder":
        (tmp_path / name).mkdir()
    elif name != "missing.onnx":
        (tmp_path / name).write_bytes(b"PK\x03\x04 or something else")
    assert main(["info", str(tmp_path / name)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"speechrnn: {tmp_path / name}")
    assert captured.err.count("\n") == 1
