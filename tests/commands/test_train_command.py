import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from speechrnn import config, shipped
from speechrnn.commands import main
from speechrnn.model_folder import read_model_folder
from tests.training.tones import tone_manifest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tones")
    tone_manifest(folder, "valid", 4, seed=1)
    tone_manifest(folder, "train", 20, seed=0)
    return folder


def flags(corpus: Path, to: Path, *more: str) -> list[str]:
    plain = f"train --train {corpus}/train.jsonl --valid {corpus}/valid.jsonl --to {to}"
    model = "--model.front-end.sample-rate 8000 --model.encoder.layers 1 --model.encoder.width 16"
    rest = "--batching.seconds 12 --batching.workers 0 --updates 4 --precision fp32 --device cpu"
    return [*f"{plain} {model} {rest}".split(), *more]


def fields(section: type, prefix: str = "") -> list[str]:
    """The names of all settings below `section`, as flags."""
    found = []
    for field in dataclasses.fields(section):
        flag = prefix + field.name.replace("_", "-")
        found += fields(field.type, f"{flag}.") if dataclasses.is_dataclass(field.type) else [f"--{flag}"]
    return found


def test_every_field_of_the_configuration_is_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    shown = capsys.readouterr().out
    switched_off = "--model.encoder.no-bidirectional"  # what is on by default has a flag that turns it off
    expected = {flag.replace("--model.encoder.bidirectional", switched_off) for flag in fields(config.Run)}
    missing = [flag for flag in expected if flag not in shown]
    assert len(expected) > 40
    assert missing == []


def test_training_leaves_a_model_and_tells_its_settings_on_stderr(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(flags(corpus, tmp_path / "run")) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    for line in (
        "training set: 20 utterances",
        "model.encoder: cell lstm, layers 1, width 16",
        "settled: 4 updates in fp32",
        "update 4: wer ",
    ):
        assert line in shown.err
    assert read_model_folder(tmp_path / "run" / "model").card["updates"] == 4
    assert (tmp_path / "run" / "best" / "weights.safetensors").exists()


def test_utterances_that_cannot_be_trained_on_are_counted_and_named(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (corpus / "train.jsonl").read_text().splitlines()
    lines[3] = json.dumps(json.loads(lines[3]) | {"text": "abcd" * 50})
    lines[7] = json.dumps(json.loads(lines[7]) | {"text": ""})
    manifest = corpus / "flawed.jsonl"
    manifest.write_text("\n".join(lines))
    assert main(flags(corpus, tmp_path / "run", "--train", str(manifest))) == 0
    shown = capsys.readouterr().err
    assert "left out 1 of 20 utterances with more tokens than CTC can align to their frames: train-3" in shown
    assert "left out 1 of 20 utterances without text: train-7" in shown


def test_a_model_is_fine_tuned_from_its_int8_file(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name will do, its shape need not be told, and once the run has begun the file is not needed."""
    pytest.importorskip("onnx")
    from speechrnn.export.read_back import read_onnx

    assert main(flags(corpus, tmp_path / "first")) == 0
    assert main(["export", f"{tmp_path}/first/model", "--to", f"{tmp_path}/english.onnx", "--int8"]) == 0
    start = read_onnx(tmp_path / "english.onnx")
    data = f"--train {corpus}/train.jsonl --valid {corpus}/valid.jsonl --to {tmp_path}/tuned"
    still = "--updates 1 --optimisation.peak-rate 0 --batching.workers 0 --precision fp32 --device cpu"
    tune = f"train {data} {still} --init".split()
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    assert main([*tune, "english"]) == 0
    assert f"weights from {tmp_path}/english.onnx; tokens it did not have: none" in capsys.readouterr().err
    (tmp_path / "english.onnx").unlink()
    assert main([*tune, f"{tmp_path}/english.onnx"]) == 0
    tuned = read_model_folder(tmp_path / "tuned" / "model")
    assert tuned.model == start.model
    for name, weight in start.weights.items():
        np.testing.assert_allclose(tuned.weights[name], weight, atol=1e-7)


@pytest.mark.parametrize(
    ("more", "init", "lexicon"),
    [
        (["--init", "english"], "english.onnx", "english.lexicon.xz"),
        (["--init", "english", "--lexicon", "own.txt"], "english.onnx", "own.txt"),
        (["--init", "plain"], "plain.onnx", None),
        ([], None, None),
    ],
)
def test_a_model_that_ships_is_found_and_brings_its_lexicon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], init: str | None, lexicon: str | None
) -> None:
    import speechrnn.training.run

    for file in ("english.onnx", "english.lexicon.xz", "plain.onnx"):
        (tmp_path / file).touch()
    asked: list[speechrnn.training.run.Request] = []
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    monkeypatch.setattr(speechrnn.training.run, "train", lambda request, say: asked.append(request))
    assert main(["train", "--train", "train.jsonl", "--to", "run", *more]) == 0
    assert asked[0].init == (None if init is None else tmp_path / init)
    assert (asked[0].lexicon and asked[0].lexicon.name) == lexicon


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--train", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
        (["--init", "nowhere"], "nowhere: is no file, no folder and no model of this installation"),
        (["--optimisation.accumulate", "0"], "--optimisation.accumulate 0: must be"),
        (["--evaluate-every", "0"], "--evaluate-every 0: must be"),
        (["--batching.seconds", "-1"], "--batching.seconds -1.0: must be"),
        (["--precision", "fp16"], "--precision fp16: does not work here"),
    ],
)
def test_what_the_user_can_cure_is_one_line_and_status_2(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert main(flags(corpus, tmp_path / "run", *more)) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"speechrnn: {said}")


def test_a_gpu_that_is_not_there_is_one_line_and_status_2(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(flags(corpus, tmp_path / "run", "--device", "cuda")) == 2
    assert capsys.readouterr().err.startswith("speechrnn: --device cuda: PyTorch finds no GPU here")


ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="workers know who sent a signal on Linux alone")


@pytest.mark.parametrize("to", ["the command", pytest.param("all its processes", marks=ON_LINUX)])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_the_same_command_continues(
    corpus: Path, tmp_path: Path, number: signal.Signals, status: int, to: str
) -> None:
    long = flags(corpus, tmp_path / "run", "--updates", "100000", "--batching.workers", "1")
    command = [
        sys.executable,
        "-c",
        "import sys; from speechrnn.commands import main; sys.exit(main())",
        *long,
    ]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ.copy())
    history = tmp_path / "run" / "history.jsonl"
    while process.poll() is None and not (history.exists() and history.stat().st_size):
        time.sleep(0.05)
    if to == "all its processes":
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert children
        for child in children:
            os.kill(int(child), number)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == status, told
    assert told.splitlines()[-1].startswith("stopped after update ")
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ.copy())
    assert process.stderr is not None
    assert any(line.startswith("continuing ") for line in iter(process.stderr.readline, ""))
    process.kill()
    process.communicate()
