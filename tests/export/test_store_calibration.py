"""A stored calibration changes the confidences of a model's words and nothing else."""

import dataclasses
from pathlib import Path

import pytest

from speechrnn.decoding.calibration import Calibration
from speechrnn.decoding.greedy import greedy_decoder
from speechrnn.errors import SpeechRnnError
from speechrnn.export.store_calibration import store_calibration
from speechrnn.runtime.acoustic_model import AcousticModel
from speechrnn.runtime.transcriber import Transcriber
from tests.runtime.level_model import METADATA, speak, write_level_model

HALVING = Calibration(sureness=0.0, doubt=0.0, letters=0.0, offset=0.0)


@pytest.fixture
def model(tmp_path):
    return write_level_model(tmp_path / "levels.onnx")


def test_the_transcriber_uses_it_and_the_text_and_times_stay(model):
    before = Transcriber(model).transcribe(speak("ab c"))
    store_calibration(model, "greedy", HALVING)
    after = Transcriber(model).transcribe(speak("ab c"))
    assert [word.confidence for word in after.words] == pytest.approx([0.5, 0.5])
    assert [dataclasses.replace(word, confidence=0) for word in after.words] == [
        dataclasses.replace(word, confidence=0) for word in before.words
    ]


def test_a_decoder_that_is_given_is_left_as_it_is(model):
    before = Transcriber(model).transcribe(speak("ab c"))
    store_calibration(model, "greedy", HALVING)
    assert (
        Transcriber(model, decoder=lambda metadata: greedy_decoder(metadata.vocabulary)).transcribe(
            speak("ab c")
        )
        == before
    )


def test_each_decoder_has_its_own(model):
    store_calibration(model, "greedy", HALVING)
    store_calibration(model, "beam", Calibration(1.0, 0.5, 0.25, -1.0))
    store_calibration(model, "greedy", Calibration(2.0, 0.0, 0.0, 0.0))
    metadata = AcousticModel(model).metadata
    assert metadata.calibrations == {"greedy": (2.0, 0.0, 0.0, 0.0), "beam": (1.0, 0.5, 0.25, -1.0)}
    assert dataclasses.replace(metadata, calibrations={}) == METADATA


def test_a_disk_that_is_full_leaves_the_file_as_it_was(model, monkeypatch):
    whole = model.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SpeechRnnError, match="cannot be written"):
        store_calibration(model, "greedy", HALVING)
    assert model.read_bytes() == whole
    assert [file.name for file in model.parent.iterdir()] == [model.name]
