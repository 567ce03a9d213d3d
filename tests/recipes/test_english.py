"""The recipe of the model that ships takes every step of its plan, each from the one before.

Its steps are those of the other recipes, which are run whole in their tests; here stages leave networks that
are made up.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from speechrnn import config
from speechrnn.model_folder import read_model_folder, write_model_folder
from tests.export.made_up import SMALL, trained_model

RECIPES = Path(__file__).parents[2] / "recipes"
STARTS = {
    "mini": None,
    "small": "mini",
    "masked": "small",
    "calmed": "masked",
    "views": "mean",
    "plain": "mean",
}


@pytest.fixture
def english(monkeypatch):
    """The recipe as a module, without recordings."""
    monkeypatch.syspath_prepend(str(RECIPES))
    spec = importlib.util.spec_from_file_location("english", RECIPES / "english.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "english", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "find", lambda data_dir: Path("tree"))
    monkeypatch.setattr(module, "read", lambda tree, parts: [])
    return module


def test_every_step_starts_from_the_one_before(english, monkeypatch, tmp_path):
    taken, published = {}, []

    def train_stage(stage, manifest, options, say):
        assert manifest.exists()
        assert stage.start is None or (options.to / stage.start / "model").exists()
        taken[stage.name] = (stage.start, stage.run.minutes)
        trained = trained_model(config.Model(encoder=SMALL), seed=len(taken))
        write_model_folder(options.to / stage.name / "model", trained)

    monkeypatch.setattr(english, "train_stage", train_stage)
    monkeypatch.setattr(english, "publish", lambda folder, *others: published.append(folder))
    monkeypatch.setattr(sys, "argv", ["english.py", "--to", str(tmp_path), "--minutes", "30"])
    assert english.main() == 0
    assert {name: start for name, (start, _) in taken.items()} == STARTS
    assert sum(minutes for _, minutes in taken.values()) == pytest.approx(30)
    assert published == [tmp_path]
    weights = {
        name: read_model_folder(tmp_path / name / "model").weights
        for name in ("small", "calmed", "views", "plain", "english")
    }
    for name, weight in weights["english"].items():
        mean = sum(weights[one][name].astype(float) for one in ("small", "calmed", "views", "plain")) / 4
        assert weight == pytest.approx(mean, abs=1e-6)


def test_a_stage_that_was_stopped_stops_the_recipe(english, monkeypatch, tmp_path):
    monkeypatch.setattr(english, "train_stage", lambda *request: 15)
    monkeypatch.setattr(sys, "argv", ["english.py", "--to", str(tmp_path)])
    assert english.main() == 128 + 15


def test_a_tree_that_lacks_parts_is_refused_in_one_line(tmp_path):
    ended = subprocess.run(
        [sys.executable, RECIPES / "english.py", "--data-dir", tmp_path],
        env=os.environ | {"PYTHONPATH": str(RECIPES.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "lacks some of train-clean-5" in ended.stderr
