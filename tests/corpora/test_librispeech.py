"""LibriSpeech is found where it is, or fetched part by part and checked."""

import hashlib
import io
import re
import tarfile

import numpy as np
import pytest
import soundfile

from speechrnn.corpora.download import Patience, Source
from speechrnn.corpora.librispeech import (
    LANGUAGE_MODELS,
    PARTS,
    fetch_language_models,
    fetch_parts,
    find_tree,
)
from speechrnn.corpora.librispeech_tree import librispeech_utterances
from speechrnn.errors import SpeechRnnError

HURRIED = Patience(attempts=2, first_pause_seconds=0.001, timeout_seconds=5)


def add_part(tree, part, suffix="flac"):
    chapter = tree / part / "84" / "121123"
    chapter.mkdir(parents=True)
    soundfile.write(chapter / f"84-121123-0000.{suffix}", np.zeros(16000, np.float32), 16000)
    (chapter / "84-121123.trans.txt").write_text("84-121123-0000 GO DO YOU HEAR\n")
    return tree


def archive_of(tmp_path, part, held=None):
    """Return the bytes of an archive as OpenSLR's are: LibriSpeech/PART and tables beside it."""
    tree = add_part(tmp_path / "original" / part / "LibriSpeech", held or part)
    (tree / "SPEAKERS.TXT").write_text(";ID\n")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(tree, "LibriSpeech")
    return packed.getvalue()


def published(loopback, part, content):
    return Source(loopback.url(f"/{part}.tar.gz", content), hashlib.md5(content).hexdigest())


def test_every_official_part_has_its_address_and_checksum():
    official = ["dev-clean", "dev-other", "test-clean", "test-other"]
    official += ["train-clean-100", "train-clean-360", "train-other-500", "dev-clean-2", "train-clean-5"]
    assert sorted(PARTS) == sorted(official)
    assert all(source.url.endswith(f"/{part}.tar.gz") for part, source in PARTS.items())
    checksums = {source.md5 for source in PARTS.values()}
    assert len(checksums) == len(PARTS)
    assert all(re.fullmatch("[0-9a-f]{32}", checksum) for checksum in checksums)


def test_parts_are_fetched_once_into_one_tree(loopback, tmp_path):
    sources = {
        part: published(loopback, part, archive_of(tmp_path, part))
        for part in ("dev-clean-2", "train-clean-5")
    }
    tree = fetch_parts(tmp_path / "to", sources, HURRIED, sources)
    assert fetch_parts(tmp_path / "to", sources, HURRIED, sources) == tree
    assert len(loopback.requests) == 2
    assert sorted(path.name for path in tree.iterdir()) == ["SPEAKERS.TXT", "dev-clean-2", "train-clean-5"]
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["LibriSpeech"]
    (utterance,) = librispeech_utterances(tree, "train-clean-5")
    assert (utterance.text, utterance.speaker, utterance.duration) == ("go do you hear", "84", 1.0)


def test_an_archive_with_the_wrong_checksum_leaves_no_part(loopback, tmp_path):
    wrong = Source(loopback.url("/dev-clean-2.tar.gz", archive_of(tmp_path, "dev-clean-2")), "0" * 32)
    with pytest.raises(SpeechRnnError, match=r"dev-clean-2\.tar\.gz: sends other bytes"):
        fetch_parts(tmp_path / "to", ["dev-clean-2"], HURRIED, {"dev-clean-2": wrong})
    assert list((tmp_path / "to").iterdir()) == []


def test_an_archive_of_another_part_is_refused(loopback, tmp_path):
    sources = {
        "dev-clean": published(loopback, "dev-clean", archive_of(tmp_path, "dev-clean", held="test-clean"))
    }
    with pytest.raises(SpeechRnnError, match="does not hold LibriSpeech/dev-clean"):
        fetch_parts(tmp_path / "to", sources, HURRIED, sources)


def test_an_unknown_part_names_those_that_exist(tmp_path):
    with pytest.raises(SpeechRnnError, match=r"dev-cleen: is no part of LibriSpeech; there are dev-clean, "):
        fetch_parts(tmp_path, ["dev-cleen"])


def test_language_models_are_fetched_and_measured(loopback, tmp_path):
    sources = {"small.arpa.gz": Source(loopback.url("/small.arpa.gz", b"12345"), size=5)}
    (path,) = fetch_language_models(tmp_path, sources, HURRIED, sources)
    assert path.read_bytes() == b"12345"
    with pytest.raises(SpeechRnnError, match=r"5-gram: is no language model .* 4-gram\.arpa\.gz"):
        fetch_language_models(tmp_path, ["5-gram"], HURRIED, LANGUAGE_MODELS)


@pytest.mark.parametrize("place", [".", "LibriSpeech", "librispeech-small", "elsewhere"])
@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_a_tree_on_the_disk_is_found_whatever_its_name_and_format(tmp_path, place, suffix):
    tree = add_part(tmp_path / place, "dev-clean", suffix)
    assert find_tree(tmp_path, ["dev-clean"]).samefile(tree)
    assert find_tree(tmp_path, ["dev-clean", "test-clean"]) is None
    assert len(librispeech_utterances(tree, "dev-clean")) == 1


def test_the_environment_names_the_data_folder_unless_a_flag_does(tmp_path, monkeypatch):
    add_part(tmp_path / "LibriSpeech", "dev-clean")
    (tmp_path / "empty").mkdir()
    monkeypatch.delenv("SPEECHRNN_DATA", raising=False)
    assert find_tree(None, ["dev-clean"]) is None
    monkeypatch.setenv("SPEECHRNN_DATA", str(tmp_path))
    assert find_tree(None, ["dev-clean"]) == tmp_path / "LibriSpeech"
    assert find_tree(tmp_path / "empty", ["dev-clean"]) is None
    monkeypatch.setenv("SPEECHRNN_DATA", str(tmp_path / "gone"))
    with pytest.raises(SpeechRnnError, match=r"SPEECHRNN_DATA .*gone: no such folder"):
        find_tree(None, ["dev-clean"])
