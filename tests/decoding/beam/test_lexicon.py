"""A lexicon is read from a file of words, and the automaton of it holds its words and no others."""

import itertools
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.decoding.beam.automaton import NO_WORD, REFUSED, ROOT, follow
from speechrnn.decoding.beam.lexicon import lexicon_automaton, read_lexicon
from speechrnn.decoding.beam.spelling import Spelling
from speechrnn.errors import SpeechRnnError
from speechrnn.text import BLANK, Vocabulary

VOCABULARY = Vocabulary("characters", (BLANK, " ", "c", "a", "b"))
SPELLING = Spelling(VOCABULARY)


def word_of(automaton, text: str) -> int:
    """The number that the automaton gives a word, or NO_WORD."""
    state = ROOT
    for letter in text:
        state = follow(automaton, state, SPELLING.numbers[letter])
        if state == REFUSED:
            return NO_WORD
    return int(automaton.word[state])


@settings(deadline=None)
@given(st.sets(st.text("abc", min_size=1, max_size=4), min_size=1))
def test_the_automaton_holds_the_words_of_the_lexicon_and_no_others(words):
    numbers = {word: number for number, word in enumerate(sorted(words), start=10)}
    automaton = lexicon_automaton(words, SPELLING, numbers, 0)
    every_word = ["".join(letters) for n in range(1, 5) for letters in itertools.product("abc", repeat=n)]
    assert {word: word_of(automaton, word) for word in every_word if word_of(automaton, word) >= 0} == numbers


def test_words_that_the_language_model_lacks_are_allowed_and_unknown():
    automaton = lexicon_automaton(["ab", "ba"], SPELLING, {"ab": 7}, 0)
    assert (word_of(automaton, "ab"), word_of(automaton, "ba"), word_of(automaton, "b")) == (7, 0, NO_WORD)


def test_words_that_cannot_be_written_are_left_out_and_counted(caplog):
    with caplog.at_level(logging.WARNING, "speechrnn"):
        automaton = lexicon_automaton(["ab", "naïve", "b2"], SPELLING, {"ab": 7}, 0)
    assert word_of(automaton, "ab") == 7
    assert "2 of 3 words left out, first ['naïve', 'b2']" in caplog.text
    assert "cannot write 2 e n v ï" in caplog.text


def test_a_lexicon_of_which_nothing_can_be_written_is_refused():
    with pytest.raises(SpeechRnnError, match=r"none of its 2 words, such as \['AB', 'C'\]"):
        lexicon_automaton(["AB", "C"], SPELLING, {}, 0)


def test_a_file_has_a_word_a_line_and_pronunciations_do_not_matter(tmp_path):
    path = tmp_path / "lexicon.txt"
    path.write_text("\ufeffabandon\tAH0 B AE1\r\n\r\nabacus  x\r\nabandon AH0\r\n", encoding="utf-8")
    assert read_lexicon(path) == ["abandon", "abacus"]


@pytest.mark.parametrize(
    ("content", "complaint"), [(b"\n \n", "no word"), (b"f\xfcr\n", "not UTF-8"), (b"", "empty")]
)
def test_a_file_without_words_is_refused(tmp_path, content, complaint):
    path = tmp_path / "lexicon.txt"
    path.write_bytes(content)
    with pytest.raises(SpeechRnnError, match=complaint):
        read_lexicon(path)
