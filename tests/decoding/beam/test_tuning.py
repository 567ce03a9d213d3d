"""Tuning finds the weight and the bonus with the fewest errors, also along a valley that lies askew."""

from dataclasses import dataclass

import pytest

from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.decoding.beam.tuning import STEPS, Task, tune, weights_of
from speechrnn.scoring import Counts
from tests.decoding.beam.search_cases import LETTERS, random_log_probs, trigrams


@dataclass(frozen=True)
class Valley:
    """Stands for a task: errors grow with the distance from a place, and slowly along a slope."""

    weight: float
    bonus: float
    slope: float

    def errors(self, model: object, settings: BeamSettings, threads: int) -> Counts:
        away = settings.lm_weight - self.weight
        across = settings.word_bonus - self.bonus - self.slope * away
        return Counts(100_000, round(1000 * away**2 + 1000 * across**2), 0, 0)


@pytest.mark.parametrize("slope", [0.0, 3.0, -3.0])
@pytest.mark.parametrize(("weight", "bonus"), [(0.8, 0.0), (0.1, -1.5), (0.5, 2.0), (1.9, 0.5), (0.0, 0.0)])
def test_the_place_with_the_fewest_errors_is_found(weight, bonus, slope):
    trials = []
    found = tune(Valley(weight, bonus, slope), None, 5, 1, trials.append)  # type: ignore[arg-type]
    assert found.errors.errors == min(trial.errors.errors for trial in trials)
    if slope == 0:
        assert found.lm_weight == pytest.approx(weight, abs=STEPS[-1][0])
        assert found.word_bonus == pytest.approx(bonus, abs=STEPS[-1][1])
    assert min(trial.lm_weight for trial in trials) >= 0
    places = [(trial.lm_weight, trial.word_bonus) for trial in trials]
    assert len(places) == len(set(places)) < 80


def test_a_trial_decodes_with_its_weight_and_its_bonus():
    log_probs = [random_log_probs(seed, 12, 4, 2.0) for seed in range(6)]
    task = Task(LETTERS, log_probs, ["a b", "ab", "b b ab", "a", "ab ab", "b a"])
    trials = []
    found = tune(task, trigrams(), 4, 1, trials.append)
    again = task.errors(trigrams(), BeamSettings(4, found.lm_weight, found.word_bonus), threads=2)
    assert again == found.errors
    assert len({trial.errors.errors for trial in trials}) > 1
    kept = weights_of(found, 4, "letters")
    assert (kept.lm_weight, kept.word_bonus, kept.beam) == (found.lm_weight, found.word_bonus, 4)
    assert kept.wer == found.errors.errors / 11
