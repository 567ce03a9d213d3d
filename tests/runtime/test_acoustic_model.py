"""Opening an `.onnx`: ours opens, anything else is refused in one line that names it."""

import dataclasses

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speechrnn.errors import SpeechRnnError
from speechrnn.runtime.acoustic_model import AcousticModel
from speechrnn.text import BLANK, Vocabulary
from tests.runtime.level_model import METADATA, speak, write_level_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_level_model(tmp_path_factory.mktemp("model") / "levels.onnx")


def test_log_probabilities_are_those_of_the_valid_frames(model):
    log_probs = AcousticModel(model).log_probs(speak("a"))
    assert log_probs.shape == (3, 7)
    assert list(log_probs.argmax(axis=1)) == [0, 2, 0]


def test_a_foreign_model_is_refused(model, tmp_path):
    foreign = onnx.load(model)
    del foreign.metadata_props[:]
    onnx.save(foreign, tmp_path / "foreign.onnx")
    with pytest.raises(SpeechRnnError, match=r"foreign\.onnx: is not a speechrnn model"):
        AcousticModel(tmp_path / "foreign.onnx")


def test_another_format_version_is_refused(tmp_path):
    path = write_level_model(tmp_path / "new.onnx", dataclasses.replace(METADATA, format=2))
    with pytest.raises(SpeechRnnError, match=r"new\.onnx: has format version 2"):
        AcousticModel(path)


def test_a_graph_that_does_not_fit_its_description_is_refused(tmp_path):
    vocabulary = Vocabulary("characters", (BLANK, "a"))
    path = write_level_model(tmp_path / "mixed.onnx", dataclasses.replace(METADATA, vocabulary=vocabulary))
    with pytest.raises(SpeechRnnError, match=r"mixed\.onnx: its graph does not fit"):
        AcousticModel(path)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x00" * 100], ids=["empty", "text", "zeros"])
def test_what_is_not_a_model_is_refused(tmp_path, content):
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(SpeechRnnError, match=r"x\.onnx: "):
        AcousticModel(tmp_path / "x.onnx")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(SpeechRnnError, match="no such file"):
        AcousticModel(tmp_path / "x.onnx")
    with pytest.raises(SpeechRnnError, match="is a folder"):
        AcousticModel(tmp_path)


def test_a_file_cut_short_anywhere_is_refused(model, tmp_path):
    whole = model.read_bytes()
    for length in range(0, len(whole), 97):
        (tmp_path / "cut.onnx").write_bytes(whole[:length])
        with pytest.raises(SpeechRnnError, match=r"cut\.onnx: "):
            AcousticModel(tmp_path / "cut.onnx")


def test_a_network_that_gives_nan_is_named(model, tmp_path):
    damaged = onnx.load(model)
    levels = next(constant for constant in damaged.graph.initializer if "levels" in constant.name)
    levels.raw_data = np.full(7, np.nan, np.float32).tobytes()
    onnx.save(damaged, tmp_path / "damaged.onnx")
    with pytest.raises(SpeechRnnError, match=r"damaged\.onnx: the network gives NaN"):
        AcousticModel(tmp_path / "damaged.onnx").log_probs(speak("a"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), patch=st.binary(min_size=1, max_size=8))
def test_whatever_the_bytes_the_answer_is_a_result_or_one_line(model, tmp_path, place, patch):
    content = bytearray(model.read_bytes())
    start = int(place * len(content))
    content[start : start + len(patch)] = patch
    (tmp_path / "broken.onnx").write_bytes(content)
    complaint = ""
    try:
        AcousticModel(tmp_path / "broken.onnx").log_probs(speak("a"))
    except SpeechRnnError as error:
        complaint = str(error)
    assert "\n" not in complaint
