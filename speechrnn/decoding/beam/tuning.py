"""How much a language model should count, found by trying what gives the fewest word errors.

    log-probabilities, references -> errors at the places of a grid -> the best of them

The grid is walked from coarse to fine: the neighbours of a place are tried, and the best of them and itself
is gone to; where that is the place itself, the step is made smaller. Weight and bonus pull in opposite
directions, so a walk that moves one of them at a time gets stuck; this one also moves diagonally.

The text must be new to the language model: the weight for text that it has seen comes out far too high.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from speechrnn.decoding.beam.checks import checked_log_probs
from speechrnn.decoding.beam.priors import Priors, token_shares
from speechrnn.decoding.beam.search import BeamSearch
from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.decoding.beam.tuned_weights import TunedWeights
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.pronunciation import Pronunciations
from speechrnn.scoring import Counts, word_errors
from speechrnn.text import Vocabulary

LogProbs = npt.NDArray[np.float32]


class Place(NamedTuple):
    """What is tried: see `BeamSettings` and `Priors`."""

    lm_weight: float
    word_bonus: float
    prior_scale: float
    unknown_word: float


START = Place(0.8, 0.0, 0.3, -10.0)
STEPS = (Place(0.4, 2.0, 0.2, 5.0), Place(0.2, 1.0, 0.1, 5.0), Place(0.1, 0.5, 0.1, 2.5))
"""From coarse to fine; smaller ones chase the noise of a test set."""
MOVES = sorted(
    [
        *((weight, bonus, 0, 0) for weight, bonus in product((-1, 0, 1), repeat=2)),
        *((0, 0, scale, unknown) for scale, unknown in ((-1, 0), (1, 0), (0, -1), (0, 1))),
    ],
    key=lambda move: sum(map(abs, move)),
)
"""Steps to the neighbours of a place, itself first."""


@dataclass(frozen=True)
class Trial:
    """A place, and the word errors it led to."""

    place: Place
    errors: Counts


@dataclass(frozen=True)
class Task:
    """What is decoded at every trial: `log_probs` [frames, tokens] each, in pairs with `references`.

    For a vocabulary of sounds, `pronunciations`, or a file of them, tell how words are said.
    """

    vocabulary: Vocabulary
    log_probs: Sequence[LogProbs]
    references: Sequence[str]
    pronunciations: Pronunciations | Path | None = None

    @cached_property
    def shares(self) -> npt.NDArray[np.float64]:
        """The mean probability of each token, float64 `[tokens]`."""
        return token_shares(checked_log_probs(array, self.vocabulary) for array in self.log_probs)

    def errors(self, model: NgramModel, beam: int, place: Place, threads: int) -> Counts:
        """Return the word errors with `model` at a `place`."""
        settings = BeamSettings(beam, place.lm_weight, place.word_bonus, place.unknown_word)
        priors = Priors(place.prior_scale, self.shares) if place.prior_scale else None
        search = BeamSearch(
            self.vocabulary, settings, model, priors=priors, pronunciations=self.pronunciations
        )
        found = search.decode_batch(self.log_probs, 1.0, threads)  # times are not looked at
        return word_errors(self.references, [hypotheses[0].text for hypotheses in found])


def tune(
    task: Task, model: NgramModel, beam: int, threads: int, tell: Callable[[Trial], None] = lambda _: None
) -> Trial:
    """Return the place for `model` with the fewest errors in `task` at this `beam`.

    `tell` hears of every trial. Of equally good ones it is the first.
    """
    tried: dict[Place, Trial] = {}

    def attempt(place: Place) -> int:
        if place not in tried:
            tried[place] = Trial(place, task.errors(model, beam, place, threads))
            tell(tried[place])
        return tried[place].errors.errors

    best = START
    for step in STEPS:
        while (better := min(_around(best, step), key=attempt)) != best:
            best = better
    return tried[best]


def weights_of(best: Trial, task: Task, beam: int, tuned_on: str) -> TunedWeights:
    """Return `best`, found in `task` at this `beam`, as it is kept beside the language model."""
    shares = dict(zip(task.vocabulary.symbols, task.shares.tolist(), strict=True))
    return TunedWeights(
        best.place.lm_weight,
        best.place.word_bonus,
        beam,
        best.errors.rate,
        tuned_on,
        best.place.prior_scale,
        shares if best.place.prior_scale else {},
        best.place.unknown_word,
    )


def _around(place: Place, step: Place) -> list[Place]:
    """Return `place`, and its neighbours one `step` away that are possible."""
    around = [
        Place(*(round(here + step * move, 6) for here, step, move in zip(place, step, moves, strict=True)))
        for moves in MOVES
    ]
    return [place for place in around if place.lm_weight >= 0 and place.prior_scale >= 0]
