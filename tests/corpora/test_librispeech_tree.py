"""A folder in LibriSpeech's layout is read as it is, FLAC or Opus, and its gaps are told."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechrnn.corpora.librispeech_tree import librispeech_listing, librispeech_utterances
from speechrnn.errors import SpeechRnnError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of one part, two speakers, three utterances in two formats."""
    add(tmp_path, "84-1", {"84-1-0000": "MISTER QUILTER", "84-1-0001": "DON'T"}, ".flac")
    add(tmp_path, "9-2", {"9-2-0000": "YES"}, ".opus")
    return tmp_path


def add(tree: Path, chapter: str, texts: dict[str, str], suffix: str) -> Path:
    folder = tree / "dev" / chapter.replace("-", "/")
    folder.mkdir(parents=True)
    for name in texts:
        soundfile.write(folder / f"{name}{suffix}", np.zeros(8000), 16000, **opus(suffix))
    lines = "".join(f"{name} {text}\n" for name, text in texts.items())
    (folder / f"{chapter}.trans.txt").write_text(lines)
    return folder


def opus(suffix: str) -> dict[str, str]:
    return {"format": "OGG", "subtype": "OPUS"} if suffix == ".opus" else {}


def test_a_part_becomes_utterances_with_lower_case_text_speakers_and_lengths(tree: Path):
    utterances = librispeech_utterances(tree, "dev")
    assert [(u.id, u.text, u.speaker, u.audio_filepath.suffix) for u in utterances] == [
        ("84-1-0000", "mister quilter", "84", ".flac"),
        ("84-1-0001", "don't", "84", ".flac"),
        ("9-2-0000", "yes", "9", ".opus"),
    ]
    assert [u.duration for u in utterances] == pytest.approx([0.5] * 3, abs=0.01)


def test_flac_is_preferred_where_an_utterance_is_there_in_two_formats(tree: Path):
    soundfile.write(tree / "dev/9/2/9-2-0000.flac", np.zeros(8000), 16000)
    assert librispeech_utterances(tree, "dev")[2].audio_filepath.suffix == ".flac"


def test_sound_without_text_and_text_without_sound_are_left_out_with_one_warning(
    tree: Path, caplog: pytest.LogCaptureFixture
):
    soundfile.write(tree / "dev/84/1/84-1-0009.flac", np.zeros(8000), 16000)
    (tree / "dev/9/2/9-2-0000.opus").unlink()
    assert len(librispeech_utterances(tree, "dev")) == 2
    (warning,) = caplog.messages
    assert "2 left out" in warning
    assert "84-1-0009" in warning


def test_a_missing_part_is_named_with_those_that_are_there(tree: Path):
    with pytest.raises(SpeechRnnError, match="has no part 'test'; it holds dev"):
        librispeech_utterances(tree, "test")
    with pytest.raises(SpeechRnnError, match="LibriSpeech's layout"):
        librispeech_utterances(tree / "nothing", "test")


def test_a_part_without_any_usable_utterance_is_an_error(tmp_path: Path):
    add(tmp_path, "1-1", {"1-1-0000": "A"}, ".flac")
    (tmp_path / "dev/1/1/1-1-0000.flac").write_bytes(b"no sound")
    with pytest.raises(SpeechRnnError, match="no utterance can be used"):
        librispeech_utterances(tmp_path, "dev")


@pytest.mark.data
@pytest.mark.skipif(
    "SPEECHRNN_DATA" not in os.environ, reason="SPEECHRNN_DATA names no folder with recordings"
)
def test_the_whole_of_mini_librispeech_is_found():
    tree = Path(os.environ["SPEECHRNN_DATA"]) / "librispeech-small"
    utterances = librispeech_utterances(tree, "dev-clean-2")
    assert len(utterances) == 1089
    assert len({utterance.speaker for utterance in utterances}) == 26
    assert sum(utterance.duration for utterance in utterances) / 3600 == pytest.approx(2.04, abs=0.01)
    assert len(librispeech_listing(tree / "dev-clean-2").entries) == 1089
