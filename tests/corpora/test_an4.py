"""AN4 is read from the data folder, from CMU's SPHERE or from the repository's WAV files, and checked."""

import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechrnn.corpora import an4
from speechrnn.corpora.download import Patience, Source
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance

HURRIED = Patience(attempts=2, first_pause_seconds=0.001, timeout_seconds=5)
TEXTS = {"train": {"an251-fash-b": "YES", "cen1-fash-b": "H I N I C H"}, "test": {"an406-fcaw-b": "RUBOUT G"}}
FOLDERS = {"train": "an4_clstk", "test": "an4test_clstk"}


@pytest.fixture(autouse=True)
def small_official_corpus(monkeypatch):
    """Let the three utterances of `TEXTS` be all of AN4."""
    digests = {
        part: an4.digest_of_texts(
            [Utterance(Path(name), text.lower(), 1.0, id=name) for name, text in texts.items()]
        )
        for part, texts in TEXTS.items()
    }
    official = dict(an4.OFFICIAL_TEXTS)
    monkeypatch.setattr(an4, "OFFICIAL_TEXTS", digests)
    return official


def write_cmu(corpus, suffix="sph"):
    """Write `TEXTS` as CMU lays them out."""
    (corpus / "etc").mkdir(parents=True)
    for part, texts in TEXTS.items():
        names = {name: f"{FOLDERS[part]}/{name.split('-')[1]}/{name}" for name in texts}
        form = "<s> {} </s> ({})" if part == "train" else "{} ({})"
        lines = [form.format(text, name) for name, text in texts.items()]
        (corpus / "etc" / f"an4_{part}.transcription").write_text("\n".join(lines) + "\n")
        (corpus / "etc" / f"an4_{part}.fileids").write_text("\n".join(names.values()) + "\n")
        for name in names.values():
            path = corpus / "wav" / f"{name}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            kind = {"sph": "NIST", "wav": "WAV"}[suffix]
            soundfile.write(path, np.full(8000, 0.1, np.float32), 16000, format=kind, subtype="PCM_16")
    return corpus


def packed(corpus):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        tar.add(corpus, corpus.name)
    return stream.getvalue()


@pytest.mark.parametrize("suffix", ["sph", "wav"])
def test_both_of_cmus_formats_are_read(tmp_path, suffix):
    corpus = an4.read(write_cmu(tmp_path / "an4", suffix))
    assert [u.text for u in corpus.train] == ["yes", "h i n i c h"]
    (test,) = corpus.test
    assert (test.id, test.speaker, test.duration) == ("an406-fcaw-b", "fcaw", 0.5)


def test_cmus_archive_is_fetched_once(loopback, tmp_path):
    source = Source(loopback.url("/an4_sphere.tar.gz", packed(write_cmu(tmp_path / "original" / "an4"))))
    folder = an4.fetch(tmp_path / "to", (source,), HURRIED)
    assert an4.fetch(tmp_path / "to", (source,), HURRIED) == folder
    assert len(loopback.requests) == 1
    assert len(an4.read(folder).train) == 2
    assert list((tmp_path / "to").iterdir()) == [folder]


def test_the_repository_serves_where_cmu_fails(loopback, tmp_path):
    repository = packed(write_cmu(tmp_path / "original" / "an4-6f7ee67", "wav"))
    sources = (
        Source(loopback.address + "/gone.tar.gz"),
        Source(loopback.url("/login.html", b"<html>Please log in</html>")),
        Source(loopback.url("/an4.tar.gz", repository)),
    )
    folder = an4.fetch(tmp_path / "to", sources, HURRIED)
    assert all(u.audio_filepath.suffix == ".wav" for u in an4.read(folder).train)


def test_where_all_sources_fail_each_is_told(loopback, tmp_path):
    sources = (Source(loopback.address + "/a.tar.gz"), Source(loopback.address + "/b.tar.gz"))
    with pytest.raises(SpeechRnnError, match=r"a\.tar\.gz: .*404.*b\.tar\.gz: .*404"):
        an4.fetch(tmp_path / "to", sources, HURRIED)


def test_a_changed_transcript_is_not_an4(tmp_path):
    corpus = write_cmu(tmp_path / "an4")
    (corpus / "etc" / "an4_test.transcription").write_text("RUBOUT Q (an406-fcaw-b)\n")
    with pytest.raises(SpeechRnnError, match="the test part has not AN4's official utterances"):
        an4.read(corpus)


def test_a_missing_recording_is_named(tmp_path):
    corpus = write_cmu(tmp_path / "an4")
    (corpus / "wav" / "an4_clstk" / "fash" / "cen1-fash-b.sph").unlink()
    with pytest.raises(SpeechRnnError, match="cen1-fash-b: has no recording"):
        an4.read(corpus)


def test_a_line_that_is_no_transcript_is_named(tmp_path):
    corpus = write_cmu(tmp_path / "an4")
    (corpus / "etc" / "an4_train.transcription").write_text("<s> YES </s> (an251-fash-b)\nwhat?\n")
    with pytest.raises(SpeechRnnError, match=r"an4_train\.transcription:2: is not 'TEXT \(id\)'"):
        an4.read(corpus)


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"split": "train"}', '{"split": "dev", "audio_filepath": "a", "text": ""}']
)
def test_a_line_of_the_data_folder_that_is_wrong_is_named(tmp_path, line):
    (tmp_path / "manifest.jsonl").write_text(line + "\n")
    with pytest.raises(SpeechRnnError, match=r"manifest\.jsonl:1: is not an AN4 utterance"):
        an4.read(tmp_path)


def test_a_folder_without_the_corpus_is_told(tmp_path):
    with pytest.raises(SpeechRnnError, match="holds no AN4 corpus"):
        an4.read(tmp_path)


def test_the_data_folder_is_found_by_its_manifest(tmp_path):
    assert an4.find(tmp_path) is None
    (tmp_path / "an4").mkdir()
    (tmp_path / "an4" / "manifest.jsonl").write_text(json.dumps({}))
    assert an4.find(tmp_path) == tmp_path / "an4"


@pytest.mark.data
@pytest.mark.skipif("SPEECHRNN_DATA" not in os.environ, reason="SPEECHRNN_DATA names no recordings")
def test_the_real_corpus_is_whole_and_no_speaker_is_in_both_parts(small_official_corpus, monkeypatch):
    monkeypatch.setattr(an4, "OFFICIAL_TEXTS", small_official_corpus)
    corpus = an4.read(an4.find(None))
    assert (len(corpus.train), len(corpus.test)) == (948, 130)
    assert {u.speaker for u in corpus.train}.isdisjoint(u.speaker for u in corpus.test)
