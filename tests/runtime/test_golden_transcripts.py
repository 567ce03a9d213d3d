"""The model that ships writes what it wrote when it was new: in fp32 to the letter, in int8 nearly so.

`tools/golden_transcripts.py` wrote what is compared with here, and must be run again for a new model.
"""

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("onnx")

from speechrnn.corpora import librispeech
from speechrnn.manifest import Utterance
from speechrnn.runtime.transcriber import Transcriber
from speechrnn.shipped import DEFAULT, shipped_models
from tools.golden_transcripts import (
    FOLDER,
    PART,
    dequantised,
    edits,
    fingerprint,
    lines,
    real,
    spoken,
    transcripts,
)

INT8_EDITS = {"real": 5, "synthetic": 8}
"""Letters of a recording that int8 may write other than fp32; of synthetic voices the model is unsure."""

pytestmark = pytest.mark.skipif(DEFAULT not in shipped_models(), reason="this installation brings no model")


@pytest.fixture(scope="module")
def model() -> Path:
    return shipped_models()[DEFAULT].path


@pytest.fixture(scope="module")
def golden(model: Path) -> dict[str, list[str]]:
    """The words of each recording, with their times."""
    stored = json.loads((FOLDER / f"{DEFAULT}.json").read_text(encoding="utf-8"))
    assert stored["model"] == fingerprint(model), "run tools/golden_transcripts.py for the new model"
    return stored["words"]


@pytest.fixture(scope="module", params=["synthetic", pytest.param("real", marks=pytest.mark.data)])
def utterances(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Utterance]:
    if request.param == "synthetic":
        pytest.importorskip("espeakng_loader", reason="the extra [synthetic] is not installed")
        return spoken(tmp_path_factory.mktemp("golden") / "spoken")
    if "SPEECHRNN_DATA" not in os.environ:
        pytest.skip("SPEECHRNN_DATA names no recordings")
    tree = librispeech.find_tree(None, [PART])
    assert tree is not None
    return real(tree)


def test_fp32_writes_the_same_words_at_the_same_times(model, golden, utterances, tmp_path):
    found = transcripts(dequantised(model, tmp_path / "fp32.onnx"), utterances)
    assert found
    assert {id_: lines(transcript) for id_, transcript in found.items()} == {
        id_: golden[id_] for id_ in found
    }


def test_int8_differs_by_few_letters(model, golden, utterances, request):
    most = INT8_EDITS[request.node.callspec.params["utterances"]]
    for id_, transcript in transcripts(model, utterances).items():
        wanted = " ".join(line.split()[2] for line in golden[id_])
        assert edits(wanted, transcript.text) <= most, id_


def test_threads_and_company_change_nothing(model, utterances):
    paths = [utterance.audio_filepath for utterance in utterances]
    alone = [Transcriber(model, threads=1).transcribe(path) for path in paths]
    assert [transcript for _, transcript in Transcriber(model, threads=3).transcribe_files(paths)] == alone
