"""A search over sounds finds what enumerating all sentences, and all ways to say them, finds."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.decoding.beam.search import BeamSearch
from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.errors import SpeechRnnError
from speechrnn.text import BLANK, Vocabulary
from tests.decoding.beam.search_cases import LETTERS, everything, random_log_probs, trigrams
from tests.reference.ctc import best_path, every_labelling

SOUNDS = Vocabulary("sounds", (BLANK, "P", "Q"))
# Two words that sound alike, one said in two ways, one that begins another, one that two others make up, and
# one that the n-gram does not know.
SAID = {"a": (("P",),), "b": (("P",), ("Q", "P")), "ab": (("P", "Q"),), "ba": (("P", "P"),), "zz": (("Q",),)}
FRAMES = 4


def search(**given: float) -> BeamSearch:
    return BeamSearch(SOUNDS, everything(**given), trigrams(), pronunciations=SAID)


def every_sentence(log_probs: np.ndarray, weight: float, bonus: float) -> dict[str, float]:
    """Return every sentence that can be said in the frames, with its score."""
    labellings = every_labelling(log_probs.astype(np.float64))
    scores: dict[str, float] = {}
    for count in range(len(log_probs) + 1):
        for words in itertools.product([word for word in SAID if word != "zz"], repeat=count):
            text = " ".join(words)
            for said in itertools.product(*(SAID[word] for word in words)):
                labels = tuple(SOUNDS.symbols.index(sound) for sound in itertools.chain(*said))
                if labels in labellings:
                    scores[text] = float(np.logaddexp(scores.get(text, -math.inf), labellings[labels]))
    return {
        text: score + weight * trigrams().log_prob(text) + bonus * len(text.split())
        for text, score in scores.items()
    }


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6), weight=st.sampled_from([0.0, 0.7]), bonus=st.sampled_from([0.0, 1.5, -1.0])
)
def test_every_sentence_has_the_score_that_enumeration_gives_it(seed, weight, bonus):
    log_probs = random_log_probs(seed, FRAMES, len(SOUNDS))
    found = search(lm_weight=weight, word_bonus=bonus).decode(log_probs, 0.04)
    wanted = every_sentence(log_probs, weight, bonus)
    assert {one.text for one in found} == wanted.keys()
    for one in found:
        assert one.score == pytest.approx(wanted[one.text], abs=1e-4)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_words_are_timed_along_the_likeliest_path_of_how_they_were_said(seed):
    log_probs = random_log_probs(seed, FRAMES, len(SOUNDS), peakedness=3.0)
    best = search(lm_weight=0.7).decode(log_probs, 1.0)[0]
    ways = itertools.product(*(SAID[word] for word in best.text.split()))
    paths = []
    for said in ways:
        labels = tuple(SOUNDS.symbols.index(sound) for sound in itertools.chain(*said))
        path = best_path(log_probs.astype(np.float64), labels)
        if path is not None:
            edges = list(itertools.accumulate(map(len, said), initial=0))
            paths.append(spans(path, list(itertools.pairwise(edges))))
    assert [(word.start, word.end) for word in best.words] in paths


def spans(path: tuple[int, ...], words: list[tuple[int, int]]) -> list[tuple[float, float]]:
    """Return from when to when each word is said, given which labels of the path it has."""
    runs, frame = [], 0
    for token, group in itertools.groupby(path):
        length = len(list(group))
        if token:
            runs.append((frame, frame + length))
        frame += length
    return [(float(runs[first][0]), float(runs[end - 1][1])) for first, end in words]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=st.sets(st.integers(1, 39)))
def test_chunks_change_nothing(seed, cuts):
    log_probs = random_log_probs(seed, 40, len(SOUNDS))
    narrow = BeamSearch(SOUNDS, BeamSettings(8, nbest=3), trigrams(), pronunciations=SAID)
    stream = narrow.stream(0.04)
    for first, end in itertools.pairwise([0, *sorted(cuts), 40]):
        stream.push(log_probs[first:end])
        partial = stream.partial()
        assert partial.stable <= len(partial.hypothesis.words)
    assert stream.finish() == narrow.decode(log_probs, 0.04)


def test_a_recording_that_breaks_off_in_a_word_ends_with_the_word_before():
    said = {"a": (("P",),), "ab": (("Q", "Q", "P"),)}
    log_probs = np.full((3, 3), -50.0, np.float32)
    log_probs[0, 1] = log_probs[1, 0] = log_probs[2, 2] = 0.0  # P, blank, Q
    best = BeamSearch(SOUNDS, everything(margin=30.0, token_floor=-30.0), trigrams(), pronunciations=said)
    assert best.decode(log_probs, 1.0)[0].text == "a"


def test_of_very_many_words_that_sound_alike_the_likeliest_stay(monkeypatch):
    monkeypatch.setattr("speechrnn.decoding.beam.sounds.MOST_HOMOPHONES", 1)
    log_probs = random_log_probs(1, FRAMES, len(SOUNDS))
    alike = {"a": (("P",),), "b": (("P",),)}
    found = BeamSearch(SOUNDS, everything(), trigrams(), pronunciations=alike).decode(log_probs, 1.0)
    likelier = max("ab", key=lambda word: trigrams().tables.first_log_probs[trigrams().words.number(word)])
    assert {word for one in found for word in one.text.split()} == {likelier}


@pytest.mark.parametrize(
    ("vocabulary", "given_", "problem"),
    [
        (SOUNDS, {"pronunciations": SAID}, "n-gram of words"),
        (SOUNDS, {"pronunciations": SAID, "language_model": trigrams("characters")}, "n-gram of words"),
        (SOUNDS, {"language_model": trigrams()}, "go with a network's sounds"),
        (LETTERS, {"language_model": trigrams(), "pronunciations": SAID}, "go with a network's sounds"),
        (SOUNDS, {"language_model": trigrams(), "pronunciations": {"a": (("X",),)}}, "no word"),
    ],
)
def test_what_does_not_go_together_is_refused(vocabulary, given_, problem):
    with pytest.raises(SpeechRnnError, match=problem):
        BeamSearch(vocabulary, **given_)
