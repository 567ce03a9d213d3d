"""Which transcripts of a corpus do not fit their audio: what an alignment costs, against what is usual.

After `alignment.py` on the way of `speechrnn align --find-errors`. An alignment's cost in a frame is how much
less likely the transcript's token is than what the network would have written, in nats. Three sums of it tell
three kinds of errors apart: over the whole recording and by letter (another recording's transcript), over its
worst word and by letter (a wrong word), and over its worst stretch between two words (words left out).

What is usual depends on the network and the recordings, so it is taken from the corpus itself, of which less
than a quarter may be wrong. Each of the three is compared with its median over the corpus, in deviations: the
distance from the median to the upper quartile over 0.6745, which is the standard deviation if the values are
normal. (The usual median absolute deviation looks at the lower half as well. Where a network is sure of half
of its corpus that half is far too even: on AN4 it made outliers of a third of the right transcripts.) Square
roots are compared, as sums of many small costs are spread evenly only then.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechrnn.decoding.alignment import Alignment

USUAL_THRESHOLD = 3.0
"""Deviations beyond which a transcript is hardly right; of normal values 1 in 700 is."""
FEWEST_UTTERANCES = 20
"""Fewer do not tell what is usual."""
SMALLEST_DEVIATION = 0.2
"""Where a network is sure of nearly everything, smaller differences than this mean nothing (square root of
nats)."""
UPPER_QUARTILE = 0.6745
"""That of the normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Stretch:
    """A part of a recording, in seconds, and what its transcript costs there, in nats or nats a letter."""

    start: float
    end: float
    cost: float


@dataclass(frozen=True)
class Misfit:
    """What the transcript of one recording costs."""

    whole: Stretch
    """All of the recording; nats a letter."""
    worst_word: Stretch
    """Its worst word; nats a letter."""
    worst_gap: Stretch
    """The worst stretch before, between or after the words; nats."""

    @property
    def costs(self) -> tuple[float, float, float]:
        """The costs of the three."""
        return self.whole.cost, self.worst_word.cost, self.worst_gap.cost


@dataclass(frozen=True)
class Unusual:
    """By how many deviations each part of a misfit lies above what is usual in its corpus."""

    whole: float
    worst_word: float
    worst_gap: float

    @property
    def most(self) -> float:
        """The largest of the three, by which transcripts are ranked."""
        return max(self.whole, self.worst_word, self.worst_gap)


def misfit(alignment: Alignment) -> Misfit:
    """Return what the transcript costs in all, in its worst word and in the worst stretch between words."""
    words, spans = alignment.words, alignment.spans
    until = np.concatenate([[0.0], np.cumsum(alignment.costs, dtype=np.float64)])
    letters = [len(word.letters) for word in words]
    in_words = (until[spans[:, 1]] - until[spans[:, 0]]) / letters
    starts, ends = np.append(spans[:, 0], len(alignment.costs)), np.concatenate([[0], spans[:, 1]])
    in_gaps = until[starts] - until[ends]
    worst, gap = int(np.argmax(in_words)), int(np.argmax(in_gaps))
    return Misfit(
        Stretch(0.0, alignment.seconds, float(until[-1]) / sum(letters)),
        Stretch(words[worst].start, words[worst].end, float(in_words[worst])),
        Stretch(
            words[gap - 1].end if gap else 0.0,
            words[gap].start if gap < len(words) else alignment.seconds,
            float(in_gaps[gap]),
        ),
    )


def unusual(misfits: Sequence[Misfit]) -> list[Unusual]:
    """Return by how many deviations each of `misfits` lies above the median of all."""
    if not misfits:
        return []
    roots = np.sqrt(np.array([one.costs for one in misfits]))  # [utterances, 3]
    median, upper = np.percentile(roots, [50, 75], axis=0)
    deviation = np.maximum((upper - median) / UPPER_QUARTILE, SMALLEST_DEVIATION)
    return [Unusual(*row) for row in ((roots - median) / deviation).tolist()]
