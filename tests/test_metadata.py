"""The description inside an `.onnx` comes back as it was written, or says in one line why not."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.config import Model
from speechrnn.errors import SpeechRnnError
from speechrnn.metadata import Metadata, decode_metadata, encode_metadata
from speechrnn.text import BLANK, Vocabulary

METADATA = Metadata(
    format=1,
    vocabulary=Vocabulary("bpe", (BLANK, "▁a", "b")),
    sample_rate=16000,
    frame_rate=25.0,
    receptive_field=1360,
    precision="int8",
    configuration=Model(),
    card={"language": "English"},
)


def test_a_description_comes_back_as_it_was_written():
    assert decode_metadata(encode_metadata(METADATA), "m.onnx") == METADATA
    assert METADATA.frame_seconds == 0.04


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": 2}, "m.onnx: has format version 2"),
        ({"format": "1"}, "m.onnx: not a description"),
        ({"vocabulary": {"kind": "characters", "symbols": ["a"]}}, "m.onnx: vocabulary"),
        ({"sample_rate": 0}, "m.onnx: impossible rates"),
        ({"frame_rate": -25.0}, "m.onnx: impossible rates"),
        ({"configuration": {"encoder": {"cell": "transformer"}}}, "m.onnx: its description is damaged"),
    ],
)
def test_what_does_not_fit_is_named(change, complaint):
    text = json.dumps({**json.loads(encode_metadata(METADATA)), **change})
    with pytest.raises(SpeechRnnError, match=complaint):
        decode_metadata(text, "m.onnx")


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_text_of_any_kind_is_refused_in_one_line(text):
    with pytest.raises(SpeechRnnError):
        decode_metadata(text, "m.onnx")


def test_every_field_is_required_but_calibrations_and_sounds_which_not_every_model_has():
    plain = json.loads(encode_metadata(METADATA))
    for name in {field.name for field in dataclasses.fields(Metadata)} - {"calibrations", "sounds"}:
        with pytest.raises(SpeechRnnError):
            decode_metadata(json.dumps({key: plain[key] for key in plain if key != name}), "m.onnx")
