"""The whole graph, waveform to log-probabilities, is what PyTorch computes, alone and in a batch."""

import dataclasses
import json

import numpy as np
import onnx
import onnxruntime
import pytest

from speechrnn import config
from speechrnn.export.assemble import assemble, description, receptive_field
from speechrnn.export.parity import made_up_recordings
from speechrnn.metadata import METADATA_KEY, decode_metadata
from tests.export.made_up import SMALL, VOCABULARY, trained_model

torch = pytest.importorskip("torch")

SMALL_FRONT_END = config.FrontEnd(bins=16)
MODELS = {
    **{
        f"stride {stride}": config.Model(SMALL_FRONT_END, dataclasses.replace(SMALL, stride=stride))
        for stride in (1, 2, 3, 4, 6, 8)
    },
    **{
        f"{cell} {way}": config.Model(
            SMALL_FRONT_END, dataclasses.replace(SMALL, cell=cell, bidirectional=way == "both")
        )
        for cell in ("lstm", "gru", "rnn", "none")
        for way in ("both", "forward")
    },
    **{
        f"{kind} {convention} {normalisation}": config.Model(
            config.FrontEnd(
                kind=kind, convention=convention, normalisation=normalisation, bins=16, deltas=kind == "mfcc"
            ),
            SMALL,
        )
        for kind in ("logmel", "mfcc")
        for convention in ("kaldi", "librosa")
        for normalisation in ("utterance", "global", "none")
    },
    "8 kHz": config.Model(config.FrontEnd(sample_rate=8000, bins=16), SMALL),
}


def pytorch(trained, audio, lengths):
    from speechrnn.training.network import Network

    network = Network(trained.model, len(VOCABULARY), config.Augmentation()).eval()
    network.load_state_dict({name: torch.from_numpy(value) for name, value in trained.weights.items()})
    with torch.no_grad():
        log_probs, frames = network(torch.from_numpy(audio), torch.from_numpy(lengths))
    return log_probs.numpy(), frames.numpy()


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_graph_equals_pytorch_and_padding_changes_nothing(model):
    trained = trained_model(model)
    graph = assemble(trained)
    onnx.checker.check_model(graph, full_check=True)
    assert {node.domain for node in graph.graph.node} == {""}
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    audio, lengths = made_up_recordings(model.front_end.sample_rate)
    found, frames = session.run(["log_probs", "frames"], {"audio": audio, "lengths": lengths})
    wanted, wanted_frames = pytorch(trained, audio, lengths)
    np.testing.assert_array_equal(frames, wanted_frames)
    for row, (length, count) in enumerate(zip(lengths, frames, strict=True)):
        # The spectrum is an FFT there and two matrix products here: see test_encoder.py for 1e-5.
        np.testing.assert_allclose(found[row, :count], wanted[row, :count], atol=1e-4)
        feed = {"audio": audio[row : row + 1, :length], "lengths": lengths[row : row + 1]}
        alone = session.run(["log_probs"], feed)[0]
        np.testing.assert_allclose(alone[0], found[row, :count], atol=1e-5)


def test_the_description_is_in_the_file():
    trained = trained_model(config.Model(encoder=SMALL))
    graph = assemble(trained)
    (entry,) = graph.metadata_props
    assert entry.key == METADATA_KEY
    assert decode_metadata(entry.value, "graph") == description(trained)
    plain = json.loads(entry.value)
    assert plain["sample_rate"] == 16000
    assert plain["frame_rate"] == pytest.approx(100 / 3)
    assert plain["vocabulary"]["symbols"] == list(VOCABULARY.symbols)
    assert plain["card"] == trained.card


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 6, 8])
def test_the_receptive_field_is_where_a_change_is_felt(stride):
    """Of a feed-forward network without normalisation over time: found by moving one sample."""
    encoder = dataclasses.replace(SMALL, cell="none", stride=stride)
    model = config.Model(config.FrontEnd(bins=16, normalisation="none"), encoder)
    session = onnxruntime.InferenceSession(assemble(trained_model(model)).SerializeToString())
    audio = np.random.default_rng(0).normal(0, 0.1, (1, 16000)).astype(np.float32)
    lengths = np.array([16000])
    still = session.run(["log_probs"], {"audio": audio, "lengths": lengths})[0][0]
    frame = len(still) // 2
    felt = []
    for sample in range(0, 16000, 40):
        changed = audio.copy()
        changed[0, sample : sample + 40] += 1
        moved = session.run(["log_probs"], {"audio": changed, "lengths": lengths})[0][0]
        if not np.array_equal(moved[frame], still[frame]):
            felt.append(sample)
    span = felt[-1] + 40 - felt[0]
    assert span == pytest.approx(receptive_field(model), abs=80)
