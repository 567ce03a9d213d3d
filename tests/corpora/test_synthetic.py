"""The synthetic corpus is the same for the same settings, however it is made, and keeps its test apart."""

import json
import shutil
import sys

import numpy as np
import pytest

from speechrnn.audio import read_audio
from speechrnn.corpora.librispeech_tree import librispeech_utterances
from speechrnn.corpora.sentences import reserved_for_test, words
from speechrnn.corpora.synthetic import TEST_PART, TRAIN_PART, Settings, make_corpus, plan
from speechrnn.errors import SpeechRnnError

TINY = Settings(hours=16 / 3600, test_minutes=8 / 60, speakers=3, test_speakers=1)


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    pytest.importorskip("espeakng_loader", reason="the extra [synthetic] is not installed")
    return make_corpus(tmp_path_factory.mktemp("spoken") / "corpus", TINY, workers=1)


def test_many_workers_make_the_same_bytes_as_one(corpus, tmp_path):
    assert files_of(make_corpus(tmp_path / "again", TINY, workers=4)) == files_of(corpus)


def test_a_half_made_corpus_is_completed_to_the_same_bytes(corpus, tmp_path):
    half = shutil.copytree(corpus, tmp_path / "half")
    shutil.rmtree(half / TRAIN_PART / "1002")
    (half / TEST_PART / "2001").rename(half / TEST_PART / "2001.part")
    (half / TEST_PART / "2001.part" / "1" / "2001-1-0000.flac").write_bytes(b"cut off")
    assert files_of(make_corpus(half, TINY, workers=2)) == files_of(corpus)


def test_a_corpus_that_is_there_is_used_as_it_is(corpus):
    before = {path: path.stat().st_mtime_ns for path in corpus.rglob("*")}
    make_corpus(corpus, TINY)
    assert {path: path.stat().st_mtime_ns for path in corpus.rglob("*")} == before


def test_another_seed_says_other_things(corpus, tmp_path):
    other = make_corpus(tmp_path / "other", Settings(16 / 3600, 8 / 60, 3, 1, seed=2))
    texts = {u.text for u in librispeech_utterances(corpus, TRAIN_PART)}
    assert texts.isdisjoint(u.text for u in librispeech_utterances(other, TRAIN_PART))


def test_the_tree_reads_as_librispeech_does(corpus):
    train = librispeech_utterances(corpus, TRAIN_PART)
    test = librispeech_utterances(corpus, TEST_PART)
    assert {u.speaker for u in train} == {"1001", "1002", "1003"}
    assert {u.speaker for u in test} == {"2001"}
    assert not any(reserved_for_test(u.text) for u in train)
    assert all(reserved_for_test(u.text) for u in test)
    assert {word for u in train + test for word in u.text.split()} <= words()
    # Each speaker goes on until his share is spoken, so at most one sentence more.
    assert 16 <= sum(u.duration for u in train) < 16 + 3 * 8
    assert 8 <= sum(u.duration for u in test) < 8 + 8


def test_sound_is_as_long_as_its_text_takes_and_not_clipped(corpus):
    for utterance in librispeech_utterances(corpus, TRAIN_PART):
        samples = read_audio(utterance.audio_filepath)
        voiced = np.flatnonzero(np.abs(samples) > 0.01)
        spoken_seconds = (voiced[-1] - voiced[0]) / 16000
        assert 7 < len(utterance.text) / spoken_seconds < 30, utterance.text
        assert 0.1 < np.abs(samples).max() < 1, utterance.text


def test_no_voice_is_in_both_parts_and_none_is_there_twice(tmp_path):
    assignments = list(plan(tmp_path, Settings()))
    train = [a.voice for a in assignments if not a.test]
    test = [a.voice for a in assignments if a.test]
    assert (len(train), len(test)) == (160, 12)
    assert {voice.variant for voice in train}.isdisjoint(voice.variant for voice in test)
    assert len({(voice.accent, voice.variant) for voice in train + test}) == 172


def test_a_folder_of_other_settings_is_left_alone(corpus):
    with pytest.raises(SpeechRnnError, match="holds a synthetic corpus with other settings"):
        make_corpus(corpus, Settings(hours=1.0))


def test_the_folder_says_what_it_was_made_with(corpus):
    assert json.loads((corpus / "synthetic.json").read_text())["seed"] == 1
    assert "| M | train-synthetic" in (corpus / "SPEAKERS.TXT").read_text()


def test_a_missing_espeak_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(SpeechRnnError, match=r"espeakng-loader.*speechrnn\[synthetic\]"):
        make_corpus(tmp_path / "corpus", TINY)


@pytest.mark.parametrize("settings", [Settings(hours=0), Settings(test_speakers=0), Settings(hours=-1)])
def test_impossible_sizes_name_the_flag(tmp_path, settings):
    with pytest.raises(SpeechRnnError, match=r"--(hours|test-speakers) .*: must be more than 0"):
        make_corpus(tmp_path / "corpus", settings)


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SpeechRnnError, match="cannot be written"):
        make_corpus(tmp_path / "file" / "corpus", TINY)
