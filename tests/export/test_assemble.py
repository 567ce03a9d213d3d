"""The whole graph, waveform to log-probabilities, is standard ONNX and says what it is."""

import dataclasses
import json

import numpy as np
import onnx
import onnxruntime
import pytest

from speechrnn import config
from speechrnn.export.assemble import assemble, description, receptive_field
from speechrnn.metadata import METADATA_KEY, decode_metadata
from tests.export.made_up import SMALL, VOCABULARY, trained_model

pytest.importorskip("torch")


@pytest.mark.parametrize(
    "model",
    [
        config.Model(encoder=SMALL),
        config.Model(config.FrontEnd(kind="mfcc", convention="nemo", normalisation="global"), SMALL),
        config.Model(encoder=dataclasses.replace(SMALL, cell="none", stride=8)),
        config.Model(encoder=dataclasses.replace(SMALL, phases=2)),
    ],
    ids=["default", "mfcc", "feed-forward", "two phases"],
)
def test_the_graph_is_valid_onnx_of_standard_operators(model):
    """That it computes what PyTorch computes stands in tests/test_padding.py."""
    graph = assemble(trained_model(model))
    onnx.checker.check_model(graph, full_check=True)
    assert {node.domain for node in graph.graph.node} == {""}
    assert [opset.domain for opset in graph.opset_import] == [""]


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


@pytest.mark.parametrize(
    ("stride", "phases"), [(1, 1), (2, 1), (3, 1), (4, 1), (6, 1), (8, 1), (2, 2), (6, 2)]
)
def test_the_receptive_field_is_where_a_change_is_felt(stride, phases):
    """Of a feed-forward network without normalisation over time: found by moving one sample."""
    encoder = dataclasses.replace(SMALL, cell="none", stride=stride, phases=phases)
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
