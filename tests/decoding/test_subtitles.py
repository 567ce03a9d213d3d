"""Subtitles: cues of two lines and seven seconds at most, broken at pauses and segments."""

from speechrnn.decoding.hypothesis import Word
from speechrnn.decoding.subtitles import as_srt


def spoken(text: str, start: float = 0.0, seconds: float = 0.4) -> list[Word]:
    """Words that follow each other without a pause, each of `seconds`."""
    return [
        Word(word, start + number * seconds, start + (number + 1) * seconds, 1.0)
        for number, word in enumerate(text.split())
    ]


def cues(srt: str) -> list[list[str]]:
    return [block.splitlines() for block in srt.split("\n\n")]


def test_a_short_segment_is_one_cue():
    assert as_srt([spoken("hello there", start=3661.5)]) == (
        "1\n01:01:01,500 --> 01:01:02,300\nhello there\n"
    )


def test_segments_are_cues_of_their_own_numbered_from_one():
    first, second = cues(as_srt([spoken("one"), spoken("two", start=0.4)]))
    assert first == ["1", "00:00:00,000 --> 00:00:00,400", "one"]
    assert second == ["2", "00:00:00,400 --> 00:00:00,800", "two"]


def test_no_cue_is_longer_than_two_lines_or_seven_seconds():
    words = spoken("the quick brown fox jumps over the lazy dog " * 20)
    blocks = cues(as_srt([words]))
    assert " ".join(line for block in blocks for line in block[2:]) == " ".join(word.text for word in words)
    for block in blocks:
        assert len(block[2:]) <= 2
        assert all(len(line) <= 42 for line in block[2:])
    slow = cues(as_srt([spoken("a b c d e f g h", seconds=2.0)]))
    assert [block[2] for block in slow] == ["a b c", "d e f", "g h"]


def test_a_long_pause_begins_a_cue():
    words = [*spoken("one two"), *spoken("three four", start=3.0)]
    assert [block[2] for block in cues(as_srt([words]))] == ["one two", "three four"]


def test_a_word_that_is_longer_than_a_line_stays_whole():
    assert cues(as_srt([spoken("x" * 60 + " y")]))[0][2] == "x" * 60


def test_nothing_is_an_empty_file():
    assert as_srt([]) == ""
