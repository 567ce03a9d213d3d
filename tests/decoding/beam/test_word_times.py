"""Words are timed along the likeliest path that writes the sentence."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.decoding.beam.search import BeamSearch
from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.decoding.greedy import greedy
from speechrnn.decoding.viterbi import best_path
from speechrnn.text import BLANK, Vocabulary
from tests.decoding.beam.search_cases import LETTERS, PIECES, everything, random_log_probs
from tests.reference.ctc import collapse, path_score
from tests.reference.sentences import without_needless_spaces

SPACELESS = Vocabulary("characters", (BLANK, "a", "b", "c"))


def along(log_probs, path, vocabulary):
    """The words of one path, timed and rated: greedy decoding of a recording that is only this path."""
    alone = np.full_like(log_probs, -np.inf)
    frames = np.arange(len(path))
    alone[frames, list(path)] = log_probs[frames, list(path)]
    return greedy(alone, vocabulary, 0.04).words


@pytest.mark.parametrize("vocabulary", [LETTERS, PIECES], ids=["letters", "pieces"])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), frames=st.integers(1, 5))
def test_times_and_confidences_are_those_of_the_best_of_all_paths(vocabulary, seed, frames):
    log_probs = random_log_probs(seed, frames, len(vocabulary), 2.0)
    best = BeamSearch(vocabulary, everything()).decode(log_probs, 0.04)[0]
    paths = [
        path
        for path in itertools.product(range(len(vocabulary)), repeat=frames)
        if vocabulary.spell(collapse(path)) == best.text
    ]
    if vocabulary is PIECES:  # those of the likeliest way to write the sentence in pieces
        masses = {}
        for path in paths:
            way = without_needless_spaces(collapse(path), vocabulary)
            masses[way] = np.logaddexp(masses.get(way, -math.inf), path_score(log_probs, path))
        paths = [
            path
            for path in paths
            if without_needless_spaces(collapse(path), vocabulary) == max(masses, key=masses.__getitem__)
        ]
    expected = along(log_probs, max(paths, key=lambda path: path_score(log_probs, path)), vocabulary)
    assert [(word.text, word.start, word.end) for word in best.words] == [
        (word.text, word.start, word.end) for word in expected
    ]
    assert [word.confidence for word in best.words] == pytest.approx([word.confidence for word in expected])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), frames=st.integers(1, 60))
def test_a_beam_that_drops_little_gives_the_times_of_forced_alignment(seed, frames):
    log_probs = random_log_probs(seed, frames, len(SPACELESS), 5.0)
    best = BeamSearch(SPACELESS, everything(beam=300, nbest=1)).decode(log_probs, 1.0)[0]
    tokens = np.array([SPACELESS.symbols.index(letter) for letter in best.text], np.int64)
    positions = best_path(log_probs, tokens).positions
    written = np.flatnonzero(positions >= 0)
    times = [(word.start, word.end) for word in best.words]
    assert times == ([(written[0], written[-1] + 1)] if len(written) else [])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), width=st.integers(1, 12))
def test_words_follow_each_other_inside_the_recording_however_narrow_the_beam(seed, width):
    log_probs = random_log_probs(seed, 80, len(LETTERS), 2.0)
    for hypothesis in BeamSearch(LETTERS, BeamSettings(beam=width, nbest=width)).decode(log_probs, 0.5):
        assert " ".join(word.text for word in hypothesis.words) == hypothesis.text
        times = [time for word in hypothesis.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert all(word.start < word.end <= 40 and 0 <= word.confidence <= 1 for word in hypothesis.words)
