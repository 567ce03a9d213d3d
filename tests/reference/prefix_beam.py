"""Prefix beam search by the book (Hannun et al. 2014), over dictionaries of prefixes."""

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

BLANK = 0
Prefix = tuple[int, ...]


def prefix_beam(
    log_probs: npt.NDArray[np.float64],
    width: int,
    earned: Callable[[Prefix], float] = lambda prefix: 0.0,
    margin: float = np.inf,
    floor: float = -np.inf,
) -> list[tuple[Prefix, float]]:
    """Return the prefixes kept after the last frame and their scores, best first.

    `log_probs` is [frames, tokens]; `earned` is added to the log-probability of a prefix wherever prefixes
    are ranked. Tokens have no meaning here: a space is a label like any other.
    """
    beam: dict[Prefix, tuple[float, float]] = {(): (0.0, -np.inf)}  # ends in a blank, ends in its last label
    for frame in log_probs:
        grown: dict[Prefix, list[float]] = defaultdict(lambda: [-np.inf, -np.inf])
        for prefix, (blank, label) in beam.items():
            total = np.logaddexp(blank, label)
            for token, log_prob in enumerate(frame):
                if token == BLANK:
                    grown[prefix][0] = np.logaddexp(grown[prefix][0], total + log_prob)
                    continue
                repeated = bool(prefix) and token == prefix[-1]
                if repeated:
                    grown[prefix][1] = np.logaddexp(grown[prefix][1], label + log_prob)
                if log_prob >= floor or (*prefix, token) in beam:
                    longer = grown[(*prefix, token)]
                    longer[1] = np.logaddexp(longer[1], (blank if repeated else total) + log_prob)
        scores = {prefix: np.logaddexp(*sides) + earned(prefix) for prefix, sides in grown.items()}
        worst = max(scores.values()) - margin
        possible = [prefix for prefix in scores if scores[prefix] > worst]
        kept = sorted(possible, key=lambda prefix: -scores[prefix])[:width]
        beam = {prefix: (grown[prefix][0], grown[prefix][1]) for prefix in kept}
    return [(prefix, float(np.logaddexp(*beam[prefix]) + earned(prefix))) for prefix in beam]
