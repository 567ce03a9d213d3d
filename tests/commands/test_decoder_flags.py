"""The flags of the beam search: what each does to an unclear word, and what is refused.

The recording says `ab`, but its second letter is nearly as much a `c`.
"""

import dataclasses
import json
import subprocess
import sys

import pytest
import soundfile

from speechrnn.commands import main
from speechrnn.decoding.beam.tuned_weights import TunedWeights, weights_path, write_weights
from tests.runtime.level_model import AB_OR_AC, METADATA, RATE, SOUNDS, speak, write_level_model

TEXT = "ac\n" * 9 + "ab\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model, a recording, and language models of a text in which `ac` is the usual word."""
    folder = tmp_path_factory.mktemp("unclear")
    calibrated = dataclasses.replace(METADATA, calibrations={"beam": (0.0, 0.0, 0.0, 0.0)})
    write_level_model(folder / "m.onnx", calibrated)
    write_level_model(folder / "s.onnx", dataclasses.replace(METADATA, sounds=SOUNDS))
    (folder / "said.txt").write_text("ab A B\nac A C\n")
    soundfile.write(folder / "ab.wav", AB_OR_AC, RATE, subtype="FLOAT")
    soundfile.write(folder / "run-together.wav", speak("abacab"), RATE, subtype="FLOAT")
    (folder / "text").write_text(TEXT)
    (folder / "TEXT").write_text(TEXT.upper())
    for text, name in (("text", "m.ngram"), ("text", "m.arpa"), ("text", "m.arpa.gz"), ("TEXT", "UP.arpa")):
        flags = ["--to", str(folder / name), "--order", "2", "--discount-fallback"]
        assert main(["lm", "train", str(folder / text), *flags]) == 0
    return folder


@pytest.fixture
def transcribed(place, capsys, monkeypatch):
    """Runs `transcribe ab.wav` with more flags; returns the status, and what went to stdout and stderr."""
    monkeypatch.chdir(place)

    def run(*flags):
        status = main(["transcribe", "ab.wav", "--model", "m.onnx", *flags])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ((), "ab"),
        (("--beam", "1"), "ab"),
        (("--lm", "m.ngram"), "ac"),
        (("--lm", "m.arpa"), "ac"),
        (("--lm", "m.arpa.gz", "--beam", "3"), "ac"),
        (("--lm", "m.ngram", "--lm-weight", "0"), "ab"),
        (("--hotwords", "ac"), "ac"),
        (("--hotwords", "dd:9", "AC:3"), "ac"),
        (("--hotwords", "ac:0.5"), "ab"),
        (("--word-bonus", "100"), "ab"),
    ],
)
def test_each_flag_weighs_as_it_says(transcribed, flags, text):
    assert transcribed(*flags) == (0, f"{text}\n", "")


@pytest.mark.parametrize(
    ("flag", "content"),
    [("--hotwords", "ac:4\n# a comment\n"), ("--lexicon", "AC\ndd\n"), ("--grammar", "ac | dd\n")],
)
def test_words_may_come_from_a_file(transcribed, place, flag, content):
    (place / "words.txt").write_text(content)
    assert transcribed(flag, "words.txt") == (0, "ac\n", "")


def test_tuned_weights_beside_the_language_model_count_unless_flags_say_otherwise(transcribed, place):
    (place / "tuned.ngram").write_bytes((place / "m.ngram").read_bytes())
    path = write_weights(place / "tuned.ngram", TunedWeights(0.0, 0.0, 25, 0.1, "something"))
    assert transcribed("--lm", "tuned.ngram")[1] == "ab\n"
    assert transcribed("--lm", "tuned.ngram", "--lm-weight", "0.8")[1] == "ac\n"
    path.write_text("{}")
    status, _, problem = transcribed("--lm", "tuned.ngram", "--lm-weight", "0.8")
    assert status == 2
    assert problem.startswith("speechrnn: tuned.ngram.weights.json: holds no tuned weights")
    explicit = ("--lm-weight", "0.8", "--word-bonus", "0")
    assert transcribed("--lm", "tuned.ngram", *explicit) == (0, "ac\n", "")


def test_words_without_marks_between_them_are_found_by_how_they_are_said(place, capsys, monkeypatch):
    monkeypatch.chdir(place)
    flags = ["--lm", "m.ngram", "--pronunciations", "said.txt"]
    assert main(["transcribe", "run-together.wav", "--model", "s.onnx", *flags, "--format", "json"]) == 0
    words = json.loads(capsys.readouterr().out)["words"]
    assert [word["text"] for word in words] == ["ab", "ac", "ab"]
    assert [word["start"] for word in words] == pytest.approx([0.05, 0.25, 0.45])
    assert main(["transcribe", "ab.wav", "--model", "s.onnx", *flags]) == 0
    assert capsys.readouterr().out == "ac\n"  # the usual word


def test_weights_tuned_for_letters_say_nothing_of_sounds(place, capsys, monkeypatch):
    monkeypatch.chdir(place)
    (place / "both.ngram").write_bytes((place / "m.ngram").read_bytes())
    write_weights(place / "both.ngram", TunedWeights(0.0, 0.0, 25, 0.1, "letters"))
    flags = ["ab.wav", "--model", "s.onnx", "--lm", "both.ngram"]
    said = ["--pronunciations", "said.txt"]
    for more, text in (([], "ab"), (said, "ac")):
        assert main(["transcribe", *flags, *more]) == 0
        assert capsys.readouterr().out == f"{text}\n"
    write_weights(place / "both.ngram", TunedWeights(0.0, 0.0, 25, 0.1, "sounds"), "sounds")
    assert main(["transcribe", *flags, *said]) == 0
    assert capsys.readouterr().out == "ab\n"


@pytest.mark.parametrize(
    ("model", "flags", "problem"),
    [
        (
            "m.onnx",
            ("--lm", "m.ngram", "--pronunciations", "said.txt"),
            "--pronunciations: the model knows",
        ),
        (
            "s.onnx",
            ("--pronunciations", "said.txt"),
            "--pronunciations: a search over sounds",
        ),
        (
            "s.onnx",
            ("--lm", "m.ngram", "--pronunciations", "said.txt", "--hotwords", "ac"),
            "--pronunciations: does not go with --hotwords",
        ),
        ("s.onnx", ("--lm", "m.ngram", "--pronunciations", "none.txt"), "none.txt: no such file"),
        ("s.onnx", ("--lm", "m.ngram", "--pronunciations", "text"), "text: line 1: 'ac' has no sounds"),
        ("s.onnx", ("--lm", "UP.arpa", "--pronunciations", "said.txt"), "said.txt: no word of the language"),
    ],
)
def test_what_does_not_go_with_pronunciations_is_one_line(place, capsys, monkeypatch, model, flags, problem):
    monkeypatch.chdir(place)
    assert main(["transcribe", "ab.wav", "--model", model, *flags]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"speechrnn: {problem}")
    assert said.count("\n") == 1


def test_nbest_prints_a_line_for_each_with_its_score(transcribed):
    status, lines, _ = transcribed("--nbest", "2")
    (score, first), (lower, second) = (line.split("\t") for line in lines.splitlines())
    assert (status, first, second) == (0, "ab", "ac")
    assert float(score) - float(lower) == pytest.approx(1.0, abs=0.01)


def test_nbest_in_json_has_the_words_of_each(transcribed):
    _, line, _ = transcribed("--nbest", "2", "--format", "json")
    plain = json.loads(line)
    assert plain["text"] == "ab"
    assert plain["words"] == plain["nbest"][0]["words"]
    assert [one["text"] for one in plain["nbest"]] == ["ab", "ac"]
    assert [one["words"][0]["text"] for one in plain["nbest"]] == ["ab", "ac"]
    assert "nbest" not in json.loads(transcribed("--beam", "2", "--format", "json")[1])


def test_confidences_are_those_that_the_model_is_calibrated_to_for_this_decoder(transcribed):
    confidences = [
        json.loads(transcribed(*flags, "--format", "json")[1])["words"][0]["confidence"]
        for flags in ((), ("--beam", "4"))
    ]
    assert confidences[0] != 0.5
    assert confidences[1] == 0.5


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (
            ("--lm", "UP.arpa"),
            "UP.arpa: is in upper case, the vocabulary of the model in lower case; convert",
        ),
        (("--lm", "text"), "text: has no line \\data\\, so it is no ARPA file"),
        (("--lm", "none.arpa"), "none.arpa: no such file"),
        (("--lm-weight", "1"), "--lm-weight: there is no language model to weigh; give --lm FILE"),
        (("--lm", "m.ngram", "--lm-weight", "-1"), "--lm-weight -1.0: must not be negative"),
        (("--lm", "m.ngram", "--word-bonus", "nan"), "--word-bonus: must be a finite number"),
        (("--beam", "-1"), "--beam -1: "),
        (("--nbest", "0"), "--nbest 0: ask for at least 1"),
        (("--lexicon", "text", "--grammar", "text"), "--lexicon, --grammar: "),
        (("--lexicon", "m.onnx"), "m.onnx: is not UTF-8"),
        (("--grammar", "none.jsgf"), "none.jsgf: no such file"),
        (("--grammar", "TEXT"), "TEXT: the model cannot write"),
        (("--hotwords", "none.txt"), "none.txt: no such file"),
        (("--hotwords", ":3"), "--hotwords: ':3' is an empty hot word"),
        (("--hotwords", "xyz"), "hot word 'xyz': the model cannot write x y z"),
        (("--hotwords", "dd", "--lexicon", "text"), "hot word 'dd': 'dd' is not in the lexicon"),
    ],
)
def test_what_cannot_be_is_one_line_and_status_2(transcribed, flags, problem):
    status, printed, said = transcribed(*flags)
    assert (status, printed) == (2, "")
    assert said.startswith(f"speechrnn: {problem}")
    assert said.count("\n") == 1


def test_a_lexicon_that_cannot_be_written_is_named(transcribed, place):
    (place / "foreign").write_text("xyz\n")
    assert transcribed("--lexicon", "foreign")[2].startswith("speechrnn: foreign: the model can write none")


def test_greedy_decoding_never_imports_numba(place):
    program = (
        "import sys; from speechrnn.commands import main;"
        f"main(['transcribe', {str(place / 'ab.wav')!r}, '--model', {str(place / 'm.onnx')!r}]);"
        "print('numba' in sys.modules, 'speechrnn.decoding.beam' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ab", "False", "False"]


def test_the_weights_of_a_language_model_lie_beside_it(place):
    assert weights_path(place / "m.arpa.gz") == place / "m.arpa.gz.weights.json"
