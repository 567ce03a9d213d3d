"""There is one rule for written words, and applying it twice changes nothing."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.errors import SpeechRnnError
from speechrnn.text import (
    BLANK,
    Vocabulary,
    character_tokens,
    characters_of,
    needed_frames,
    normalise,
)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def test_case_composition_and_spaces_do_not_distinguish_texts():
    assert normalise("  DON'T \t Cafe\u0301\n") == "don't café"


@given(words)
def test_normalising_twice_is_normalising_once(text: str):
    assert normalise(normalise(text)) == normalise(text)


def test_normalising_twice_is_normalising_once_for_every_character_there_is():
    everything = map(chr, range(sys.maxunicode + 1))
    assert [c for c in everything if normalise(normalise(f"a{c}b")) != normalise(f"a{c}b")] == []


@given(words)
def test_normal_text_is_composed_lower_case_and_singly_spaced(text: str):
    normal = normalise(text)
    assert normal == unicodedata.normalize("NFC", normal) == unicodedata.normalize("NFC", normal.lower())
    assert normal.split(" ") == normal.split() or normal == ""


@given(words)
def test_decomposed_text_is_the_same_text(text: str):
    assert normalise(unicodedata.normalize("NFD", text)) == normalise(text)


@given(st.lists(words.map(normalise), min_size=1, max_size=5))
def test_the_vocabulary_of_texts_spells_them_all(texts: list[str]):
    vocabulary = characters_of(texts)
    for text in texts:
        tokens, missing = character_tokens(text, vocabulary)
        assert not missing
        assert vocabulary.spell(tokens) == text


def test_a_vocabulary_begins_with_the_blank_and_always_has_the_space():
    assert characters_of(["ba", "c"]).symbols == (BLANK, " ", "a", "b", "c")


def test_characters_that_the_vocabulary_lacks_are_told():
    tokens, missing = character_tokens("abéa7", characters_of(["ab"]))
    assert tokens == [2, 3, 2]
    assert missing == ["é", "7"]


def test_pieces_are_joined_at_their_word_boundaries():
    vocabulary = Vocabulary("bpe", (BLANK, "▁the", "▁c", "at"))
    assert vocabulary.spell([1, 2, 3]) == "the cat"


@pytest.mark.parametrize("symbols", [(), ("a", BLANK), (BLANK, "a", "a")])
def test_a_vocabulary_without_blank_at_zero_or_with_a_token_twice_is_refused(symbols: tuple[str, ...]):
    with pytest.raises(SpeechRnnError, match="vocabulary"):
        Vocabulary("characters", symbols)


@given(st.lists(st.integers(1, 3), max_size=8))
def test_needed_frames_is_the_length_of_the_shortest_path_that_spells_the_tokens(tokens: list[int]):
    path = []
    for token in tokens:
        if path and path[-1] == token:
            path.append(0)
        path.append(token)
    assert needed_frames(tokens) == len(path)
