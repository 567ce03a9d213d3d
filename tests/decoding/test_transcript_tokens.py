"""Texts become tokens: known letters in the vocabulary's case, pieces as sentencepiece makes them."""

import io
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.decoding.transcript_tokens import anything, tokenize
from speechrnn.text import BLANK, Vocabulary

LOWER = Vocabulary("characters", (BLANK, " ", "'", *string.ascii_lowercase))
UPPER = Vocabulary("characters", (BLANK, " ", "'", *string.ascii_uppercase))


def spelled(transcript, vocabulary) -> str:
    return "".join([*vocabulary.symbols, "*"][token] for token in transcript.tokens)


@pytest.mark.parametrize("vocabulary", [LOWER, UPPER], ids=["lower", "upper"])
def test_letters_are_taken_in_the_vocabularys_case_and_marks_passed_over(vocabulary):
    transcript = tokenize(["“Don’t”, she said."], vocabulary)
    assert spelled(transcript, vocabulary).lower() == "don't she said"
    assert [word.text for word in transcript.words] == ["“Don’t”,", "she", "said."]


def test_a_word_knows_its_tokens():
    transcript = tokenize(["ab c", "de"], LOWER)
    assert spelled(transcript, LOWER) == "ab c de"
    assert [[(word.first, word.end) for word in line] for line in transcript.lines] == [
        [(0, 2), (3, 4)],
        [(5, 7)],
    ]


def test_marks_that_stand_alone_go_with_a_word():
    transcript = tokenize(["- well — yes …", "***", "no !"], LOWER)
    assert [[word.text for word in line] for line in transcript.lines] == [["- well —", "yes …"], ["no !"]]
    assert spelled(transcript, LOWER) == "well yes no"


def test_a_word_without_a_known_letter_fits_anything():
    transcript = tokenize(["in 1999 Ж"], LOWER)
    assert spelled(transcript, LOWER) == "in * *"
    assert transcript.unwritable == ("1999", "Ж")
    assert transcript.tokens[3] == anything(LOWER) == len(LOWER)


def test_composed_and_decomposed_letters_are_the_same():
    vocabulary = Vocabulary("characters", (BLANK, " ", "é", "t"))
    assert spelled(tokenize(["e\u0301te\u0301"], vocabulary), vocabulary) == "été"


def test_a_vocabulary_without_a_space_writes_words_on_end():
    vocabulary = Vocabulary("characters", (BLANK, "a", "b"))
    assert list(tokenize(["a b"], vocabulary).tokens) == [1, 2]


@pytest.fixture(scope="module")
def processor():
    sentencepiece = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    model = io.BytesIO()
    words = ["there", "then", "other", "the", "hero", "rotten", "tenor", "nothing", "noon", "on", "in"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([f"{a} {b}" for a in words for b in words]),
        model_writer=model,
        model_type="bpe",
        vocab_size=40,
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        normalization_rule_name="identity",
        num_threads=1,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


@settings(deadline=None)
@given(words=st.lists(st.text("thenorig", min_size=1, max_size=9), min_size=1, max_size=4))
def test_pieces_are_those_of_sentencepiece(processor, words):
    symbols = [processor.id_to_piece(token) for token in range(1, processor.get_piece_size())]
    vocabulary = Vocabulary("bpe", (BLANK, *symbols))
    transcript = tokenize([" ".join(words)], vocabulary)
    assert list(transcript.tokens) == processor.encode(" ".join(words))
    assert [vocabulary.spell(transcript.tokens[word.first : word.end]) for word in transcript.words] == words
