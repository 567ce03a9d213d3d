"""Hot words earn their weight wherever they stand as whole words, and are read from flags and files."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.decoding.beam.hot_words import BOUNDARY, HotWord, hot_arrays, hot_word, read_hot_words
from speechrnn.decoding.beam.search import BeamSearch
from speechrnn.decoding.beam.spelling import Spelling
from speechrnn.errors import SpeechRnnError
from tests.decoding.beam.search_cases import LETTERS
from tests.reference.sentences import hot_bonus

SPELLING = Spelling(LETTERS)
phrases = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=3).map(" ".join)


def walked(arrays, text: str):
    """The sums earned, and the credits, after each letter and boundary of `text`."""
    state, earned, sums = arrays.start, 0.0, []
    for letter in [*text, " "]:
        state = arrays.goto[state, BOUNDARY if letter == " " else arrays.column[SPELLING.numbers[letter]]]
        earned += arrays.earned[state]
        sums.append(earned + arrays.credit[state])
    return earned, sums


@given(st.dictionaries(phrases, st.floats(-5, 5), max_size=6), phrases)
def test_every_place_of_every_phrase_earns_its_weight(hot_words, text):
    arrays = hot_arrays([HotWord(phrase, weight) for phrase, weight in hot_words.items()], SPELLING)
    assert walked(arrays, text)[0] == pytest.approx(hot_bonus(text, hot_words), abs=1e-9)


@given(st.dictionaries(phrases, st.floats(-5, 5), max_size=6), phrases)
def test_no_letter_gains_more_than_the_bound_that_the_search_prunes_by(hot_words, text):
    arrays = hot_arrays([HotWord(phrase, weight) for phrase, weight in hot_words.items()], SPELLING)
    sums = [float(arrays.credit[arrays.start]), *walked(arrays, text)[1]]
    assert all(after - before <= arrays.most + 1e-9 for before, after in pairwise(sums))


def test_a_phrase_that_is_begun_is_credited_letter_by_letter():
    arrays = hot_arrays([HotWord("ab", 6.0)], SPELLING)
    assert walked(arrays, "ab")[1] == pytest.approx([2.0, 4.0, 6.0])
    assert walked(arrays, "aa")[1] == pytest.approx([2.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("new  york", HotWord("new york")),
        ("new york:7.5", HotWord("new york", 7.5)),
        ("rust:-2", HotWord("rust", -2.0)),
        (" o'neil : 1e1", None),
        ("at 10:30 h:2", HotWord("at 10:30 h", 2.0)),
    ],
)
def test_a_hot_word_is_a_phrase_with_or_without_a_weight(text, expected):
    if expected is None:
        assert hot_word(text) == HotWord("o'neil : 1e1")
    else:
        assert hot_word(text) == expected


@pytest.mark.parametrize("text", ["", "   ", ":5"])
def test_an_empty_hot_word_is_refused(text):
    with pytest.raises(SpeechRnnError, match=r"--hotwords: .* is an empty hot word"):
        hot_word(text)


def test_a_weight_that_is_no_number_is_refused():
    with pytest.raises(SpeechRnnError, match=r"'1\.2\.3' is no weight"):
        hot_word("york:1.2.3")


def test_a_file_holds_one_hot_word_a_line(tmp_path):
    path = tmp_path / "hot.txt"
    path.write_text("\ufeff# places\r\nnew york:3\r\n\r\nparis\r\n", encoding="utf-8")
    assert read_hot_words(path) == [HotWord("new york", 3.0), HotWord("paris")]


def test_an_error_in_a_file_names_the_line(tmp_path):
    path = tmp_path / "hot.txt"
    path.write_text("paris\n:4\n")
    with pytest.raises(SpeechRnnError, match=r"hot\.txt: line 2: ':4' is an empty"):
        read_hot_words(path)


def test_a_file_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "hot.txt"
    path.write_bytes("zürich".encode("latin-1"))
    with pytest.raises(SpeechRnnError, match="not UTF-8"):
        read_hot_words(path)


@pytest.mark.parametrize(
    ("hot", "complaint"),
    [
        (HotWord("a  "), None),
        (HotWord(" "), "empty"),
        (HotWord("aXb"), "cannot write X"),
        (HotWord("a", math.inf), "not a finite number"),
    ],
)
def test_hot_words_that_do_not_fit_the_vocabulary_are_refused(hot, complaint):
    if complaint is None:
        BeamSearch(LETTERS, hot_words=[hot])
        return
    with pytest.raises(SpeechRnnError, match=complaint):
        BeamSearch(LETTERS, hot_words=[hot])
