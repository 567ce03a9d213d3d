from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance
from speechrnn.training.data.held_out import set_aside

durations = st.lists(st.floats(1, 30), min_size=2, max_size=60)


def corpus(lengths: list[float], speakers: int) -> list[Utterance]:
    return [
        Utterance(Path("a.wav"), "x", seconds, speaker=f"s{n % speakers}" if speakers else None, id=str(n))
        for n, seconds in enumerate(lengths)
    ]


@given(durations, st.integers(0, 10))
def test_both_parts_together_are_the_corpus_and_neither_is_empty(lengths: list[float], speakers: int) -> None:
    utterances = corpus(lengths, speakers)
    train, valid, _ = set_aside(utterances)
    assert train
    assert valid
    assert sorted(train + valid, key=lambda u: int(u.id)) == utterances
    assert set_aside(utterances)[:2] == (train, valid)


@given(durations.filter(lambda lengths: len(lengths) >= 20), st.integers(5, 10))
def test_known_speakers_stay_whole(lengths: list[float], speakers: int) -> None:
    train, valid, told = set_aside(corpus(lengths, speakers))
    assert {u.speaker for u in train}.isdisjoint(u.speaker for u in valid)
    assert all(str(u.speaker) in told for u in valid)


def test_no_more_is_set_aside_than_needed() -> None:
    utterances = corpus([10.0] * 1000, speakers=0)
    assert len(set_aside(utterances)[1]) == 50  # 5 %
    assert len(set_aside(corpus([100.0] * 1000, speakers=0))[1]) == 18  # half an hour


def test_a_single_utterance_cannot_be_split() -> None:
    with pytest.raises(SpeechRnnError, match="--valid"):
        set_aside(corpus([1.0], speakers=0))
