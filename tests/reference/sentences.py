"""Decoding by enumeration: every path, what it writes, what that is worth. Exponential, and plainly right."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from speechrnn.text import WORD_BOUNDARY, Vocabulary
from tests.reference.ctc import every_labelling

Labels = tuple[int, ...]


def every_sentence(
    log_probs: npt.NDArray[np.float64], vocabulary: Vocabulary, earned: Callable[[Labels], float]
) -> list[tuple[str, float]]:
    """Return every sentence that can be written, with the log-probability of all its paths and what it earns.

    `earned` rates labels without spaces at the ends or side by side; -inf forbids them. Best first.
    """
    scores: dict[str, float] = {}
    for labels, score in every_labelling(log_probs).items():
        tidy = without_needless_spaces(labels, vocabulary)
        text = vocabulary.spell(tidy)
        scores[text] = float(np.logaddexp(scores.get(text, -math.inf), score + earned(tidy)))
    possible = [(text, score) for text, score in scores.items() if score > -math.inf]
    return sorted(possible, key=lambda sentence: -sentence[1])


def without_needless_spaces(labels: Labels, vocabulary: Vocabulary) -> Labels:
    """Return `labels` without tokens that only write a space, where the text is the same without them."""
    is_space = [vocabulary.symbols[label] in (" ", WORD_BOUNDARY) for label in labels]
    kept = []
    for place, label in enumerate(labels):
        at_edge = not kept or all(is_space[place:])
        if not (is_space[place] and (at_edge or is_space[place - 1])):
            kept.append(label)
    return tuple(kept)


def hot_bonus(text: str, hot_words: dict[str, float]) -> float:
    """Return the sum of the weights of all places where a hot word or phrase stands as whole words."""
    words = text.split()
    total = 0.0
    for phrase, weight in hot_words.items():
        wanted = phrase.split()
        for place in range(len(words)):
            total += weight * (words[place : place + len(wanted)] == wanted)
    return total
