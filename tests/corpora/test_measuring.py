"""Entries become utterances with measured lengths; what cannot be used is left out and told."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechrnn.corpora.listing import Entry, Listing, Problem
from speechrnn.corpora.measuring import Corpus, measure
from speechrnn.errors import SpeechRnnError


@pytest.fixture
def two_seconds(tmp_path: Path) -> Path:
    path = tmp_path / "two.wav"
    soundfile.write(path, np.zeros(16000), 8000)
    return path


def measured(*entries: Entry) -> Corpus:
    return measure(Listing(list(entries), []))


def test_durations_are_measured_and_text_is_normalised(two_seconds: Path):
    corpus = measured(Entry("list:1", "u1", two_seconds, " HELLO there", "anna", label="greeting"))
    (utterance,) = corpus.utterances
    assert corpus.problems == []
    assert (utterance.text, utterance.duration, utterance.offset) == ("hello there", 2.0, 0.0)
    assert (utterance.id, utterance.speaker, utterance.label) == ("u1", "anna", "greeting")


def test_a_segment_without_an_end_reaches_to_the_end_of_the_recording(two_seconds: Path):
    corpus = measured(Entry("list:1", "u1", two_seconds, "hello", offset=0.5))
    assert corpus.utterances[0].duration == 1.5


def test_a_segment_that_reaches_beyond_the_recording_is_cut_and_told_if_it_is_much(two_seconds: Path):
    corpus = measured(
        Entry("list:1", "u1", two_seconds, "hello", offset=1.0, duration=1.05),
        Entry("list:2", "u2", two_seconds, "hello", offset=0.5, duration=3.0),
    )
    assert [utterance.duration for utterance in corpus.utterances] == [1.0, 1.5]
    assert [(problem.place, problem.left_out) for problem in corpus.problems] == [("list:2", False)]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"text": " \t"}, "empty text"),
        ({"offset": 2.0}, "no sound"),
        ({"offset": -1.0}, "no sound"),
        ({"duration": 0.0}, "no sound"),
        ({"audio": Path("/nowhere/gone.wav")}, "missing sound"),
        ({"audio": Path("a\0b")}, "missing sound"),
        ({"audio": Path(__file__)}, "unreadable sound"),
        ({"id": "good"}, "duplicate id"),
    ],
)
def test_an_entry_that_cannot_be_used_is_left_out_and_told(two_seconds: Path, changes: dict, kind: str):
    good = Entry("list:1", "good", two_seconds, "hello")
    bad = Entry(
        **({"place": "list:2", "id": "bad", "audio": two_seconds, "text": "hi", "offset": 0.5} | changes)
    )
    corpus = measured(good, bad)
    assert [utterance.id for utterance in corpus.utterances] == ["good"]
    assert [(problem.kind, problem.place, problem.left_out) for problem in corpus.problems] == [
        (kind, "list:2", True)
    ]


def test_the_same_sound_twice_and_text_too_long_for_it_are_told_and_kept(two_seconds: Path):
    corpus = measured(
        Entry("list:1", "u1", two_seconds, "hello"),
        Entry("list:2", "u2", two_seconds, "hello " * 20),
    )
    assert len(corpus.utterances) == 2
    assert {(problem.kind, problem.place, problem.left_out) for problem in corpus.problems} == {
        ("sound used twice", "list:2", False),
        ("too much text for its sound", "list:2", False),
    }


def test_problems_of_the_listing_come_first(two_seconds: Path):
    told = Problem("broken line", "list:1", "oh")
    corpus = measure(
        Listing([Entry("list:2", "u", two_seconds, ""), Entry("list:3", "v", two_seconds, "a")], [told])
    )
    assert [problem.place for problem in corpus.problems] == ["list:1", "list:2"]


def test_a_source_of_which_nothing_can_be_used_is_an_error_that_names_the_first_reason():
    with pytest.raises(SpeechRnnError, match=r"first: list:1: there is no '/gone\.wav'"):
        measured(Entry("list:1", "u1", Path("/gone.wav"), "hello"))
    with pytest.raises(SpeechRnnError, match="lists none"):
        measured()
