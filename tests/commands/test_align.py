"""`speechrnn align`: times of a text in every format, transcripts that do not fit, and clear refusals."""

import json
import random

import numpy as np
import pytest
import soundfile

from speechrnn import audio
from speechrnn.commands import main
from speechrnn.manifest import Utterance, write_manifest
from tests.runtime.level_model import RATE, speak, write_level_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_level_model(tmp_path_factory.mktemp("model") / "levels.onnx"))


@pytest.fixture
def talk(tmp_path):
    """A recording of `ab c` and a text with what is said in it."""
    soundfile.write(tmp_path / "talk.wav", speak("ab c"), RATE, subtype="FLOAT")
    (tmp_path / "talk.txt").write_text("Ab,\nc!\n", encoding="utf-8")
    return tmp_path / "talk.wav", tmp_path / "talk.txt"


def aligned(capsys, model, *arguments, status=0):
    assert main(["align", *map(str, arguments), "--model", model]) == status
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_json_has_segments_words_and_letters_with_times(model, talk, capsys):
    out, err = aligned(capsys, model, *talk)
    assert err == ""
    plain = json.loads(out)
    assert plain["audio_filepath"] == str(talk[0])
    assert [segment["text"] for segment in plain["segments"]] == ["Ab,", "c!"]
    (word,) = plain["segments"][0]["words"]
    assert (word["text"], word["start"], word["end"]) == ("Ab,", 0.05, 0.2)
    assert word["score"] == 1
    assert [letter["text"] for letter in word["letters"]] == ["a", "b"]
    assert (plain["segments"][1]["start"], plain["segments"][1]["end"]) == (0.75, 0.8)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("ctm", "talk 1 0.050 0.150 Ab, 1.000\n"),
        ("srt", "1\n00:00:00,050 --> 00:00:00,200\nAb,\n\n2\n"),
        ("textgrid", 'text = "Ab,"'),
    ],
)
def test_other_formats(model, talk, capsys, name, part):
    out, err = aligned(capsys, model, *talk, "--format", name)
    assert part in out
    assert out.endswith("\n")
    assert err == ""


def test_words_of_a_long_recording_lie_where_they_are_said(model, tmp_path, capsys):
    words = ["".join(random.Random(number).choices("abcde", k=4)) for number in range(120)]
    samples = np.concatenate([speak(word + " ") for word in words])
    starts = np.cumsum([0, *(len(speak(word + " ")) for word in words)]) / RATE
    soundfile.write(tmp_path / "long.wav", samples, RATE, subtype="FLOAT")
    (tmp_path / "long.txt").write_text(" ".join(words))
    out, _ = aligned(capsys, model, tmp_path / "long.wav", tmp_path / "long.txt")
    assert len(samples) > 4 * 24 * RATE
    (segment,) = json.loads(out)["segments"]
    assert [word["text"] for word in segment["words"]] == words
    for word, start in zip(segment["words"], starts, strict=False):
        assert word["start"] == pytest.approx(start + 0.05, abs=0.06)


def test_words_that_the_model_cannot_write_are_told(model, talk, capsys):
    talk[1].write_text("ab 7")
    out, err = aligned(capsys, model, *talk)
    assert [word["text"] for word in json.loads(out)["segments"][0]["words"]] == ["ab", "7"]
    assert err == (
        f"speechrnn: {talk[1]}: the model cannot write 1 of its words (7);"
        " their times are what is left for them\n"
    )


def test_of_a_recording_that_breaks_off_the_place_is_told(model, talk, capsys, monkeypatch):
    def blocks(self):
        yield speak("ab c")
        self.broken_at = 0.85

    monkeypatch.setattr(audio.AudioStream, "__iter__", blocks)
    out, err = aligned(capsys, model, *talk, status=1)
    assert len(json.loads(out)["segments"]) == 2
    assert "breaks off after 0.85 s" in err


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "talk.txt: is empty"),
        (b" \n", "talk.txt: has no word that the model can write"),
        (b"12 34", "talk.txt: has no word that the model can write"),
        (b"caf\xe9", "talk.txt: is not UTF-8; save the text as UTF-8"),
        (b"abcde " * 10, "talk.txt: its 59 letters need 59 frames, and 0.85 s of sound have 17"),
    ],
    ids=["empty", "blank", "unknown letters", "Latin-1", "too long"],
)
def test_a_text_that_does_not_do_is_refused_in_one_line(model, talk, capsys, text, complaint):
    talk[1].write_bytes(text)
    out, err = aligned(capsys, model, *talk, status=2)
    assert out == ""
    assert complaint in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "AUDIO: none given; give AUDIO and TEXT, or --find-errors MANIFEST"),
        (["a.wav"], "TEXT: none given"),
        (["a.wav", "--find-errors", "x.jsonl"], "--find-errors: takes no AUDIO"),
        (["a.wav", "missing.txt"], "missing.txt: no such file"),
        (["--find-errors", "missing.jsonl"], "missing.jsonl: no such file"),
    ],
)
def test_missing_arguments_and_files_are_named(model, capsys, arguments, complaint):
    _, err = aligned(capsys, model, *arguments, status=2)
    assert complaint in err
    assert err.count("\n") == 1


def sentence(number: int) -> str:
    words = random.Random(number)
    return " ".join("".join(words.choices("abcde", k=words.randint(2, 5))) for _ in range(5))


@pytest.fixture
def manifest(tmp_path):
    """Thirty utterances; 3 and 4 have each other's transcripts, 7 lacks a word, 9 has too many."""
    texts = {number: sentence(number) for number in range(30)}
    written = dict(texts)
    written[3], written[4] = texts[4], texts[3]
    written[7] = " ".join(texts[7].split()[:2] + texts[7].split()[3:])
    written[9] = texts[9] * 20
    utterances = []
    for number, text in texts.items():
        # A noise of a few hundredths, so that the network is not equally sure of all.
        samples = speak(text) + np.random.default_rng(number).normal(0, 0.03, len(speak(text)))
        path = tmp_path / f"{number:02}.wav"
        soundfile.write(path, samples, RATE, subtype="FLOAT")
        utterances.append(Utterance(path, written[number], len(samples) / RATE, id=f"u{number}"))
    write_manifest(tmp_path / "m.jsonl", utterances)
    return tmp_path / "m.jsonl"


def table(out: str) -> list[list[str]]:
    header, *rows = [line.split("\t") for line in out.splitlines()]
    assert header == ["deviations", "id", "start", "end", "finding", "heard"]
    return rows


def test_transcripts_that_do_not_fit_are_listed_the_worst_first(model, manifest, capsys):
    out, err = aligned(capsys, model, "--find-errors", manifest)
    rows = table(out)
    assert {row[1] for row in rows} == {"u3", "u4", "u7", "u9"}
    assert rows[0][:2] == ["inf", "u9"]
    assert "frames" in rows[0][4]
    deviations = [float(row[0]) for row in rows]
    assert deviations == sorted(deviations, reverse=True)
    assert err == f"speechrnn: {manifest}: 4 of 30 utterances listed\n"


def test_a_word_left_out_is_shown_with_what_is_heard_there(model, manifest, capsys):
    out, _ = aligned(capsys, model, "--find-errors", manifest)
    (row,) = [row for row in table(out) if row[1] == "u7"]
    assert row[4] == "something is heard that the transcript lacks"
    assert sentence(7).split()[2] in row[5].split()


def test_the_threshold_decides_how_many_are_listed(model, manifest, capsys):
    every, _ = aligned(capsys, model, "--find-errors", manifest, "--threshold=-inf")
    assert len(table(every)) == 30
    none, _ = aligned(capsys, model, "--find-errors", manifest, "--threshold", "inf")
    assert table(none) == []


def test_of_a_few_utterances_all_are_listed(model, manifest, capsys):
    few = manifest.with_name("few.jsonl")
    few.write_text("".join(manifest.read_text().splitlines(keepends=True)[:5]))
    out, err = aligned(capsys, model, "--find-errors", few)
    assert len(table(out)) == 5
    assert "5 utterances do not tell what is usual" in err


def test_utterances_that_cannot_be_read_are_named_and_the_others_done(model, manifest, capsys):
    manifest.with_name("12.wav").write_bytes(b"no audio" * 100)
    out, err = aligned(capsys, model, "--find-errors", manifest, status=1)
    assert {row[1] for row in table(out)} == {"u3", "u4", "u7", "u9"}
    assert err.splitlines()[0].startswith(f"speechrnn: left out: {manifest.with_name('12.wav')}: ")
    for file in manifest.parent.glob("*.wav"):
        file.write_bytes(b"no audio" * 100)
    out, err = aligned(capsys, model, "--find-errors", manifest, status=2)
    assert out == ""
    assert "none of its utterances can be read" in err
