"""An exported file becomes the model again that it was made from: exactly in fp32, within a step in int8."""

import dataclasses
import itertools

import numpy as np
import onnx
import onnxruntime
import pytest

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.export.assemble import assemble
from speechrnn.export.int8 import with_int8_weights
from speechrnn.export.parity import made_up_recordings
from speechrnn.export.read_back import read_onnx
from tests.export.made_up import SMALL, SOUNDS, trained_model
from tests.runtime.level_model import write_level_model

pytest.importorskip("torch")

EDGES = {(cell, both, 3) for cell, both in itertools.product(("lstm", "gru", "rnn", "none"), (True, False))}
STRIDES = {("lstm", True, stride) for stride in (1, 2, 4, 6, 8)}
INT8_STEPS = 63  # from zero to the largest weight of a row: seven bits


def small_model(cell: str, bidirectional: bool, stride: int, normalisation: str = "utterance"):
    front_end = config.FrontEnd(bins=16, normalisation=normalisation)
    encoder = dataclasses.replace(SMALL, cell=cell, bidirectional=bidirectional, stride=stride)
    return trained_model(config.Model(front_end, encoder))


def read_back(model: onnx.ModelProto, folder):
    onnx.save(model, folder / "model.onnx")
    return read_onnx(folder / "model.onnx")


def log_probs(model: onnx.ModelProto) -> np.ndarray:
    audio, lengths = made_up_recordings(16000)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(["log_probs"], {"audio": audio, "lengths": lengths})[0]


@pytest.mark.parametrize(("cell", "bidirectional", "stride"), sorted(EDGES | STRIDES))
@pytest.mark.parametrize("normalisation", ["utterance", "global"])
def test_fp32_comes_back_bit_for_bit(tmp_path, cell, bidirectional, stride, normalisation):
    trained = small_model(cell, bidirectional, stride, normalisation)
    found = read_back(assemble(trained), tmp_path)
    assert found.weights.keys() == trained.weights.keys()
    for name, weight in trained.weights.items():
        np.testing.assert_array_equal(found.weights[name], weight, err_msg=name)
    assert dataclasses.replace(found, weights={}) == dataclasses.replace(trained, weights={})


@pytest.mark.parametrize(("cell", "bidirectional", "stride"), sorted(EDGES))
def test_int8_comes_back_within_half_a_step_of_each_row(tmp_path, cell, bidirectional, stride):
    trained = small_model(cell, bidirectional, stride)
    found = read_back(with_int8_weights(assemble(trained)), tmp_path)
    assert found.weights.keys() == trained.weights.keys()
    moved = set()
    for name, weight in trained.weights.items():
        step = np.abs(weight).max(axis=-1, keepdims=True) / INT8_STEPS
        distance = np.abs(found.weights[name] - weight)
        assert (distance <= 0.501 * step).all(), name
        if distance.any():
            moved.add(name.rpartition(".")[2].removesuffix("_reverse"))
    assert moved == ({"weight"} if cell == "none" else {"weight", "weight_ih_l0", "weight_hh_l0"})


@pytest.mark.parametrize("int8", [False, True], ids=["fp32", "int8"])
def test_bottlenecks_come_back(tmp_path, int8):
    trained = trained_model(config.Model(config.FrontEnd(bins=16), dataclasses.replace(SMALL, bottleneck=6)))
    found = read_back(with_int8_weights(assemble(trained)) if int8 else assemble(trained), tmp_path)
    assert found.weights.keys() == trained.weights.keys()
    for name, weight in trained.weights.items():
        step = np.abs(weight).max(axis=-1, keepdims=True) / INT8_STEPS if int8 else 0
        assert (np.abs(found.weights[name] - weight) <= 0.501 * step).all(), name


@pytest.mark.parametrize("int8", [False, True])
def test_what_comes_back_knows_the_sounds(tmp_path, int8):
    trained = trained_model(config.Model(encoder=SMALL), sounds=SOUNDS)
    graph = assemble(trained)
    found = read_back(with_int8_weights(graph) if int8 else graph, tmp_path)
    assert found.sounds == SOUNDS
    for name in ("sound_head.weight", "sound_head.bias"):
        np.testing.assert_array_equal(found.weights[name], trained.weights[name])


@pytest.mark.parametrize("int8", [False, True], ids=["fp32", "int8"])
def test_a_writer_comes_back(tmp_path, int8):
    encoder = dataclasses.replace(SMALL, bottleneck=6)
    settings = config.Model(encoder=encoder, writer=config.Writer(2, bottleneck=5))
    trained = trained_model(settings, sounds=SOUNDS)
    found = read_back(with_int8_weights(assemble(trained)) if int8 else assemble(trained), tmp_path)
    assert found.model == trained.model
    assert found.weights.keys() == trained.weights.keys()
    for name, weight in trained.weights.items():
        step = np.abs(weight).max(axis=-1, keepdims=True) / INT8_STEPS if int8 else 0
        assert (np.abs(found.weights[name] - weight) <= 0.501 * step).all(), name


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "none"])
def test_what_comes_back_exports_to_the_same_answers(tmp_path, cell):
    fp32 = assemble(small_model(cell, True, 3))
    int8 = with_int8_weights(fp32)
    assert assemble(read_back(fp32, tmp_path)).SerializeToString() == fp32.SerializeToString()
    again = with_int8_weights(assemble(read_back(int8, tmp_path)))
    np.testing.assert_allclose(log_probs(again), log_probs(int8), atol=1e-5)


def test_files_of_others_are_refused_in_one_line(tmp_path):
    foreign = onnx.helper.make_model(onnx.helper.make_graph([], "foreign", [], []))
    onnx.save(foreign, tmp_path / "foreign.onnx")
    write_level_model(tmp_path / "levels.onnx")
    (tmp_path / "notes.onnx").write_text("notes")
    whole = assemble(small_model("lstm", True, 3)).SerializeToString()
    (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    for name, complaint in [
        ("foreign", "is not a speechrnn model"),
        ("levels", "its graph does not fit its description"),
        ("notes", "is not a whole .onnx file"),
        ("cut", "is not a whole .onnx file"),
        ("missing", "no such file"),
    ]:
        with pytest.raises(SpeechRnnError, match=f"^.*{name}.onnx: {complaint}[^\n]*$"):
            read_onnx(tmp_path / f"{name}.onnx")
