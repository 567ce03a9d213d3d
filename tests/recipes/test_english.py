"""The recipe of the model that ships goes the whole way on a little synthetic speech, and may be repeated."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

RECIPES = Path(__file__).parents[2] / "recipes"
# The parts that the recipe asks for, cut out of the synthetic corpus.
SCRIPT = """
import sys
import english
from librispeech_small import Parts
english.CORPUS = Parts((sys.argv.pop(1),), (sys.argv.pop(1),))
sys.exit(english.guarded(english.main))
"""


def english(*flags, cwd):
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, flags)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": f"{RECIPES.parent}:{RECIPES}", "XDG_CACHE_HOME": str(cwd / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_lexicon_network_ngram_and_figures_come_out(tmp_path):
    pytest.importorskip("espeakng_loader")
    from speechrnn.corpora import synthetic

    settings = synthetic.Settings(hours=0.02, test_minutes=0.3, speakers=6, test_speakers=2)
    tree = synthetic.make_corpus(tmp_path / "tree", settings)
    words = {word for text in tree.glob("**/*.trans.txt") for word in text.read_text().lower().split()[1:]}
    known = sorted(word for word in words if word.isalpha())
    dictionary = tmp_path / "letters.dict"
    dictionary.write_text("".join(f"{word} {' '.join(word.upper())}\n" for word in known))
    flags = ("--data-dir", tree, "--minutes", 0.05, "--to", tmp_path / "run", "--dictionary", dictionary)
    parts = (synthetic.TRAIN_PART, synthetic.TEST_PART)
    ended = english(*parts, *flags, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    for name in ("english.lexicon.xz", "english.ngram.xz", "model.int8.onnx"):
        assert (tmp_path / "run" / name).exists()
    assert (tmp_path / "run" / "writer" / "model").exists()
    assert '"sounds"' in (tmp_path / "run" / "english.ngram.xz.weights.json").read_text()
    assert f"{synthetic.TEST_PART}, model.int8.onnx, beam, n-gram: WER" in ended.stderr
    again = english(*parts, *flags, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "continuing" in again.stderr


def test_a_tree_that_lacks_parts_is_refused_in_one_line(tmp_path):
    ended = english("train-clean-5", "test-clean", "--data-dir", tmp_path, cwd=tmp_path)
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "lacks some of train-clean-5" in ended.stderr
