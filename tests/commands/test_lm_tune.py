"""`speechrnn lm tune`: from a manifest to weights that `transcribe --lm` finds; what cannot be is one line.

Every recording says `ab`, but its second letter is nearly as much a `c`; most transcripts say `ac`.
"""

import dataclasses

import numpy as np
import pytest
import soundfile

from speechrnn.commands import main
from speechrnn.decoding.beam.tuned_weights import read_weights
from speechrnn.decoding.saved_emissions import load_emissions
from speechrnn.manifest import Utterance, write_manifest
from tests.runtime.level_model import AB_OR_AC, LETTERS, METADATA, RATE, SOUNDS, write_level_model


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model, recordings, their manifest, and a language model that knows `ac` better."""
    folder = tmp_path_factory.mktemp("tuning")
    write_level_model(folder / "m.onnx")
    soundfile.write(folder / "ab.wav", AB_OR_AC, RATE, subtype="FLOAT")
    utterances = [
        Utterance(folder / "ab.wav", text, len(AB_OR_AC) / RATE, id=f"{number}-{text}")
        for number, text in enumerate(("ac", "ac", "ac", "ab"))
    ]
    write_manifest(folder / "m.jsonl", utterances)
    (folder / "text").write_text("ac\n" * 9 + "ab\n")
    flags = ["--to", str(folder / "m.ngram"), "--order", "2", "--discount-fallback"]
    assert main(["lm", "train", str(folder / "text"), *flags]) == 0
    return folder


@pytest.fixture
def tuned(place, capsys, monkeypatch):
    """Runs `lm tune m.ngram` with more flags; returns the status, and what went to stdout and stderr."""
    monkeypatch.chdir(place)
    (place / "m.ngram.weights.json").unlink(missing_ok=True)

    def run(*flags, manifest="m.jsonl"):
        status = main(["lm", "tune", "m.ngram", "--manifest", manifest, *flags])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_the_trials_are_printed_and_the_best_is_where_transcribe_finds_it(tuned, place, capsys):
    status, table, said = tuned("--model", "m.onnx", "--beam", "4")
    assert status == 0
    assert said == "speechrnn: m.ngram.weights.json: written\n"
    heading, *rows, best, last = table.splitlines()
    assert heading.split() == ["lm-weight", "word-bonus", "prior-scale", "unknown-word", "WER"]
    assert (best, last) == ("best:", "     0.80        0.00         0.30         -10.0  25.00 %")
    assert last in rows
    assert len(rows) > 9
    found = read_weights(place / "m.ngram")
    assert (found.lm_weight, found.word_bonus, found.prior_scale) == (0.8, 0.0, 0.3)
    assert (found.beam, found.wer) == (4, 0.25)
    assert found.tuned_on == "m.onnx; m.jsonl, 4 utterances"
    assert main(["transcribe", "ab.wav", "--model", "m.onnx", "--lm", "m.ngram"]) == 0
    assert capsys.readouterr().out == "ac\n"


def test_a_search_over_sounds_is_tuned_for_itself(tuned, place):
    write_level_model(place / "s.onnx", dataclasses.replace(METADATA, sounds=SOUNDS))
    (place / "said.txt").write_text("ab A B\nac A C\n")
    assert tuned("--model", "m.onnx", "--beam", "4")[0] == 0
    flags = ["--manifest", "m.jsonl", "--model", "s.onnx", "--beam", "5", "--pronunciations", "said.txt"]
    assert main(["lm", "tune", "m.ngram", *flags]) == 0
    assert [read_weights(place / "m.ngram", output).beam for output in ("log_probs", "sounds")] == [4, 5]
    status, _, said = tuned("--model", "m.onnx", "--pronunciations", "said.txt")
    assert (status, "speechrnn: m.onnx: knows no sounds" in said) == (2, True)


def test_saved_log_probabilities_give_the_same(tuned, place):
    first = tuned("--model", "m.onnx", "--save-emissions", "e.npz")
    saved = load_emissions(place / "e.npz")
    assert saved.log_probs.keys() == {"0-ac", "1-ac", "2-ac", "3-ab"}
    assert saved.vocabulary == LETTERS
    assert tuned("--emissions", "e.npz") == first


def test_log_probabilities_from_elsewhere_need_their_alphabet(tuned, place):
    tuned("--model", "m.onnx", "--save-emissions", "e.npz")
    arrays = load_emissions(place / "e.npz").log_probs
    np.savez(place / "theirs.npz", **{name: array for name, array in arrays.items() if name != "1-ac"})
    status, _, said = tuned("--emissions", "theirs.npz")
    assert (status, said) == (2, "speechrnn: theirs.npz: does not say what its tokens are; give --alphabet\n")
    status, table, said = tuned("--emissions", "theirs.npz", "--alphabet", " abcde")
    assert status == 0
    assert said.startswith("speechrnn: theirs.npz: has 3 of 4 utterances\n")
    assert table.endswith("33.33 %\n")


def test_recordings_that_cannot_be_read_are_named_and_left_out(tuned, place):
    (place / "noise.wav").write_bytes(b"this is no sound")
    both = [
        Utterance(place / "ab.wav", "ac", 0.25, id="there"),
        Utterance(place / "noise.wav", "ac", 1.0, id="broken"),
    ]
    write_manifest(place / "both.jsonl", both)
    status, _, said = tuned("--model", "m.onnx", manifest="both.jsonl")
    assert status == 0
    assert said.startswith("left out: broken: ")
    write_manifest(place / "none.jsonl", both[1:])
    status, _, said = tuned("--model", "m.onnx", manifest="none.jsonl")
    assert status == 2
    assert said.endswith("speechrnn: none.jsonl: none of its utterances can be read; see above\n")


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        ((), "--model, --emissions: give one of the two"),
        (("--model", "m.onnx", "--emissions", "e.npz"), "--model, --emissions: give one of the two"),
        (("--model", "m.onnx", "--alphabet", "ab"), "--alphabet: is for --emissions"),
        (("--emissions", "e.npz", "--save-emissions", "f.npz"), "--save-emissions: keeps what --model makes"),
        (("--emissions", "none.npz"), "none.npz: no such file"),
        (("--emissions", "text"), "text: is no whole .npz"),
        (("--emissions", "other.npz", "--alphabet", "ab"), "other.npz: has no utterance of m.jsonl"),
        (("--emissions", "wide.npz", "--alphabet", "ab"), "log-probabilities: have shape [2, 9], wanted"),
        (("--model", "none.onnx"), "none.onnx: no such file"),
        (("--model", "m.onnx", "--beam", "0"), "--beam 0: "),
    ],
)
def test_what_cannot_be_is_one_line_and_status_2_and_nothing_is_written(tuned, place, flags, problem):
    np.savez(place / "other.npz", x=np.zeros((2, 3), np.float32))
    np.savez(place / "wide.npz", **{"0-ac": np.zeros((2, 9), np.float32)})
    status, _, said = tuned(*flags)
    assert status == 2
    assert said.splitlines()[-1].startswith(f"speechrnn: {problem}")
    assert not (place / "m.ngram.weights.json").exists()
