"""The weight of a language model and the bonus for words that give the fewest word errors, found by trying.

    log-probabilities, references -> errors at a grid of weights and bonuses -> the best of them

The grid is walked from coarse to fine: the eight neighbours of a place are tried, and the best of the nine
is gone to; where that is the place itself, the step is halved. Weight and bonus pull in opposite directions,
so a walk that moves one of them at a time gets stuck; this one also moves diagonally.

The text must be new to the language model: the weight for text that it has seen comes out far too high.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from speechrnn.decoding.beam.search import BeamSearch
from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.decoding.beam.tuned_weights import TunedWeights
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.scoring import Counts, word_errors
from speechrnn.text import Vocabulary

LogProbs = npt.NDArray[np.float32]

START = (0.8, 0.0)
STEPS = ((0.4, 2.0), (0.2, 1.0), (0.1, 0.5))
"""Of weight and bonus, from coarse to fine; smaller ones chase the noise of a test set."""


@dataclass(frozen=True)
class Trial:
    """A weight, a bonus, and the word errors they led to."""

    lm_weight: float
    word_bonus: float
    errors: Counts


@dataclass(frozen=True)
class Task:
    """What is decoded at every trial: `log_probs` [frames, tokens] each, in pairs with `references`."""

    vocabulary: Vocabulary
    log_probs: Sequence[LogProbs]
    references: Sequence[str]

    def errors(self, model: NgramModel, settings: BeamSettings, threads: int) -> Counts:
        """Return the word errors with `model` and `settings`."""
        search = BeamSearch(self.vocabulary, settings, model)
        found = search.decode_batch(self.log_probs, 1.0, threads)  # times are not looked at
        return word_errors(self.references, [hypotheses[0].text for hypotheses in found])


def tune(
    task: Task, model: NgramModel, beam: int, threads: int, tell: Callable[[Trial], None] = lambda _: None
) -> Trial:
    """Return the weight and bonus for `model` with the fewest errors in `task` at this `beam`.

    `tell` hears of every trial. Of equally good ones it is the first.
    """
    tried: dict[tuple[float, float], Trial] = {}

    def attempt(place: tuple[float, float]) -> int:
        if place not in tried:
            settings = BeamSettings(beam, lm_weight=place[0], word_bonus=place[1])
            tried[place] = Trial(*place, task.errors(model, settings, threads))
            tell(tried[place])
        return tried[place].errors.errors

    best = START
    for step in STEPS:
        while (better := min(_around(best, step), key=attempt)) != best:
            best = better
    return tried[best]


def weights_of(best: Trial, beam: int, tuned_on: str) -> TunedWeights:
    """Return `best`, found at this `beam`, as it is kept beside the language model."""
    return TunedWeights(best.lm_weight, best.word_bonus, beam, best.errors.rate, tuned_on)


def _around(place: tuple[float, float], step: tuple[float, float]) -> list[tuple[float, float]]:
    """Return `place`, and its neighbours one `step` away that have no negative weight."""
    moves = sorted(product((-1, 0, 1), repeat=2), key=lambda move: abs(move[0]) + abs(move[1]))
    around = [
        (round(place[0] + step[0] * across, 6), round(place[1] + step[1] * up, 6)) for across, up in moves
    ]
    return [(weight, bonus) for weight, bonus in around if weight >= 0]
