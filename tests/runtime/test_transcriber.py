"""Transcribing: the same text alone, in company, by any number of threads, long or short; clear refusals."""

import json
import threading

import numpy as np
import pytest
import soundfile

from speechrnn import audio
from speechrnn.errors import SpeechRnnError
from speechrnn.runtime.transcriber import Transcriber
from speechrnn.runtime.transcript import Transcript, as_json, as_text
from tests.runtime.level_model import RATE, speak, write_level_model

LONG = " ".join("abcde"[number % 5 :: 2] + "ace"[number % 3] * 2 for number in range(150))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_level_model(tmp_path_factory.mktemp("model") / "levels.onnx")


@pytest.fixture(scope="module")
def transcriber(model):
    return Transcriber(model, threads=2)


def write(path, text: str):
    soundfile.write(path, speak(text), RATE, subtype="FLOAT")
    return path


def test_samples_and_files_become_words_with_times(transcriber, tmp_path):
    from_samples = transcriber.transcribe(speak("ab c"))
    assert from_samples == transcriber.transcribe(write(tmp_path / "a.wav", "ab c"))
    assert from_samples.text == "ab c"
    assert from_samples.seconds == pytest.approx(0.85)
    assert from_samples.warnings == ()
    first, second = from_samples.words
    assert (first.start, first.end) == pytest.approx((0.05, 0.2))
    assert (second.start, second.end) == pytest.approx((0.75, 0.8))
    assert first.confidence > 0.9


def test_words_of_a_long_recording_are_neither_lost_nor_doubled(transcriber):
    samples = speak(LONG)
    assert len(samples) > 5 * 24 * RATE
    transcript = transcriber.transcribe(samples)
    assert transcript.text == LONG
    times = [time for word in transcript.words for time in (word.start, word.end)]
    assert times == sorted(times)
    for word in transcript.words[:: len(transcript.words) // 10]:
        heard = transcriber.transcribe(samples[round(word.start * RATE) : round(word.end * RATE)])
        assert heard.text == word.text


def test_neither_company_nor_threads_change_a_transcript(model, tmp_path):
    texts = ["ab", LONG, "c d", LONG[::-1], "e"]
    paths = [write(tmp_path / f"{number}.wav", text) for number, text in enumerate(texts)]
    alone = [Transcriber(model, threads=1).transcribe(path) for path in paths]
    assert [transcript.text for transcript in alone] == texts
    for threads in (1, 3):
        together = list(Transcriber(model, threads=threads).transcribe_files(paths))
        assert together == list(zip(paths, alone, strict=True))


def test_one_bad_file_leaves_the_others(transcriber, tmp_path):
    paths = [write(tmp_path / "a.wav", "a"), tmp_path / "missing.wav", write(tmp_path / "b.wav", "b")]
    first, second, third = (result for _, result in transcriber.transcribe_files(paths))
    assert isinstance(first, Transcript)
    assert isinstance(third, Transcript)
    assert (first.text, third.text) == ("a", "b")
    assert isinstance(second, SpeechRnnError)
    assert "missing.wav" in str(second)
    with pytest.raises(SpeechRnnError, match=r"missing\.wav"):
        transcriber.transcribe(tmp_path / "missing.wav")


def test_a_truncated_file_gives_its_text_and_a_warning(transcriber, tmp_path, monkeypatch):
    def blocks(self):
        yield speak("ab")
        self.broken_at = 0.25

    monkeypatch.setattr(audio.AudioStream, "__iter__", blocks)
    transcript = transcriber.transcribe(tmp_path / "cut.ogg")
    assert (transcript.text, transcript.broken_at) == ("ab", 0.25)
    assert transcript.warnings == ("breaks off after 0.25 s; the text ends there",)


def test_a_bug_in_a_thread_is_not_hidden(model):
    def broken(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Transcriber(model, threads=2, decoder=lambda _: broken).transcribe(speak(LONG))


def test_leaving_early_stops_all_threads(transcriber, tmp_path):
    paths = [write(tmp_path / f"{number}.wav", LONG) for number in range(6)]
    results = transcriber.transcribe_files(paths)
    next(results)
    results.close()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("reader", "worker"))]


def test_the_files_of_a_long_list_are_opened_as_they_are_needed(transcriber, tmp_path):
    path = write(tmp_path / "a.wav", "a")
    taken = []

    def endless():
        while True:
            taken.append(path)
            yield path

    next(transcriber.transcribe_files(endless()))
    assert len(taken) < 10


@pytest.mark.parametrize("samples", [0, 1, 100, 799, 801])
def test_recordings_shorter_than_a_frame_have_no_words(transcriber, samples):
    transcript = transcriber.transcribe(np.zeros(samples, np.float32))
    assert (transcript.text, transcript.words) == ("", ())


@pytest.mark.parametrize(
    "samples",
    [np.zeros((2, 800), np.float32), np.zeros(800, np.int16), np.full(800, np.nan, np.float32)],
    ids=["two channels", "integers", "not a number"],
)
def test_samples_of_another_kind_are_refused(transcriber, samples):
    with pytest.raises(SpeechRnnError, match="samples: are"):
        transcriber.transcribe(samples)


def test_no_threads_are_refused(model):
    with pytest.raises(SpeechRnnError, match="--threads: must be 1 or more"):
        Transcriber(model, threads=0)


def test_without_a_model_the_cure_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("speechrnn.shipped.FOLDER", tmp_path)
    with pytest.raises(SpeechRnnError, match="--model: none given"):
        Transcriber()


def test_formats(transcriber):
    transcript = transcriber.transcribe(speak("ab c"))
    assert as_text(None, transcript) == "ab c"
    assert as_text("x.wav", transcript) == "x.wav\tab c"
    plain = json.loads(as_json("é.wav", transcript))
    assert plain["audio_filepath"] == "é.wav"
    assert plain["text"] == "ab c"
    assert plain["seconds"] == 0.85
    assert plain["warnings"] == []
    assert [word["text"] for word in plain["words"]] == ["ab", "c"]
    assert plain["words"][0]["start"] == 0.05
    assert "é" in as_json("é.wav", transcript)
