"""The benchmarks run, and print what they say they measure: on recordings and networks of next to nothing."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")
pytest.importorskip("onnx")

from speechrnn.export.write import export_model
from tests.export.made_up import made_up_folder
from tests.reference.features import speech_like

ROOT = Path(__file__).parents[2]
SMALL = ["--layers", "1", "--width", "8", "--rounds", "1"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree in LibriSpeech's layout with two parts of noise."""
    tree = tmp_path_factory.mktemp("tree")
    generator = np.random.default_rng(0)
    for part in ("train-clean-5", "dev-clean-2"):
        chapter = tree / part / "1" / "2"
        chapter.mkdir(parents=True)
        names = [f"1-2-{number:04}" for number in range(8)]
        (chapter / "1-2.trans.txt").write_text("".join(f"{name} ONE TWO\n" for name in names))
        for name in names:
            soundfile.write(chapter / f"{name}.flac", speech_like(generator, 16000), 16000)
    return tree


def printed(script: str, *flags: str, cache: Path) -> str:
    """What `tools/SCRIPT` prints."""
    run = subprocess.run(
        [sys.executable, f"tools/{script}", *flags],
        cwd=ROOT,
        env=os.environ | {"XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("settings", [[], ["--middle", "0.3"]], ids=["", "middle"])
def test_training_is_held_against_its_bare_layers(settings, tree, tmp_path) -> None:
    flags = ["--data-dir", str(tree), "--batch-seconds", "4", "--batches", "1", *SMALL, *settings]
    output = printed("benchmark_training.py", *flags, "--precision", "fp32", cache=tmp_path)
    for row in ("packed", "real loop", "bare layers", "worker: augmentation", "front end", "optimisers"):
        assert f"│ {row} " in output
    assert "matrix speed" in output


def test_transcribing_is_held_against_the_network_alone(tree, tmp_path) -> None:
    flags = ["--data-dir", str(tree), "--minutes", "0.5", "--files", "3", *SMALL]
    output = printed("benchmark_transcribing.py", *flags, cache=tmp_path)
    assert output.count("│ file to text ") == output.count("│ network alone ") == 4
    assert "untrained.int8.onnx, int8" in output


def test_parts_are_held_against_pytorchs(tmp_path) -> None:
    flags = ["--rounds", "1", "--rows", "2", "--tokens", "5", "--inputs", "8", "--width", "8"]
    output = printed("benchmark_parts.py", *flags, cache=tmp_path)
    for row in ("PyTorch, fp32", "channels apart, no masks", "as trained", "a writer's", "AdamW", "Muon"):
        assert f"│ {row} " in output
    for part in ("CTC, 5 tokens", "a gradient from its last frame alone"):
        assert part in output


def test_starting_is_held_against_imports(tmp_path) -> None:
    model = tmp_path / "small.onnx"
    export_model(made_up_folder(tmp_path / "model"), model)
    output = printed("benchmark_startup.py", "--rounds", "1", "--model", str(model), cache=tmp_path)
    assert "│ import speechrnn " in output
    assert "│ speechrnn transcribe second.wav" in output
    assert " --beam 25 " in output
