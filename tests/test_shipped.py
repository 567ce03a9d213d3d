"""Models that come with the package: found by name, listed, and taken where none is named."""

import dataclasses

import numpy as np
import pytest

from speechrnn import shipped
from speechrnn.commands import main
from speechrnn.errors import SpeechRnnError
from speechrnn.pronunciation import write_pronunciations
from speechrnn.runtime.transcriber import Transcriber
from speechrnn.shipped import ModelFiles, find_model, shipped_models
from tests.runtime.level_model import FRAME, METADATA, RATE, SOUNDS, speak, write_level_model

soundfile = pytest.importorskip("soundfile")

CARD = {"use": "loudness", "wer": {"quiet": "1 %", "loud": "2 %"}}


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """An installation without models, and an empty folder to work in."""
    (tmp_path / "models").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "models")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "models"


@pytest.fixture
def english(bare):
    """An installation with one model."""
    return write_level_model(bare / "english.onnx", dataclasses.replace(METADATA, card=CARD))


def test_a_name_stands_for_the_file_and_what_lies_beside_it(english):
    assert find_model("english") == find_model(None) == ModelFiles(english)
    beside = [english.with_suffix(suffix) for suffix in (".ngram.xz", ".md", ".lexicon.xz")]
    for file in beside:
        file.touch()
    assert shipped_models() == {"english": ModelFiles(english, *beside)}


def test_what_lies_on_disk_goes_before_a_name(english, tmp_path):
    (tmp_path / "here" / "english").mkdir()
    assert find_model("english").path.resolve() == tmp_path / "here" / "english"


@pytest.mark.parametrize("path", ["gone.onnx", "runs/english", "/english"])
def test_a_path_is_no_name(english, path):
    assert str(find_model(path).path) == path


@pytest.mark.parametrize("model", ["englisch", "english"])
def test_a_name_of_nothing_is_told(bare, model):
    with pytest.raises(
        SpeechRnnError, match=f"{model}: is no file, no folder and no model .*speechrnn models"
    ):
        find_model(model)


def test_transcribe_takes_the_model_that_ships(english, capsys):
    soundfile.write("talk.wav", speak("ab c"), RATE, subtype="FLOAT")
    for flags in [], ["--model", "english"], ["--model", str(english)]:
        assert main(["transcribe", "talk.wav", *flags]) == 0
        assert capsys.readouterr().out == "ab c\n"
    assert Transcriber().transcribe("talk.wav") == Transcriber("english").transcribe("talk.wav")


def test_what_ships_with_a_lexicon_is_searched_in_sounds(bare, capsys):
    """Words run together in the recording, and only how they are said tells them apart."""
    english = write_level_model(bare / "english.onnx", dataclasses.replace(METADATA, sounds=SOUNDS))
    (bare / "text").write_text("ab ba\nba\nab\n" * 10)
    ngram = english.with_suffix(".ngram.xz")
    assert main(["lm", "train", f"{bare}/text", "--to", str(ngram), "--discount-fallback"]) == 0
    write_pronunciations(english.with_suffix(".lexicon.xz"), {"ab": (("A", "B"),), "ba": (("B", "A"),)})
    capsys.readouterr()
    soundfile.write("talk.wav", speak("abba"), RATE, subtype="FLOAT")
    for flags, text in ([], "ab ba"), (["--hotwords", "abba"], "abba"), (["--beam", "0"], "abba"):
        assert main(["transcribe", "talk.wav", *flags]) == 0
        assert capsys.readouterr().out == f"{text}\n"
    assert Transcriber().transcribe("talk.wav").text == "ab ba"


def test_what_ships_is_decoded_with_its_language_model(english, capsys):
    """The recording is a little nearer to b than to a, which is the only word of the language model."""
    (english.parent / "text").write_text("a\na a\na a a\n" * 10)
    ngram = english.with_suffix(".ngram.xz")
    assert main(["lm", "train", f"{english.parent}/text", "--to", str(ngram), "--discount-fallback"]) == 0
    capsys.readouterr()
    doubtful = np.repeat(np.array([0, 0.251, 0], np.float32), FRAME)
    soundfile.write("doubt.wav", doubtful, RATE, subtype="FLOAT")
    for flags, text in [
        ([], "a"),
        (["--model", "english"], "a"),
        (["--beam", "5"], "a"),
        (["--beam", "0"], "b"),
        (["--lm-weight", "0", "--lm", str(ngram), "--lexicon", "b.txt"], "b"),
        (["--grammar", "b.txt"], "b"),
        (["--model", str(english)], "b"),
    ]:
        (english.parents[1] / "here" / "b.txt").write_text("b\n")
        assert main(["transcribe", "doubt.wav", *flags]) == 0
        assert capsys.readouterr().out == f"{text}\n", flags
    assert Transcriber().transcribe("doubt.wav").text == "a"
    assert Transcriber(english).transcribe("doubt.wav").text == "b"


def test_info_and_evaluate_take_its_name(english, tmp_path, capsys):
    soundfile.write("talk.wav", speak("ab c"), RATE, subtype="FLOAT")
    (tmp_path / "here" / "talks.jsonl").write_text(
        '{"audio_filepath": "talk.wav", "text": "ab c", "duration": 0.8}\n'
    )
    assert main(["evaluate", "english", "--manifest", "talks.jsonl"]) == 0
    assert "0.0" in capsys.readouterr().out
    assert main(["info", "english"]) == 0
    assert "loudness" in capsys.readouterr().out


def test_all_are_listed(english, capsys):
    english.with_suffix(".ngram.xz").write_bytes(bytes(123456))
    assert main(["models"]) == 0
    shown = capsys.readouterr().out
    for fact in (
        "english\n",
        "loudness",
        "quiet 1 %; loud 2 %",
        f"{english} (0.0 MB)",
        "english.ngram.xz (0.1 MB)",
    ):
        assert fact in shown


def test_a_list_of_none_says_so(bare, capsys):
    assert main(["models"]) == 0
    assert "no model comes with this installation" in capsys.readouterr().err
