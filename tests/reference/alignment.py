"""Times and scores of words by enumeration of every path: slow and obvious."""

import math

from speechrnn.text import Vocabulary
from tests.reference.ctc import best_path


def align_reference(log_probs, words: list[str], vocabulary: Vocabulary):
    """Return [(word, first frame, frame after the last, score)], or None where no path writes the words."""
    labels = tuple(vocabulary.symbols.index(letter) for letter in " ".join(words))
    path = best_path(log_probs, labels)
    if path is None:
        return None
    frames_of_label = [[] for _ in labels]
    place = -1
    for frame, token in enumerate(path):
        if token != 0 and (frame == 0 or path[frame - 1] != token):
            place += 1
        if token != 0:
            frames_of_label[place].append(frame)
    result = []
    first_letter = 0
    for word in words:
        frames = frames_of_label[first_letter : first_letter + len(word)]
        first, end = frames[0][0], frames[-1][-1] + 1
        lost = sum(max(log_probs[frame]) - log_probs[frame][path[frame]] for frame in range(first, end))
        result.append((word, first, end, math.exp(-lost / len(word))))
        first_letter += len(word) + 1
    return result
