"""Tokens are letters, boundaries or both."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.decoding.beam.spelling import NO_LETTER, Spelling
from speechrnn.errors import SpeechRnnError
from speechrnn.text import BLANK, Vocabulary
from tests.decoding.beam.search_cases import PIECES


def test_pieces_are_taken_apart():
    tokens = Spelling(PIECES).tokens
    assert tokens.boundary.tolist() == [False, True, True, False, False]
    assert [tokens.letters[a:b].tolist() for a, b in pairwise(tokens.offsets)] == [
        [],
        [],
        [0],
        [1],
        [0, 1],
    ]
    assert (tokens.separator, tokens.longest) == (1, 2)


def test_words_become_letters_and_unknown_ones_are_marked():
    spelled = Spelling(PIECES).spell(["ab", "é", "", "ba"])
    assert spelled.letters.tolist() == [0, 1, NO_LETTER, 1, 0]
    assert spelled.writable.tolist() == [True, False, False, True]


def test_no_words_are_no_letters():
    assert Spelling(PIECES).spell([]).writable.tolist() == []


@pytest.mark.parametrize(
    ("vocabulary", "complaint"),
    [
        (Vocabulary("bpe", (BLANK, "▁a▁b", "c")), "word boundary inside"),
        (Vocabulary("characters", (BLANK, "a b")), "word boundary inside"),
        (Vocabulary("characters", (BLANK, " ", "\u3000", "a")), "are all spaces"),
    ],
)
def test_a_vocabulary_whose_words_cannot_be_told_apart_is_refused(vocabulary, complaint):
    with pytest.raises(SpeechRnnError, match=complaint):
        Spelling(vocabulary)


@given(st.lists(st.text("abé€𝄞", max_size=4)), st.text("é"))
def test_words_in_utf8_are_spelled_like_others(words, before):
    spelling = Spelling(Vocabulary("characters", (BLANK, "a", "é", "𝄞")))
    encoded = [before.encode(), *(word.encode() for word in words)]
    text = np.frombuffer(b"".join(encoded), np.uint8)
    offsets = np.cumsum(list(map(len, encoded)))
    expected, found = spelling.spell(words), spelling.spell_utf8(text, offsets)
    assert found.letters.tolist() == expected.letters.tolist()
    assert found.offsets.tolist() == expected.offsets.tolist()


@given(st.lists(st.tuples(st.text("ab", max_size=3), st.booleans())))
def test_some_of_the_words_can_be_kept(words):
    spelling = Spelling(PIECES)
    kept = spelling.spell([word for word, _ in words]).only(np.array([keep for _, keep in words], np.bool_))
    expected = spelling.spell([word for word, keep in words if keep])
    assert kept.letters.tolist() == expected.letters.tolist()
    assert kept.offsets.tolist() == expected.offsets.tolist()
