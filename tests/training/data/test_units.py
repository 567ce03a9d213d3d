import io
import pickle
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sentencepiece = pytest.importorskip("sentencepiece")

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.pronunciation import sounds_of
from speechrnn.text import BLANK, characters_of, normalise
from speechrnn.training.data.units import Pronouncer, Speller, learn
from tests.reference import pieces as reference

RealBytesIO = io.BytesIO
WORDS = ["the", "a", "cat", "dog's", "mat", "sat", "on", "zebra", "quick", "brown", "fox", "naïve", "café"]
TEXTS = [" ".join(random.Random(n).choices(WORDS, k=7)) for n in range(100)]
CHARACTERS = config.Units("characters")
PIECES = config.Units("bpe", pieces=60)
WITH_WORDS = config.Units("bpe", pieces=40, words=5)

texts_of_the_alphabet = st.text(alphabet=sorted(set("".join(TEXTS))), max_size=30).map(normalise)


@pytest.fixture(scope="module")
def pieces() -> Speller:
    return learn(TEXTS, PIECES)


def test_characters_are_those_of_the_training_text_after_the_blank():
    assert learn(["cab", "b c"], CHARACTERS).vocabulary.symbols == (BLANK, " ", "a", "b", "c")


@pytest.mark.parametrize("units", [CHARACTERS, PIECES, WITH_WORDS])
@given(text=texts_of_the_alphabet)
@settings(max_examples=50, deadline=None)
def test_text_of_the_alphabet_survives_spelling_and_reading_back(units, text):
    speller = learn(TEXTS, units)
    tokens = speller.encode(text)
    assert speller.vocabulary.spell(tokens) == text
    assert all(0 < token < len(speller.vocabulary) for token in tokens)


@pytest.mark.parametrize("units", [CHARACTERS, PIECES])
def test_characters_that_were_not_in_training_are_left_out_of_targets_and_counted(units):
    speller = learn(TEXTS, units)
    assert speller.vocabulary.spell(speller.encode("9the ж9 cat")) == "the cat"
    assert speller.unknown_characters(["9the ж9", "cat", "9"]) == {"9": 3, "ж": 1}


def test_there_are_as_many_pieces_as_asked_for(pieces):
    assert len(pieces.vocabulary) == 1 + PIECES.pieces
    assert pieces.vocabulary.kind == "bpe"
    assert pieces.vocabulary.symbols[0] == BLANK


@pytest.mark.parametrize("units", [PIECES, WITH_WORDS])
@given(text=texts_of_the_alphabet)
@settings(max_examples=50, deadline=None)
def test_text_is_cut_into_pieces_as_the_slow_way_cuts_it(units, text):
    speller = learn(TEXTS, units)
    assert speller.encode(text) == reference.encode(text, speller.vocabulary.symbols)


def test_pieces_shorten_text(pieces):
    assert sum(len(pieces.encode(text)) for text in TEXTS) < 0.6 * sum(map(len, TEXTS))


def test_pieces_do_not_depend_on_the_order_of_the_texts(pieces):
    assert learn(random.Random(1).sample(TEXTS, len(TEXTS)), PIECES) == pieces


def test_a_speller_follows_from_its_vocabulary_and_travels_to_a_worker(pieces):
    for copy in (Speller(pieces.vocabulary), pickle.loads(pickle.dumps(pieces))):
        assert copy == pieces
        assert [copy.encode(text) for text in TEXTS] == [pieces.encode(text) for text in TEXTS]


def test_text_is_cut_as_the_model_that_learnt_the_pieces_cuts_it(monkeypatch):
    """That model is made, and thrown away, in `learn`."""
    models = []
    monkeypatch.setattr(io, "BytesIO", lambda: models.append(RealBytesIO()) or models[-1])
    speller = learn(TEXTS, PIECES)
    learnt = sentencepiece.SentencePieceProcessor(model_proto=models[0].getvalue())
    assert [speller.encode(text) for text in TEXTS] == [learnt.encode(text) for text in TEXTS]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (10, "--model.units.pieces 10 is fewer than the training text has characters; give 26 or more"),
        (1000, "--model.units.pieces: 1000 are more than the training text yields; give fewer"),
    ],
)
def test_a_number_of_pieces_that_does_not_fit_is_told_with_the_cure(number, message):
    with pytest.raises(SpeechRnnError, match=message):
        learn(TEXTS, config.Units("bpe", number))


def test_the_least_number_of_pieces_is_that_of_the_characters():
    symbols = learn(TEXTS, config.Units("bpe", 26)).vocabulary.symbols
    assert set(symbols[1:]) == set("".join(TEXTS).replace(" ", "▁"))


def test_frequent_words_are_a_piece_each_and_the_others_are_made_of_what_they_alone_taught():
    texts = ["the cat sat on a mat"] * 9 + ["zebra brown zest rob"] * 3 + ["the cat"]
    speller = learn(texts, config.Units("bpe", pieces=24, words=6))
    assert len(speller.vocabulary) == 1 + 24
    assert all(len(speller.encode(word)) == 1 for word in texts[0].split())
    rest = [word for word in ("brown", "rob", "zebra", "zest") for _ in range(3)]
    alphabet = " ".join(sorted(set("".join(texts)) - {" "}))
    learnt = learn([*rest, alphabet], config.Units("bpe", pieces=24 - 6)).vocabulary
    assert speller.vocabulary.symbols[: len(learnt)] == learnt.symbols
    for word in ("brown", "rob", "zebra", "zest", "bro", "atom"):
        assert speller.encode(word) == reference.encode(word, speller.vocabulary.symbols)


def test_a_word_that_is_a_piece_of_others_makes_room_for_one_more():
    texts = ["a b c ab", "a b c", "a b c", "ad ae af ag"]
    symbols = learn(texts, config.Units("bpe", pieces=12, words=3)).vocabulary.symbols
    assert symbols[1] == "▁a"  # learnt as a piece, and a word as well
    assert len(symbols) == len(set(symbols)) == 1 + 12


def test_training_text_without_a_character_is_refused():
    with pytest.raises(SpeechRnnError, match="all transcripts are empty"):
        learn(["", ""], CHARACTERS)


SAID = {"the": (("DH", "AH"), ("DH", "IY")), "cat": (("K", "AE", "T"),)}


def test_words_are_said_as_the_lexicon_says_first():
    pronouncer = Pronouncer(sounds_of(SAID), SAID)
    tokens = pronouncer.encode("the cat")
    assert [pronouncer.sounds.symbols[token] for token in tokens] == ["DH", "AH", "K", "AE", "T"]
    assert Speller(characters_of(["the cat"]), pronouncer).encode_sounds("the cat") == tokens


def test_a_text_with_a_word_or_a_sound_that_is_not_known_has_no_sounds():
    pronouncer = Pronouncer(sounds_of({"the": SAID["the"]}), SAID)
    assert pronouncer.encode("the dog") == pronouncer.encode("the cat") == pronouncer.encode("") == []
    assert pronouncer.unknown_words(["the dog", "dog cat"]) == {"dog": 2, "cat": 1}
    assert Speller(characters_of(["the"])).encode_sounds("the") == []
