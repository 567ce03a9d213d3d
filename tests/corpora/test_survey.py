"""The figures of a corpus are those of its utterances."""

from pathlib import Path

import pytest

from speechrnn.corpora.survey import WIDTH, odd_characters, survey
from speechrnn.manifest import Utterance


def utterance(
    number: int, text: str = "ab a", duration: float = 1.0, speaker: str | None = "anna"
) -> Utterance:
    return Utterance(Path(f"{number}.wav"), text, duration, speaker=speaker)


def test_hours_words_and_speakers_are_counted():
    text = survey([utterance(i, duration=36.0, speaker="ab"[i // 3]) for i in range(4)])
    assert text.startswith("4 utterances, 0.04 h, 8 words\n2 speakers, 0.6 to 1.8 minutes each\n")


def test_unknown_speakers_are_called_so():
    assert "speakers unknown" in survey([utterance(1, speaker=None)])
    assert "of some utterances unknown" in survey([utterance(1), utterance(2, speaker=None)])


@pytest.mark.parametrize("longest", [0.3, 3.0, 6.0, 33.0, 700.0, 20000.0])
def test_the_histogram_holds_every_utterance_once_in_a_dozen_lines_or_so(longest: float):
    durations = [longest * i / 50 for i in range(1, 51)]
    text = survey([utterance(i, duration=duration) for i, duration in enumerate(durations)])
    bars = [line.split() for line in text.splitlines() if " to " in line and line.startswith("  ")]
    assert sum(int(bar[3]) for bar in bars) == 50
    assert len(bars) <= 14
    assert f"longest {longest:.2f}" in text


def test_characters_are_counted_most_frequent_first():
    lines = survey([utterance(1, "aab a"), utterance(2, "b")]).splitlines()
    assert "3 characters, most frequent first:" in lines
    assert lines[-1].split() == ["a", "3", "b", "2", "space", "1"]


def test_many_characters_are_broken_into_lines():
    text = survey([utterance(1, "".join(chr(0x4E00 + i) for i in range(100)))])
    assert max(map(len, text.splitlines())) <= WIDTH


def test_characters_that_are_no_letters_are_told_with_their_names_and_where_they_are_met_first():
    found = odd_characters(
        [utterance(1, "it's a well-known café"), utterance(2, "route 66"), utterance(3, "6\u200b")]
    )
    assert [(problem.place, problem.detail) for problem in found] == [
        ("2.wav", "6 (U+0036 digit six) in 2 utterances"),
        ("3.wav", "U+200B (U+200B zero width space) in 1 utterances"),
    ]
    assert not any(problem.left_out for problem in found)
