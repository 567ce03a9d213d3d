"""The tools that measure a model run, and print what they promise: on noise and an untrained network."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")
pytest.importorskip("onnx")

from speechrnn.export.write import export_model
from tests.export.made_up import made_up_folder
from tests.reference.features import speech_like
from tests.tools.test_benchmarks import printed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree in LibriSpeech's layout that has the same noise as FLAC and as Opus."""
    tree = tmp_path_factory.mktemp("tree")
    generator = np.random.default_rng(0)
    names = [f"1-2-{number:04}" for number in range(3)]
    for part in ("test-clean-flac", "test-clean"):
        chapter = tree / part / "1" / "2"
        chapter.mkdir(parents=True)
        (chapter / "1-2.trans.txt").write_text("".join(f"{name} ONE TWO\n" for name in names))
    for name in names:
        samples = speech_like(generator, 16000)
        soundfile.write(tree / "test-clean-flac" / "1" / "2" / f"{name}.flac", samples, 16000)
        opus = tree / "test-clean" / "1" / "2" / f"{name}.opus"
        soundfile.write(opus, samples, 16000, format="OGG", subtype="OPUS")
    return tree


def test_codecs_and_windows_are_measured(tree, tmp_path) -> None:
    model = tmp_path / "small.onnx"
    export_model(made_up_folder(tmp_path / "model"), model)
    output = printed("measure_conditions.py", "--data-dir", str(tree), "--model", str(model), cache=tmp_path)
    for row, count in (("FLAC", 1), ("as in test-clean", 1), ("Opus", 3), ("Vorbis", 3), ("MP3", 3)):
        assert output.count(f"│ {row} ") == count
    for row in ("6 s", "24 s (default)"):
        assert f"│ {row} " in output
