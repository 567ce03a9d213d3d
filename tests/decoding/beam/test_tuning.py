"""Tuning finds the place with the fewest errors, also along a valley that lies askew."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from speechrnn.decoding.beam.priors import token_shares
from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.decoding.beam.tuning import STEPS, Place, Task, Trial, tune, weights_of
from speechrnn.scoring import Counts
from tests.decoding.beam.search_cases import LETTERS, random_log_probs, trigrams


@dataclass(frozen=True)
class Valley:
    """Stands for a task: errors grow with the distance from a place, and slowly along a slope."""

    bottom: Place
    slope: float

    def errors(self, model: object, beam: int, place: Place, threads: int) -> Counts:
        away = place.lm_weight - self.bottom.lm_weight
        across = place.word_bonus - self.bottom.word_bonus - self.slope * away
        beside = place.prior_scale - self.bottom.prior_scale
        below = (place.unknown_word - self.bottom.unknown_word) / 10
        return Counts(100_000, round(1000 * (away**2 + across**2 + beside**2 + below**2)), 0, 0)


@pytest.mark.parametrize("slope", [0.0, 3.0, -3.0])
@pytest.mark.parametrize(
    "bottom",
    [(0.8, 0.0, 0.3, -10), (0.1, -1.5, 0.0, -5), (0.5, 2.0, 0.6, -20), (1.9, 0.5, 0.0, 0), (0, 0, 0.5, -10)],
)
def test_the_place_with_the_fewest_errors_is_found(bottom, slope):
    trials = []
    found = tune(Valley(Place(*bottom), slope), None, 5, 1, trials.append)  # type: ignore[arg-type]
    assert found.errors.errors == min(trial.errors.errors for trial in trials)
    if slope == 0:
        for here, wanted, step in zip(found.place, bottom, STEPS[-1], strict=True):
            assert here == pytest.approx(wanted, abs=step)
    assert min(trial.place.lm_weight for trial in trials) >= 0
    assert min(trial.place.prior_scale for trial in trials) >= 0
    places = [trial.place for trial in trials]
    assert len(places) == len(set(places)) < 140


def test_a_trial_decodes_at_its_place():
    log_probs = [random_log_probs(seed, 12, 4, 2.0) for seed in range(6)]
    task = Task(LETTERS, log_probs, ["a b", "ab", "b b ab", "a", "ab ab", "b a"])
    trials = []
    found = tune(task, trigrams(), 4, 1, trials.append)
    assert task.errors(trigrams(), 4, found.place, threads=2) == found.errors
    assert len({trial.errors.errors for trial in trials}) > 1
    kept = weights_of(found, task, 4, "letters")
    kept_place = (kept.lm_weight, kept.word_bonus, kept.prior_scale, kept.unknown_word)
    assert (kept_place, kept.beam) == (found.place, 4)
    assert replace(kept.settings(), beam=4) == BeamSettings(4, *found.place[:2], found.place.unknown_word)
    assert kept.wer == found.errors.errors / 11


def test_what_is_kept_frees_the_same_vocabulary_from_its_priors():
    task = Task(LETTERS, [random_log_probs(seed, 12, 4, 2.0) for seed in range(6)], ["a"] * 6)
    trial = Trial(Place(0.5, 0.0, 0.4, -10.0), Counts(6, 0, 0, 0))
    priors = weights_of(trial, task, 4, "letters").priors(LETTERS)
    assert priors is not None
    assert priors.scale == 0.4
    np.testing.assert_allclose(priors.shares, token_shares(task.log_probs))
    assert weights_of(Trial(Place(0.5, 0.0, 0.0, -10.0), trial.errors), task, 4, "").priors(LETTERS) is None
