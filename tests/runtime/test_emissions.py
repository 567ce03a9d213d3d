"""The emissions of a recording are those of its windows, one after the other, with the time of each frame."""

import numpy as np
import pytest
import soundfile

from speechrnn.audio import AudioStream
from speechrnn.runtime import emissions
from speechrnn.runtime.acoustic_model import AcousticModel
from speechrnn.runtime.windows import windows
from tests.runtime.level_model import FRAME, RATE, speak, write_level_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return AcousticModel(write_level_model(tmp_path_factory.mktemp("model") / "levels.onnx"))


def test_a_short_recording_is_one_window(model):
    emitted = emissions.of_samples(model, speak("ab"))
    assert list(emitted.log_probs.argmax(axis=1)) == [0, 2, 0, 3, 0]
    assert emitted.edges == pytest.approx(np.arange(6) * FRAME / RATE)


def test_frames_of_a_long_recording_lie_where_their_windows_do(model):
    samples = speak("abcde " * 60)[: 60 * RATE + 123]
    emitted = emissions.of_samples(model, samples)
    cut = list(windows([samples], RATE))
    assert len(cut) > 2
    assert np.array_equal(emitted.log_probs, np.concatenate([model.log_probs(w.samples) for w in cut]))
    assert len(emitted.edges) == len(emitted.log_probs) + 1
    assert (np.diff(emitted.edges) >= 0).all()
    first = 0
    for window in cut:
        assert emitted.edges[first] == pytest.approx(window.start / RATE)
        first += len(model.log_probs(window.samples))
    assert emitted.edges[-1] == pytest.approx(len(samples) / RATE)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_stream_in_threads_gives_what_its_samples_give(model, tmp_path, threads):
    samples = speak("abcde " * 60)
    soundfile.write(tmp_path / "long.wav", samples, RATE, subtype="FLOAT")
    streamed = emissions.of_stream(model, AudioStream(tmp_path / "long.wav", RATE), threads)
    at_once = emissions.of_samples(model, samples)
    assert np.array_equal(streamed.log_probs, at_once.log_probs)
    assert np.array_equal(streamed.edges, at_once.edges)


def test_no_samples_have_no_frames(model):
    emitted = emissions.of_samples(model, np.zeros(0, np.float32))
    assert emitted.log_probs.shape == (0, 7)
    assert list(emitted.edges) == [0]
