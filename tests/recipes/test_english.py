"""The recipe of the model that ships takes every step of its plan, each from the one before."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("espeakng_loader")

from speechrnn.corpora import synthetic
from speechrnn.model_folder import read_model_folder

ROOT = Path(__file__).parents[2]
PARTS = [
    "train-clean-5",
    "dev-clean-2",
    "train-clean-100",
    "dev-clean",
    "dev-other",
    "test-clean",
    "test-other",
]
STAGES = {
    "mini": None,
    "small": "mini",
    "masked": "small",
    "calmed": "masked",
    "views": "mean",
    "plain": "mean",
}


def recipe(*flags, cwd):
    return subprocess.run(
        [sys.executable, ROOT / "recipes/english.py", *map(str, flags)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cwd / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_every_step_starts_from_the_one_before_and_a_pair_of_files_to_ship_comes_out(tmp_path):
    settings = synthetic.Settings(hours=0.02, test_minutes=0.2, speakers=8, test_speakers=2)
    spoken = synthetic.make_corpus(tmp_path / "spoken", settings)
    for part in PARTS:
        test = part.startswith("test")
        shutil.copytree(
            spoken / (synthetic.TEST_PART if test else synthetic.TRAIN_PART), tmp_path / "tree" / part
        )
    flags = ("--data-dir", tmp_path / "tree", "--minutes", 0.06, "--to", tmp_path / "run")
    ended = recipe(*flags, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    run = tmp_path / "run"
    for stage, start in STAGES.items():
        record = json.loads((run / stage / "run.json").read_text())
        assert record["init"] == (None if start is None else str(run / start / "model"))
    mean, views, plain, both = (
        read_model_folder(run / name / "model").weights for name in ("mean", "views", "plain", "english")
    )
    for name, weight in both.items():
        assert weight == pytest.approx(
            mean[name].astype(float) / 2 + (views[name].astype(float) + plain[name]) / 4, abs=1e-6
        )
    assert (run / "english" / "model.int8.onnx").exists()
    assert (run / "english" / "english.ngram.xz.weights.json").exists()
    assert ended.stderr.count("WER") == 2 * (3 + 2) + 1


def test_a_tree_that_lacks_parts_is_refused_in_one_line(tmp_path):
    ended = recipe("--data-dir", tmp_path, cwd=tmp_path)
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "lacks some of train-clean-5" in ended.stderr
