"""NIST's sclite reads our `.trn` files and counts the errors that we count."""

import itertools
import random
import re
import shutil
import string
import subprocess
from pathlib import Path

import numpy as np
import pytest

from speechrnn.errors import SpeechRnnError
from speechrnn.scoring import Score, score
from speechrnn.trn import write_trn
from tests.real_emissions import VOCABULARY, needs_recordings, real_emissions
from tests.reference.edit_distance import edit_distance

SCLITE = next(
    (command for command in (["sclite"], ["sctk", "sclite"]) if shutil.which(command[0])), ["sclite"]
)
needs_sclite = pytest.mark.skipif(
    shutil.which(SCLITE[0]) is None, reason="NIST's sclite is not installed (Debian: apt-get install sctk)"
)


def test_a_line_holds_the_words_and_the_id_in_parentheses(tmp_path: Path):
    result = score(["Hello there", ""], ["hello", "oh"], ["12", "34"], ["12-1", "34-7"])
    references, hypotheses = write_trn(tmp_path, result)
    assert references.read_text() == "hello there (12-1)\n (34-7)\n"
    assert hypotheses.read_text() == "hello (12-1)\noh (34-7)\n"


def test_ids_that_do_not_begin_with_their_speaker_get_him_before_them(tmp_path: Path):
    result = score(["a", "b"], ["a", "b"], ["anna-1", None], ["x y", "z(2)"])
    references, _ = write_trn(tmp_path, result)
    assert references.read_text() == "a (anna%2D1-x%20y)\nb (%28unknown%29-z%282%29)\n"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    with pytest.raises(SpeechRnnError, match="nowhere"):
        write_trn(tmp_path / "nowhere", score(["a"], ["a"]))


@needs_sclite
def test_sclite_counts_the_same_errors_in_texts_as_recognisers_get_them_wrong(tmp_path: Path):
    draw = random.Random(1)
    words = ["".join(draw.choices(string.ascii_lowercase + "'éß", k=draw.randint(1, 8))) for _ in range(300)]
    references = [draw.choices(words, k=draw.randint(0, 25)) for _ in range(200)]
    hypotheses = [misheard(text, words, draw, share=0.4) for text in references]
    speakers = [f"speaker-{i % 7}" for i in range(200)]
    result = score(list(map(" ".join, references)), list(map(" ".join, hypotheses)), speakers)
    counted = sclite(tmp_path, result)
    assert len(counted) == 200
    assert [sum(counts[1:]) for counts in counted] == [u.words.errors for u in result.utterances]
    assert [sum(counts[:3]) for counts in counted] == [u.words.length for u in result.utterances]
    assert result.wer > 0.3


@needs_sclite
@pytest.mark.data
@needs_recordings
def test_sclite_counts_the_same_errors_in_what_a_weak_network_makes_of_real_speech(tmp_path: Path):
    real = real_emissions()
    read = ["".join(VOCABULARY.symbols[token] for token in merged(row)) for row in real.log_probs.values()]
    ids = list(real.texts)
    result = score(list(real.texts.values()), read, [name.partition("-")[0] for name in ids], ids)
    assert 0.6 < result.wer < 0.8
    assert [sum(counts[1:]) for counts in sclite(tmp_path, result)] == [
        utterance.words.errors for utterance in result.utterances
    ]


def merged(log_probs: np.ndarray) -> list[int]:
    """The tokens of the best path, repetitions merged and blanks (0) dropped."""
    return [token for token, _ in itertools.groupby(log_probs.argmax(axis=1)) if token]


@needs_sclite
def test_where_sclite_counts_more_errors_its_own_costs_are_the_reason(tmp_path: Path):
    draw = random.Random(2)
    references = [draw.choices("abc", k=draw.randint(5, 30)) for _ in range(200)]
    hypotheses = [draw.choices("abc", k=draw.randint(5, 30)) for _ in references]
    result = score(list(map(" ".join, references)), list(map(" ".join, hypotheses)))
    more = 0
    for counts, reference, hypothesis in zip(sclite(tmp_path, result), references, hypotheses, strict=True):
        _, substitutions, deletions, insertions = counts
        cost = 4 * substitutions + 3 * (deletions + insertions)
        assert cost == edit_distance(reference, hypothesis, substitution=4, other=3)
        more += substitutions + deletions + insertions - edit_distance(reference, hypothesis)
    assert 0 <= more < 0.01 * result.words


@needs_sclite
@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("a;b", "a;c"),
        ("{ a / b }", "a"),
        ("{ a", "a"),
        ("a @ b", "a b"),
        ("word*", "word"),
        ("** comment", "comment"),
        (";; comment", "** comment"),
        ("back\\slash", "backslash"),
        ("(uh) a", "a"),
        ("a b)", "a (b"),
        ("100% sure", "100%25 sure"),
        ("a\0b", "a\0c"),
        ("frag-", "fragment"),
        ("äöü straße", "äöü strasse"),
        ("e\u0301té", "été"),
        ("東京 大学", "東京"),
        ("x" * 250, "x" * 249 + "y"),
        ("", "a"),
        ("a", ""),
        ("", ""),
    ],
)
def test_sclite_counts_the_same_in_words_with_characters_that_mean_something_to_it(
    tmp_path: Path, said: str, read: str
):
    result = score([said, "anchor"], [read, "anchor"], ids=["odd id (1)", "b"])
    odd, anchor = sclite(tmp_path, result)
    utterance = result.utterances[0]
    assert odd == (
        utterance.words.length - utterance.words.substitutions - utterance.words.deletions,
        utterance.words.substitutions,
        utterance.words.deletions,
        utterance.words.insertions,
    )
    assert anchor == (1, 0, 0, 0)


def misheard(text: list[str], words: list[str], draw: random.Random, share: float) -> list[str]:
    """The words of `text`, a `share` of them wrong: replaced, left out, or followed by one more."""
    heard = []
    for word in text:
        kind = draw.choice(["replace", "drop", "add"]) if draw.random() < share else "keep"
        heard += {"keep": [word], "replace": [draw.choice(words)], "drop": []}.get(
            kind, [word, draw.choice(words)]
        )
    return heard


def sclite(folder: Path, result: Score) -> list[tuple[int, ...]]:
    """What sclite counts in each utterance: correct, substituted, deleted, inserted."""
    references, hypotheses = write_trn(folder, result)
    files = ["-r", references.name, "trn", "-h", hypotheses.name, "trn"]
    how = ["-i", "spu_id", "-e", "utf-8", "-s", "-o", "pralign", "stdout"]
    run = subprocess.run([*SCLITE, *files, *how], cwd=folder, capture_output=True, check=True)
    report = run.stdout.decode("utf-8", "replace")
    ids = re.findall(r"^id: \((.*)\)$", report, re.MULTILINE)
    found = re.findall(r"^Scores: \(#C #S #D #I\) (\d+) (\d+) (\d+) (\d+)", report, re.MULTILINE)
    counts = dict(zip(ids, [tuple(map(int, row)) for row in found], strict=True))
    order = [
        line.rpartition(" (")[2].rstrip(")\n") for line in references.open(encoding="utf-8", newline="\n")
    ]
    return [counts[name] for name in order]
