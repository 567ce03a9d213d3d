"""A score in words can be read off: the line, the speakers, the words one under the other."""

import pytest

from speechrnn.scoring import score
from speechrnn.scoring_report import LINE, aligned_text, speaker_table, summary, worst_utterances


def test_the_summary_names_rates_intervals_and_counts():
    line = summary(score(["a b", "c d"], ["a x", "c d"], ["anna", "ben"]))
    assert "WER 25.00 % (0.00 to 50.00)" in line
    assert "95 % intervals over 2 speakers" in line
    assert "4 words, 1 substituted, 0 deleted, 0 inserted" in line


def test_each_edit_stands_in_its_column():
    (utterance,) = score(["the old cat sat"], ["the cold cat sat down"], ["anna"], ["u1"]).utterances
    assert aligned_text(utterance) == (
        "u1, speaker anna: 2 errors in 4 words\n"
        "REF: the old  cat sat ****\n"
        "HYP: the cold cat sat down\n"
        "         S            I"
    )


def test_wide_characters_and_accents_that_do_not_compose_keep_the_columns():
    (utterance,) = score(["東京 q\u0301 a"], ["x y b"]).utterances
    assert aligned_text(utterance).splitlines()[1:] == [
        "REF: 東京 q\u0301 a",
        "HYP: x    y b",
        "     S    S S",
    ]


@pytest.mark.parametrize("said", ["", "a"])
@pytest.mark.parametrize("read", ["", "b c"])
def test_empty_sides_are_shown_too(said: str, read: str):
    (utterance,) = score([said], [read]).utterances
    assert f"{utterance.words.errors} errors in {utterance.words.length} words" in aligned_text(utterance)


def test_long_utterances_are_broken_into_lines_that_hold_every_word():
    words = [f"word{i}" for i in range(60)]
    (utterance,) = score([" ".join(words)], [" ".join(words[1:])]).utterances
    lines = aligned_text(utterance).splitlines()[1:]
    assert max(map(len, lines)) <= LINE
    spoken = [word for line in lines if line.startswith("REF:") for word in line.split()[1:]]
    assert spoken == words


def test_the_table_of_speakers_has_a_line_for_each_with_its_own_counts():
    table = speaker_table(score(["a b", "c d"], ["a x", "c d"], ["anna", "benjamin"]))
    assert [line.split() for line in table.splitlines()] == [
        ["speaker", "WER", "words", "sub", "del", "ins"],
        ["anna", "50.0%", "2", "1", "0", "0"],
        ["benjamin", "0.0%", "2", "0", "0", "0"],
    ]


def test_the_worst_utterances_are_separated_by_blank_lines():
    text = worst_utterances(score(["a b", "c"], ["x y", "z"], ids=["one", "two"]), 2)
    assert [block.partition(":")[0] for block in text.split("\n\n")] == ["one", "two"]
