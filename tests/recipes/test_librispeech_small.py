import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("espeakng_loader")

from speechrnn.corpora import synthetic

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    settings = synthetic.Settings(hours=0.02, test_minutes=0.3, speakers=6, test_speakers=2)
    return synthetic.make_corpus(tmp_path_factory.mktemp("corpus") / "tree", settings)


def recipe(*flags, cwd):
    environment = {key: value for key, value in os.environ.items() if key != "SPEECHRNN_DATA"}
    environment["XDG_CACHE_HOME"] = str(cwd / "cache")
    return subprocess.run(
        [sys.executable, ROOT / "recipes/librispeech_small.py", *map(str, flags)],
        cwd=cwd,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_few_utterances_go_the_whole_way_from_recordings_to_a_report(tree, tmp_path):
    flags = ("--data-dir", tree, "--minutes", 0.05, "--to", tmp_path / "run")
    parts = ("--train-parts", synthetic.TRAIN_PART, "--test-parts", synthetic.TEST_PART)
    ended = recipe(*flags, *parts, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    run = tmp_path / "run"
    page = (run / "report.md").read_text()
    for told in ("model.onnx", "model.int8.onnx", "PyTorch", "WER", "> said:", "million parameters"):
        assert told in page
    assert page.count("| greedy |") == 3
    assert page.count("| beam, n-gram |") == 2
    assert (run / "words.ngram.weights.json").exists()
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert (run / "model.onnx").exists()
    again = recipe(*flags, *parts, cwd=tmp_path)
    assert again.returncode == 0
    assert "continuing" in again.stderr
    (tree.parent / "lm-text").mkdir()
    (tree.parent / "lm-text" / "sea.txt").write_text("the man and the woman went down to the sea\n" * 200)
    further = ("--data-dir", tree, "--minutes", 0.05, "--init", run / "model", "--to", tmp_path / "further")
    ended = recipe(*further, *parts, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "texts beside them: sea.txt" in ended.stderr
    assert f"weights from {run / 'model'}; tokens it did not have: none" in ended.stderr
    page = (tmp_path / "further" / "report.md").read_text()
    assert f"- from {run / 'model'}" in page
    assert "- text is written by 2 layers that read sounds, taught with text" in page


def test_a_folder_without_the_recordings_is_refused_in_one_line(tmp_path):
    ended = recipe("--data-dir", tmp_path, "--corpus", "mini", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "train-clean-5" in ended.stderr


def test_a_text_that_is_not_there_is_refused_before_anything_is_trained(tmp_path):
    ended = recipe("--data-dir", tmp_path, "--lm-text", "no-books.txt", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (2, "speechrnn: no-books.txt: no such file; check the path\n")
