"""A model folder comes back as it was written, or says in one line what is wrong with it."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speechrnn.config import Encoder, Model
from speechrnn.errors import SpeechRnnError
from speechrnn.model_folder import (
    CONFIGURATION_FILE,
    WEIGHTS_FILE,
    TrainedModel,
    read_model_folder,
    write_model_folder,
)
from speechrnn.text import BLANK, Vocabulary

TRAINED = TrainedModel(
    Model(encoder=Encoder(layers=1, width=4)),
    Vocabulary("characters", (BLANK, " ", "a", "é")),
    {"head.weight": np.arange(12, dtype=np.float32).reshape(4, 3), "head.bias": np.ones(4, np.float32)},
    {"data": "made up"},
)


@pytest.fixture
def folder(tmp_path):
    write_model_folder(tmp_path / "model", TRAINED)
    return tmp_path / "model"


def test_a_model_comes_back_as_it_was_written(folder):
    found = read_model_folder(folder)
    assert (found.model, found.vocabulary, found.card) == (TRAINED.model, TRAINED.vocabulary, TRAINED.card)
    assert found.weights.keys() == TRAINED.weights.keys()
    for name, weight in TRAINED.weights.items():
        np.testing.assert_array_equal(found.weights[name], weight)


def test_weights_with_strides_come_back_in_order(tmp_path):
    weight = np.arange(6, dtype=np.float32).reshape(2, 3).T
    write_model_folder(
        tmp_path / "model", TrainedModel(TRAINED.model, TRAINED.vocabulary, {"weight": weight})
    )
    np.testing.assert_array_equal(read_model_folder(tmp_path / "model").weights["weight"], weight)


def test_writing_again_replaces_the_model_and_leaves_nothing_else(folder):
    write_model_folder(folder, TrainedModel(TRAINED.model, TRAINED.vocabulary, {}, {"data": "other"}))
    assert read_model_folder(folder).card == {"data": "other"}
    assert sorted(path.name for path in folder.iterdir()) == [CONFIGURATION_FILE, WEIGHTS_FILE]
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_full_disk_leaves_the_old_model(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(SpeechRnnError, match=r"model: cannot be written \(No space left on device\)"):
        write_model_folder(folder, TrainedModel(TRAINED.model, TRAINED.vocabulary, {}))
    monkeypatch.undo()
    assert read_model_folder(folder).card == TRAINED.card
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("name", [CONFIGURATION_FILE, WEIGHTS_FILE])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(SpeechRnnError, match=f"{name}: no such file"):
        read_model_folder(folder)


def test_a_file_is_not_a_folder(folder):
    with pytest.raises(SpeechRnnError, match="is not a model folder"):
        read_model_folder(folder / CONFIGURATION_FILE)


@pytest.mark.parametrize("name", [CONFIGURATION_FILE, WEIGHTS_FILE])
def test_a_file_cut_short_at_any_byte_is_named(folder, name):
    whole = (folder / name).read_bytes()
    for length in range(0, len(whole.rstrip()), 7):
        (folder / name).write_bytes(whole[:length])
        with pytest.raises(SpeechRnnError, match=name):
            read_model_folder(folder)


def test_another_format_version_is_named(folder):
    path = folder / CONFIGURATION_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(SpeechRnnError, match="has format version 99, this speechrnn reads version 1"):
        read_model_folder(folder)


def test_a_configuration_of_something_else_is_refused(folder):
    (folder / CONFIGURATION_FILE).write_text('{"architectures": ["Wav2Vec2ForCTC"]}')
    with pytest.raises(SpeechRnnError, match="not a description of a speechrnn model"):
        read_model_folder(folder)


def test_a_vocabulary_without_a_blank_names_the_file(folder):
    path = folder / CONFIGURATION_FILE
    plain = json.loads(path.read_text())
    plain["vocabulary"]["symbols"] = ["a", "b"]
    path.write_text(json.dumps(plain))
    with pytest.raises(SpeechRnnError, match=r"config\.json: vocabulary: token 0"):
        read_model_folder(folder)


def test_weights_that_are_not_numbers_are_refused(tmp_path):
    weights = {"head.bias": np.array([1, np.nan], np.float32)}
    write_model_folder(tmp_path / "model", TrainedModel(TRAINED.model, TRAINED.vocabulary, weights))
    with pytest.raises(SpeechRnnError, match=r"head\.bias is not finite"):
        read_model_folder(tmp_path / "model")


def test_a_configuration_that_is_no_utf_8_is_refused(folder):
    configuration = folder / CONFIGURATION_FILE
    text = configuration.read_bytes()
    assert b'"logmel"' in text
    configuration.write_bytes(text.replace(b'"logmel"', b'"log\x80mel"'))
    with pytest.raises(SpeechRnnError, match="does not fit"):
        read_model_folder(folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.sampled_from([CONFIGURATION_FILE, WEIGHTS_FILE]),
    place=st.floats(0, 1, exclude_max=True),
    patch=st.binary(min_size=1, max_size=8),
    bare=st.booleans(),
)
def test_whatever_the_bytes_the_answer_is_a_model_or_one_line(folder, name, place, patch, bare):
    broken = folder.parent / "broken"
    shutil.copytree(folder, broken, dirs_exist_ok=True)
    content = bytearray((folder / name).read_bytes())
    start = int(place * len(content))
    content[start : start + len(patch)] = patch
    (broken / name).write_bytes(patch if bare else content)
    complaint = ""
    try:
        read_model_folder(broken)
    except SpeechRnnError as error:
        complaint = str(error)
    assert "\n" not in complaint
