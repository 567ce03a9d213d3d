"""Lexicons in all the ways in which they are written, read and written again."""

import lzma

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.errors import SpeechRnnError
from speechrnn.pronunciation import (
    parse_pronunciations,
    read_pronunciations,
    sounds_of,
    write_pronunciations,
)
from speechrnn.text import BLANK

CMUDICT = """\
;;; a comment
the DH AH0
the(2) DH IY0
zoë Z OW1 IY0 # name
"""
LIBRISPEECH = "THE\tDH AH0\nTHE\tDH IY0\nZOË\tZ OW1 IY0\n"
FOUND = {"the": (("DH", "AH"), ("DH", "IY")), "zoë": (("Z", "OW", "IY"),)}

words = st.text("abc'-é", min_size=1, max_size=6)
ways = st.lists(
    st.lists(st.sampled_from(["AA", "B", "CH"]), min_size=1, max_size=4).map(tuple), min_size=1, unique=True
)


@pytest.mark.parametrize("text", [CMUDICT, LIBRISPEECH], ids=["cmudict", "librispeech"])
def test_a_word_has_its_pronunciations_in_order_and_without_stress(text):
    assert parse_pronunciations(text.splitlines(), "lexicon") == FOUND


def test_sounds_follow_on_the_blank_in_alphabetical_order():
    assert sounds_of(FOUND).symbols == (BLANK, "AH", "DH", "IY", "OW", "Z")
    assert sounds_of(FOUND).kind == "sounds"


@pytest.mark.parametrize("name", ["words.txt", "words.lexicon.xz"])
@settings(max_examples=20, deadline=None)
@given(lexicon=st.dictionaries(words, ways.map(tuple), min_size=1))
def test_what_is_written_is_read(tmp_path_factory, name, lexicon):
    path = tmp_path_factory.mktemp("lexicon") / name
    write_pronunciations(path, lexicon)
    assert read_pronunciations(path) == lexicon


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.txt", b"", "is empty"),
        ("a.txt", b";;; nothing\n", "holds no word"),
        ("a.txt", b"the DH AH\ncat\n", "line 2: 'cat' has no sounds"),
        ("a.txt", "zoë Z".encode("latin-1"), "is not UTF-8"),
        ("a.xz", b"the DH AH", "cannot be decompressed"),
        ("a.xz", lzma.compress(CMUDICT.encode())[:40], "cannot be decompressed"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(tmp_path, name, content, problem):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SpeechRnnError, match=problem) as refused:
        read_pronunciations(tmp_path / name)
    assert str(refused.value).startswith(str(tmp_path / name))
    assert "\n" not in str(refused.value)


def test_a_lexicon_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SpeechRnnError, match="cannot be written"):
        write_pronunciations(tmp_path / "file" / "lexicon.txt", FOUND)
