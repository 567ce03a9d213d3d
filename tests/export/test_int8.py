"""int8: LSTMs are computed in it, other cells stored in it, and results stay near those of fp32."""

import dataclasses

import numpy as np
import onnx
import onnxruntime
import pytest

from speechrnn import config
from speechrnn.export.assemble import assemble
from speechrnn.export.int8 import with_int8_weights
from speechrnn.export.parity import made_up_recordings
from speechrnn.metadata import METADATA_KEY
from tests.export.made_up import SOUNDS, trained_model

pytest.importorskip("torch")

MIDDLING = config.Encoder(layers=2, width=64, channels=4)


def run(model, audio, lengths):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(["log_probs", "frames"], {"audio": audio, "lengths": lengths})


@pytest.fixture(scope="module", params=["lstm", "gru", "rnn", "none"])
def pair(request):
    """An fp32 graph and the same in int8."""
    fp32 = assemble(trained_model(config.Model(encoder=dataclasses.replace(MIDDLING, cell=request.param))))
    return request.param, fp32, with_int8_weights(fp32)


def test_the_file_is_much_smaller(pair):
    _, fp32, int8 = pair
    front_end = sum(len(tensor.raw_data) for tensor in fp32.graph.initializer if "front_end" in tensor.name)
    assert int8.ByteSize() - front_end < 0.45 * (fp32.ByteSize() - front_end)


def test_lstms_have_int8_kernels_and_other_cells_standard_ones(pair):
    cell, _, int8 = pair
    operators = [node.op_type for node in int8.graph.node]
    wanted = {"lstm": "DynamicQuantizeLSTM", "gru": "GRU", "rnn": "RNN"}
    assert cell == "none" or operators.count(wanted[cell]) == 2


def test_front_end_and_head_stay_as_they_are(pair):
    _, fp32, int8 = pair

    def kept(model):
        return {
            tensor.name: tensor.raw_data
            for tensor in model.graph.initializer
            if tensor.name.startswith(("front_end/", "head/"))
        }

    assert kept(int8) == kept(fp32)


def test_the_head_of_a_writer_and_what_it_reads_are_stored_in_int8_and_computed_in_fp32():
    settings = config.Model(encoder=MIDDLING, writer=config.Writer(1, bottleneck=9))
    int8 = with_int8_weights(assemble(trained_model(settings, sounds=SOUNDS)))
    products = [node.op_type for node in int8.graph.node if node.name.startswith("writer_head/matmul")]
    assert products == ["MatMul"] * 3
    stored = {tensor.name: tensor.data_type for tensor in int8.graph.initializer}
    weights = [kind for name, kind in stored.items() if name.startswith("writer_head/weight")]
    assert sorted(weights) == [onnx.TensorProto.FLOAT] * 3 + [onnx.TensorProto.INT8] * 3


def test_the_description_is_kept(pair):
    _, fp32, int8 = pair
    assert [entry.key for entry in int8.metadata_props] == [METADATA_KEY]
    assert int8.metadata_props[0].value == fp32.metadata_props[0].value


def test_probabilities_stay_near_those_of_fp32(pair):
    _, fp32, int8 = pair
    audio, lengths = made_up_recordings(16000)
    for row, length in enumerate(lengths):
        alone = audio[row : row + 1, :length], lengths[row : row + 1]
        difference = np.exp(run(int8, *alone)[0]) - np.exp(run(fp32, *alone)[0])
        assert 0 < np.abs(difference).sum(axis=-1).mean() / 2 < 0.05


def test_alone_and_in_a_batch_stay_near_each_other(pair):
    """Activations share one scale, so a batch changes results a little: the runtime runs windows alone."""
    _, _, int8 = pair
    audio, lengths = made_up_recordings(16000)
    together, frames = run(int8, audio, lengths)
    for row, (length, count) in enumerate(zip(lengths, frames, strict=True)):
        alone, _ = run(int8, audio[row : row + 1, :length], lengths[row : row + 1])
        difference = np.exp(alone[0]) - np.exp(together[row, :count])
        assert np.abs(difference).sum(axis=-1).mean() / 2 < 0.05
