"""The digit recordings are found or fetched whole, and composed into strings that keep the test apart."""

import collections
import functools
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.audio import read_audio
from speechrnn.corpora import digits
from speechrnn.corpora.digit_strings import LONGEST, compose, plan, split
from speechrnn.corpora.digits import KNOWN_LENGTHS, SPEAKERS, Recording
from speechrnn.corpora.download import Patience, Source
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import read_manifest

HURRIED = Patience(attempts=2, first_pause_seconds=0.001, timeout_seconds=5)


def recordings_in(folder, takes=range(50)):
    names = ((s, d, t) for s in SPEAKERS for d in range(10) for t in takes)
    return [Recording(folder / f"{d}_{s}_{t}.wav", d, s, t) for s, d, t in names]


def wav(length):
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros(length, np.int16), 8000, format="WAV", subtype="PCM_16")
    return stream.getvalue()


@functools.cache
def release(without=()):
    """Return an archive with all names of the release and silence in them."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for recording in recordings_in(Path("free-spoken-digit-dataset-1.0.10/recordings")):
            if recording.path.stem not in without:
                content = wav(KNOWN_LENGTHS.get(recording.path.stem, 8))
                member = tarfile.TarInfo(str(recording.path))
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def test_the_release_is_fetched_once_and_read_whole(loopback, tmp_path):
    source = Source(loopback.url("/v1.0.10.tar.gz", release()))
    corpus = digits.fetch(tmp_path, source, HURRIED)
    assert digits.fetch(tmp_path, source, HURRIED) == corpus
    assert len(loopback.requests) == 1
    assert list(tmp_path.iterdir()) == [corpus]
    assert [r.take for r in digits.read(corpus)][:50] == list(range(50))
    assert digits.find(tmp_path) == corpus


def test_an_archive_that_lacks_a_recording_is_refused(loopback, tmp_path):
    source = Source(loopback.url("/v1.0.10.tar.gz", release(without=("9_lucas_49",))))
    with pytest.raises(SpeechRnnError, match=r"9_lucas_49\.wav: is missing"):
        digits.fetch(tmp_path, source, HURRIED)
    assert not (tmp_path / "fsdd").exists()


def test_a_recording_of_another_length_is_not_the_releases(tmp_path):
    with tarfile.open(fileobj=io.BytesIO(release())) as tar:
        tar.extractall(tmp_path, filter="data")
    corpus = tmp_path / "free-spoken-digit-dataset-1.0.10"
    (corpus / "recordings" / "9_theo_16.wav").write_bytes(wav(100))
    with pytest.raises(SpeechRnnError, match=r"9_theo_16\.wav: is not that of release v1\.0\.10"):
        digits.read(corpus)


def test_the_official_test_takes_are_in_test_strings_only():
    train, test = split(recordings_in(Path()))
    assert {r.take for r in test} == {0, 1, 2, 3, 4}
    assert {r.take for r in train} == set(range(5, 50))
    assert len(train) + len(test) == 3000


def test_a_held_out_speaker_is_tested_alone_and_never_trained_on():
    train, test = split(recordings_in(Path()), holdout_speaker="theo")
    assert {r.speaker for r in test} == {"theo"}
    assert len(test) == 500
    assert {r.speaker for r in train} == set(SPEAKERS) - {"theo"}
    assert not any(r.take in digits.TEST_TAKES for r in train)


@given(seed=st.integers(), rounds=st.integers(1, 4))
def test_each_recording_is_in_as_many_strings_as_there_are_rounds(seed, rounds):
    recordings = recordings_in(Path(), takes=range(3))
    strings = list(plan(recordings, rounds, seed))
    used = collections.Counter(r for string in strings for r in string.recordings)
    assert used == dict.fromkeys(recordings, rounds)
    assert len({string.id for string in strings}) == len(strings)
    for string in strings:
        assert 1 <= len(string.recordings) <= LONGEST
        assert {r.speaker for r in string.recordings} == {string.speaker}
        assert all(0.05 * 8000 <= pause <= 0.35 * 8000 for pause in string.pauses)


def test_the_strings_are_the_same_everywhere_and_in_any_order_of_the_recordings():
    recordings = recordings_in(Path())
    first = next(iter(plan(recordings, 1, 1)))
    assert list(plan(recordings[::-1], 2, 1)) == list(plan(recordings, 2, 1))
    assert list(plan(recordings, 1, 2)) != list(plan(recordings, 1, 1))
    assert (first.id, first.text, first.pauses) == ("george-0000", "three zero", (932, 1846, 1171))


def test_a_string_is_its_recordings_with_pauses_between(tmp_path):
    random = np.random.default_rng(0)
    recordings = recordings_in(tmp_path, takes=[0, 5])
    for recording in recordings:
        soundfile.write(recording.path, random.uniform(-0.5, 0.5, 50), 8000, subtype="PCM_16")
    manifests = compose(recordings, tmp_path / "composed")
    utterances = {u.id: u for u in read_manifest(manifests.test)}
    (string, *_) = plan(split(recordings)[1], 3, 1)
    expected = [np.zeros(string.pauses[0])]
    for recording, pause in zip(string.recordings, string.pauses[1:], strict=True):
        expected += [read_audio(recording.path, 8000), np.zeros(pause)]
    utterance = utterances[string.id]
    np.testing.assert_array_equal(read_audio(utterance.audio_filepath, 8000), np.concatenate(expected))
    assert utterance.text == string.text
    assert utterance.duration == len(np.concatenate(expected)) / 8000
    assert {u.speaker for u in read_manifest(manifests.train)} == set(SPEAKERS)


def test_an_unknown_speaker_is_told(tmp_path):
    with pytest.raises(
        SpeechRnnError, match="--holdout-speaker bob: no such speaker; one of george, jackson"
    ):
        compose([], tmp_path, holdout_speaker="bob")


@pytest.mark.data
@pytest.mark.skipif("SPEECHRNN_DATA" not in os.environ, reason="SPEECHRNN_DATA names no recordings")
def test_the_real_recordings_are_all_there():
    assert len(digits.read(digits.find(None))) == 3000
