"""Greedy CTC decoding, one frame at a time: slow and obvious."""

import math
from itertools import groupby

from speechrnn.text import Vocabulary


def greedy_reference(log_probs, vocabulary: Vocabulary, frame_seconds: float):
    """Return [(word, start, end, confidence)] and the score of the best path."""
    path = [max(range(len(frame)), key=lambda token: frame[token]) for frame in log_probs]
    score = sum(float(frame[token]) for frame, token in zip(log_probs, path, strict=True))
    letters = []  # (symbol, first frame, last frame, probability)
    for token, frames in groupby(range(len(path)), key=lambda frame: path[frame]):
        frames = list(frames)
        if token != 0:
            probability = max(math.exp(log_probs[frame][token]) for frame in frames)
            letters.append((vocabulary.symbols[token], frames[0], frames[-1], probability))
    words, open_word = [], []
    for letter in letters:
        begins = letter[0].startswith("▁") if vocabulary.kind == "bpe" else letter[0] == " "
        if begins:
            words.append(open_word)
            open_word = []
        if letter[0] not in (" ", "▁"):
            open_word.append(letter)
    words.append(open_word)
    result = []
    for word in words:
        text = "".join(symbol for symbol, *_ in word).replace("▁", "")
        if text:
            confidence = math.prod(probability for *_, probability in word)
            result.append((text, word[0][1] * frame_seconds, (word[-1][2] + 1) * frame_seconds, confidence))
    return result, score
