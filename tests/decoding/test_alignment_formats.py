"""JSON, CTM and TextGrid say the same times, each in its own way."""

import json
import re

import numpy as np
import pytest

from speechrnn.decoding.alignment import align
from speechrnn.decoding.alignment_formats import as_ctm, as_json, as_textgrid
from speechrnn.text import BLANK, Vocabulary

LETTERS = Vocabulary("characters", (BLANK, " ", "a", "b"))


@pytest.fixture
def alignment():
    """`"A" — b` from 0.1 to 0.3 s and from 0.5 s to the end, and `ab` later on."""
    tokens = [0, 2, 2, 0, 1, 3, 1, 0, 2, 3]
    log_probs = np.log(np.full((10, 4), 0.01, np.float32))
    log_probs[np.arange(10), tokens] = np.log(0.97)
    return align(log_probs, ['"A" — b', "ab"], LETTERS, np.arange(11) / 10)


def test_json_holds_segments_words_and_letters(alignment):
    text = as_json("é.wav", alignment)
    assert "é" in text
    assert "\n" not in text
    plain = json.loads(text)
    assert (plain["audio_filepath"], plain["seconds"]) == ("é.wav", 1.0)
    first, second = plain["segments"]
    assert [word["text"] for word in first["words"]] == ['"A" —', "b"]
    assert (first["start"], first["end"], first["score"]) == (0.1, 0.6, 1.0)
    assert second["words"][0]["letters"] == [
        {"text": "a", "start": 0.8, "end": 0.9},
        {"text": "b", "start": 0.9, "end": 1.0},
    ]


def test_ctm_has_a_line_a_word_and_six_columns(alignment):
    assert as_ctm("a talk", alignment).splitlines() == [
        'atalk 1 0.100 0.200 "A"— 1.000',
        "atalk 1 0.500 0.100 b 1.000",
        "atalk 1 0.800 0.200 ab 1.000",
    ]


def intervals(textgrid: str, tier: str) -> list[tuple[float, float, str]]:
    part = textgrid.split(f'name = "{tier}"')[1].split("item [")[0]
    number = r"(\d+\.\d+)"
    pattern = rf'intervals \[\d+\]:\s+xmin = {number}\s+xmax = {number}\s+text = "((?:[^"]|"")*)"'
    return [(float(start), float(end), text) for start, end, text in re.findall(pattern, part)]


def test_a_textgrid_has_three_tiers_that_fill_all_of_the_time(alignment):
    textgrid = as_textgrid(alignment)
    for tier in ("segments", "words", "letters"):
        found = intervals(textgrid, tier)
        assert (found[0][0], found[-1][1]) == (0, 1)
        assert [end for _, end, _ in found[:-1]] == [start for start, _, _ in found[1:]]
        assert f"intervals: size = {len(found)}" in textgrid
    assert [one for one in intervals(textgrid, "words") if one[2]] == [
        (0.1, 0.3, '""A"" —'),
        (0.5, 0.6, "b"),
        (0.8, 1.0, "ab"),
    ]


def test_a_textgrid_has_no_intervals_without_length(alignment):
    edges = np.minimum(np.arange(11) / 10, 0.9)
    log_probs = np.full((10, 4), np.log(0.25), np.float32)
    found = intervals(as_textgrid(align(log_probs, ["abababababab"[:10]], LETTERS, edges)), "letters")
    assert all(end > start for start, end, _ in found)
    assert found[-1][1] == 0.9
