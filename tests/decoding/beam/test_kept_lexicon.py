"""The automaton of a lexicon file is the same when it was kept, and is made anew when anything differs."""

import numpy as np
import pytest

from speechrnn.decoding.beam.kept_lexicon import automaton_of_lexicon
from speechrnn.decoding.beam.search import BeamSearch
from speechrnn.decoding.beam.sounds import sound_automaton
from speechrnn.decoding.beam.spelling import Spelling
from speechrnn.errors import SpeechRnnError
from speechrnn.pronunciation import write_pronunciations
from tests.decoding.beam.search_cases import everything, random_log_probs, trigrams
from tests.decoding.beam.test_sounds import SAID, SOUNDS


@pytest.fixture
def lexicon(tmp_path, monkeypatch):
    folder = tmp_path / "kept"
    folder.mkdir()
    monkeypatch.setattr("speechrnn.decoding.beam.kept_lexicon.cache_root", lambda: folder)
    write_pronunciations(tmp_path / "words.lexicon.xz", SAID)
    return tmp_path / "words.lexicon.xz"


def equal(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in type(one)._fields)


def test_what_was_kept_is_what_was_made(lexicon, monkeypatch):
    made = automaton_of_lexicon(lexicon, Spelling(SOUNDS), trigrams())
    assert equal(made, sound_automaton(Spelling(SOUNDS), SAID, trigrams()))
    monkeypatch.setattr("speechrnn.decoding.beam.kept_lexicon.sound_automaton", None)  # not made again
    assert equal(automaton_of_lexicon(lexicon, Spelling(SOUNDS), trigrams()), made)
    log_probs = random_log_probs(5, 4, len(SOUNDS))
    kept = BeamSearch(SOUNDS, everything(), trigrams(), pronunciations=lexicon)
    assert kept.decode(log_probs, 1.0)[0].text


def test_another_lexicon_is_another_automaton(lexicon):
    before = automaton_of_lexicon(lexicon, Spelling(SOUNDS), trigrams())
    write_pronunciations(lexicon, {"a": (("Q",),)})
    assert not equal(automaton_of_lexicon(lexicon, Spelling(SOUNDS), trigrams()), before)


def test_what_was_kept_and_is_damaged_is_made_again(lexicon):
    made = automaton_of_lexicon(lexicon, Spelling(SOUNDS), trigrams())
    (kept,) = lexicon.parent.glob("kept/*.lexicon")
    kept.write_bytes(kept.read_bytes()[:200])
    assert equal(automaton_of_lexicon(lexicon, Spelling(SOUNDS), trigrams()), made)


def test_where_nothing_can_be_kept_it_is_made_each_time(lexicon, monkeypatch):
    monkeypatch.setattr("speechrnn.decoding.beam.kept_lexicon.cache_root", lambda: None)
    made = automaton_of_lexicon(lexicon, Spelling(SOUNDS), trigrams())
    assert equal(made, sound_automaton(Spelling(SOUNDS), SAID, trigrams()))
    with pytest.raises(SpeechRnnError, match=r"missing\.xz"):
        automaton_of_lexicon(lexicon.with_name("missing.xz"), Spelling(SOUNDS), trigrams())
