"""Freed from priors, log-probabilities stay log-probabilities, and the search sees nothing else."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.decoding.beam.priors import SMALLEST_SHARE, Priors, token_shares
from speechrnn.decoding.beam.search import BeamSearch
from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.errors import SpeechRnnError
from tests.decoding.beam.search_cases import LETTERS, random_log_probs, trigrams

SHARES = np.array([0.7, 0.15, 0.1, 0.05])


def freed_by_hand(frame, scale, shares):
    """The definition: each probability over a power of its share, then over their sum."""
    parts = [
        math.exp(value) / max(share, SMALLEST_SHARE) ** scale
        for value, share in zip(frame, shares, strict=True)
    ]
    return [part / sum(parts) for part in parts]


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    scale=st.floats(0, 2),
    shares=st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_each_probability_is_divided_by_a_power_of_its_share(seed, scale, shares):
    log_probs = random_log_probs(seed, 5, 4, 3.0)
    freed = Priors(scale, np.array(shares)).freed(log_probs)
    assert freed.dtype == np.float32
    for frame, result in zip(log_probs, freed, strict=True):
        np.testing.assert_allclose(np.exp(result), freed_by_hand(frame, scale, shares), rtol=1e-4, atol=1e-7)


def test_what_is_impossible_stays_so():
    log_probs = random_log_probs(0, 3, 4)
    log_probs[:, 2] = -np.inf
    freed = Priors(0.5, SHARES).freed(log_probs)
    assert (freed[:, 2] == -np.inf).all()
    np.testing.assert_allclose(np.exp(freed).sum(axis=1), 1, rtol=1e-5)


def test_shares_are_means_over_all_frames():
    one, two = random_log_probs(0, 30, 4), random_log_probs(1, 10, 4)
    together = np.exp(np.concatenate([one, two])).mean(axis=0)
    np.testing.assert_allclose(token_shares([one, two]), together, rtol=1e-5)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), cut=st.integers(0, 40))
def test_the_search_decodes_what_is_freed_in_chunks_or_in_one_go(seed, cut):
    log_probs, priors = random_log_probs(seed, 40, 4, 2.0), Priors(0.6, SHARES)
    plain = BeamSearch(LETTERS, BeamSettings(beam=8, nbest=3), trigrams())
    freeing = BeamSearch(LETTERS, BeamSettings(beam=8, nbest=3), trigrams(), priors=priors)
    wanted = plain.decode(priors.freed(log_probs), 0.04)
    assert freeing.decode(log_probs, 0.04) == wanted
    stream = freeing.stream(0.04)
    stream.push(log_probs[:cut])
    stream.push(log_probs[cut:])
    assert stream.finish() == wanted


def test_priors_of_another_vocabulary_are_refused():
    with pytest.raises(SpeechRnnError, match="priors: are 3 numbers for a vocabulary of 4 tokens"):
        BeamSearch(LETTERS, priors=Priors(0.5, SHARES[:3]))
