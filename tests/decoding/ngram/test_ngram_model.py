"""The model that a decoder opens: the same saved as built, and refused when damaged."""

import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speechrnn.decoding.ngram.arpa_writing import write_arpa
from speechrnn.decoding.ngram.container import MAGIC
from speechrnn.decoding.ngram.counts import count_ngrams
from speechrnn.decoding.ngram.kneser_ney import estimate
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.errors import SpeechRnnError
from tests.decoding.ngram.made_up import assert_same_model
from tests.reference import ngrams

TEXT = ["the cat sat", "the cat ran", "a dog ran", "a cat sat and sat"]


@pytest.fixture
def model():
    return estimate(count_ngrams([("\n".join(TEXT) + "\n").encode()], 3), fall_back=True)


def test_a_saved_model_is_the_model(model, tmp_path):
    built = NgramModel.build(model)
    built.save(tmp_path / "m.ngram")
    opened = NgramModel.open(tmp_path / "m.ngram")
    for one, other in zip(
        (*opened.tables, *opened.words.arrays), (*built.tables, *built.words.arrays), strict=True
    ):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert (opened.counts, opened.units, opened.order) == (built.counts, "words", 3)
    assert_same_model(ngrams.spelled(opened.backoff_model()), ngrams.spelled(model))


def test_the_probability_of_a_sentence_is_that_of_its_words_and_its_end(model):
    spelled = ngrams.spelled(model)
    words = ("the", "dog", "</s>")
    by_hand = sum(
        ngrams.backed_off(spelled, ("<s>", *words)[max(0, i - 1) : i + 1], word)
        for i, word in enumerate(words)
    )
    assert NgramModel.build(model).log_prob("the dog") == pytest.approx(by_hand * math.log(10), abs=1e-5)


def test_an_arpa_file_opens_like_a_saved_model(model, tmp_path):
    write_arpa(tmp_path / "m.arpa.gz", model)
    opened = NgramModel.open(tmp_path / "m.arpa.gz", pytest.fail)
    built = NgramModel.build(model)
    for sentence in ("", "the cat sat", "an unheard cat"):
        assert opened.log_prob(sentence) == pytest.approx(built.log_prob(sentence), abs=1e-5)


def test_a_model_of_characters_takes_sentences_as_they_are_written(tmp_path):
    text = [b"a \xe2\x96\x81 b b\n"]
    built = NgramModel.build(estimate(count_ngrams(text, 2), fall_back=True), "characters")
    built.save(tmp_path / "m.ngram")
    opened = NgramModel.open(tmp_path / "m.ngram")
    assert opened.units == "characters"
    as_symbols = NgramModel(built.tables, built.words, built.counts, "words")
    assert opened.log_prob("a bb") == as_symbols.log_prob("a ▁ b b")


def test_words_and_numbers_belong_together(model):
    words = NgramModel.build(model).words
    assert words.words()[:3] == ["<unk>", "<s>", "</s>"]
    assert [words.number(words.word(number)) for number in range(len(words))] == list(range(len(words)))
    assert words.number("never heard") == 0


@pytest.fixture
def damaged(model, tmp_path):
    """Opens the saved model after its bytes went through a function."""
    path = tmp_path / "damaged.ngram"
    NgramModel.build(model).save(path)
    whole = path.read_bytes()

    def reopen(damage):
        path.write_bytes(damage(whole))
        return NgramModel.open(path)

    return reopen


def header_changed(**changes):
    def change(whole):
        _, line, rest = whole.split(b"\n", 2)
        changed = json.dumps(json.loads(line) | changes).encode()
        return MAGIC + changed + b"\n" + rest

    return change


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda whole: whole[:-1], "damaged or cut short"),
        (lambda whole: whole[:200], "damaged or cut short"),
        (lambda whole: whole[: len(MAGIC)], "damaged or cut short"),
        (lambda whole: whole[: len(MAGIC)] + b"[]\n", "damaged or cut short"),
        (lambda whole: whole[: len(MAGIC)] + b"[" * 100_000 + b"\n", "damaged or cut short"),
        (header_changed(format_version=2), "format version 2, this speechrnn reads 1"),
        (header_changed(arrays=[]), "lacks a part"),
        (header_changed(facts={}), "lacks a part"),
        (lambda whole: whole.replace(b'"words"}', b'"notes"}'), "do not fit together"),
        (header_changed(arrays=[{"name": "arcs", "dtype": "O", "shape": [1], "offset": 0}]), "damaged"),
        (header_changed(arrays=[{"name": "arcs", "dtype": "<i4", "shape": [-9], "offset": 64}]), "damaged"),
        (lambda whole: b"x" + whole, "is no text"),
    ],
)
def test_a_damaged_file_is_refused(damaged, damage, problem):
    with pytest.raises(SpeechRnnError, match=problem) as refusal:
        damaged(damage)
    assert "damaged.ngram" in str(refusal.value)


def test_a_file_cut_short_anywhere_is_refused(damaged):
    for share in range(0, 100, 3):
        with pytest.raises(SpeechRnnError):
            damaged(lambda whole, share=share: whole[: len(whole) * share // 100])


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 700), noise=st.binary(max_size=8), kept=st.booleans())
def test_whatever_the_header_a_model_or_a_refusal(damaged, place, noise, kept):
    try:
        opened = damaged(lambda whole: whole[:place] + noise + whole[place + (0 if kept else len(noise)) :])
    except SpeechRnnError:
        return
    assert opened.order == 3


def test_a_model_that_cannot_be_written_leaves_the_old_one(model, tmp_path, monkeypatch):
    path = tmp_path / "m.ngram"
    path.write_bytes(b"the old one")

    def full_disk(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(SpeechRnnError, match="No space left on device"):
        NgramModel.build(model).save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["m.ngram"]
    assert path.read_bytes() == b"the old one"
