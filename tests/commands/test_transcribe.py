"""`speechrnn transcribe`: what it prints where, and the status it ends with."""

import io
import json
import sys

import pytest
import soundfile

from speechrnn import audio
from speechrnn.commands import main
from speechrnn.commands.transcribe import with_progress
from tests.runtime.level_model import RATE, speak, write_level_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_level_model(tmp_path_factory.mktemp("model") / "levels.onnx"))


@pytest.fixture
def talks(tmp_path):
    """A folder of three recordings and a text."""
    (tmp_path / "talks" / "deep").mkdir(parents=True)
    for name, text in [("a.wav", "ab"), ("b.flac", "c d"), ("deep/c.WAV", "e")]:
        subtype = "PCM_16" if name.endswith("flac") else "FLOAT"
        soundfile.write(tmp_path / "talks" / name, speak(text), RATE, subtype=subtype)
    (tmp_path / "talks" / "notes.txt").write_text("no recording")
    return tmp_path / "talks"


def lines(capsys) -> list[str]:
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.splitlines()


def test_of_one_recording_the_text_is_printed(model, talks, capsys):
    assert main(["transcribe", str(talks / "a.wav"), "--model", model]) == 0
    assert lines(capsys) == ["ab"]


def test_of_several_a_line_each_with_the_path(model, talks, capsys):
    assert main(["transcribe", str(talks / "b.flac"), str(talks / "a.wav"), "--model", model]) == 0
    assert lines(capsys) == [f"{talks}/b.flac\tc d", f"{talks}/a.wav\tab"]


def test_a_folder_is_searched_to_the_bottom(model, talks, capsys):
    assert main(["transcribe", str(talks), "--model", model]) == 0
    assert lines(capsys) == [f"{talks}/a.wav\tab", f"{talks}/b.flac\tc d", f"{talks}/deep/c.WAV\te"]


@pytest.mark.parametrize(
    ("pattern", "found"), [("*.wav", ["a.wav"]), ("**/*.[wW]*", ["a.wav", "deep/c.WAV"])]
)
def test_patterns_that_the_shell_left_are_expanded(model, talks, capsys, pattern, found):
    assert main(["transcribe", str(talks / pattern), "--model", model, "--format", "json"]) == 0
    assert [json.loads(line)["audio_filepath"] for line in lines(capsys)] == [
        f"{talks}/{name}" for name in found
    ]


def test_a_file_named_like_a_pattern_is_that_file(model, talks, capsys):
    (talks / "a.wav").rename(talks / "[a].wav")
    assert main(["transcribe", str(talks / "[a].wav"), "--model", model]) == 0
    assert lines(capsys) == ["ab"]


def test_a_file_named_twice_is_transcribed_once(model, talks, capsys):
    assert main(["transcribe", str(talks), str(talks / "a.wav"), "--model", model]) == 0
    assert len(lines(capsys)) == 3


def test_json_has_words_with_times_and_confidences(model, talks, capsys):
    assert main(["transcribe", str(talks / "b.flac"), "--model", model, "--format", "json"]) == 0
    (line,) = lines(capsys)
    plain = json.loads(line)
    assert plain["text"] == "c d"
    assert [sorted(word) for word in plain["words"]] == [["confidence", "end", "start", "text"]] * 2


class Stdin(io.TextIOWrapper):
    """Standard input that holds a recording."""


def test_standard_input_is_read_to_its_end(model, talks, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin((talks / "b.flac").open("rb")))
    assert main(["transcribe", "-", "--model", model, "--format", "json"]) == 0
    (line,) = lines(capsys)
    assert json.loads(line)["audio_filepath"] == "-"
    assert json.loads(line)["text"] == "c d"


def test_what_is_wrong_with_standard_input_names_it_so(model, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(io.BytesIO(b"no audio" * 100)))
    assert main(["transcribe", "-", "--model", model]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("speechrnn: -: ")
    assert captured.err.count("\n") == 1


def test_some_failed_the_others_are_done(model, talks, capsys):
    (talks / "bad.wav").write_bytes(b"no audio" * 100)
    names = [str(talks / name) for name in ("a.wav", "bad.wav", "missing.wav", "b.flac")]
    assert main(["transcribe", *names, "--model", model]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [f"{talks}/a.wav\tab", f"{talks}/b.flac\tc d"]
    bad, missing = captured.err.splitlines()
    assert bad.startswith(f"speechrnn: {talks}/bad.wav: ")
    assert missing == f"speechrnn: {talks}/missing.wav: no such file; check the path"


def test_all_failed(model, talks, capsys):
    assert main(["transcribe", str(talks / "missing.wav"), "--model", model]) == 2
    assert main(["transcribe", str(talks / "nothing*"), "--model", model]) == 2
    assert capsys.readouterr().err.count("no such file") == 2


def test_an_empty_folder_is_named(model, tmp_path, capsys):
    assert main(["transcribe", str(tmp_path), "--model", model]) == 2
    assert f"{tmp_path}: is a folder" in capsys.readouterr().err


def test_a_truncated_file_gives_its_text_one_warning_and_status_1(model, talks, capsys, monkeypatch):
    def blocks(self):
        yield speak("ab")
        self.broken_at = 0.25

    monkeypatch.setattr(audio.AudioStream, "__iter__", blocks)
    assert main(["transcribe", str(talks / "a.wav"), "--model", model]) == 1
    captured = capsys.readouterr()
    assert captured.out == "ab\n"
    assert captured.err == f"speechrnn: {talks}/a.wav: breaks off after 0.25 s; the text ends there\n"


def test_channels_are_picked_or_mixed(model, tmp_path, capsys):
    both = speak("ab")[:, None].repeat(2, axis=1)
    both[:, 1] = 0
    soundfile.write(tmp_path / "two.wav", both, RATE, subtype="FLOAT")
    for channel, text in [("0", "ab"), ("1", ""), ("mix", None)]:
        assert main(["transcribe", str(tmp_path / "two.wav"), "--model", model, "--channel", channel]) == 0
        (line,) = lines(capsys)
        assert text is None or line == text
    assert main(["transcribe", str(tmp_path / "two.wav"), "--model", model, "--channel", "7"]) == 2
    assert "two.wav" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ([], "RECORDINGS: none given"),
        (["a.wav", "--model", "missing.onnx"], "missing.onnx: no such file"),
        (["a.wav", "--threads", "0"], "--threads: must be 1 or more"),
    ],
)
def test_flags_that_cannot_be_are_one_line(flags, complaint, capsys, model, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["transcribe", *flags]) == 2
    captured = capsys.readouterr()
    assert complaint in captured.err
    assert captured.err.count("\n") == 1


def test_progress_is_for_terminals(monkeypatch, capsys):
    assert list(with_progress(range(3), 3)) == [0, 1, 2]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(with_progress(range(3), 3)) == [0, 1, 2]
    assert "transcribing" in capsys.readouterr().err
