"""Greedy decoding: the likeliest token a frame, repetitions merged, blanks dropped (Graves et al. 2006).

The fastest decoder, and the one that needs nothing but the network's output. Between the graph's `log_probs`
and the formats on the data's way. It loads numpy alone, so that a short recording is transcribed almost as
soon as the process has started.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechrnn.decoding.hypothesis import Decoder, Hypothesis, Word
from speechrnn.errors import SpeechRnnError
from speechrnn.text import WORD_BOUNDARY, Vocabulary

LogProbs = npt.NDArray[np.float32]
BLANK = 0


def greedy(log_probs: LogProbs, vocabulary: Vocabulary, frame_seconds: float) -> Hypothesis:
    """Return the words along the likeliest path through `log_probs` [frames, tokens], natural log.

    Frame n covers the time from n to n + 1 times `frame_seconds`. A word lasts from the first frame of its
    first token to the last frame of its last one; a space or a lone `▁` is part of none. Its confidence is
    the product of its tokens' probabilities, each at its highest along the path: the chance that all of them
    are right, were they independent. The score is the log-probability of the path. Raises SpeechRnnError
    where the array does not fit the vocabulary or holds NaN.
    """
    check_log_probs(log_probs, vocabulary)
    if not len(log_probs):
        return Hypothesis("", (), 0.0)
    spikes = _spikes(log_probs)
    words = tuple(
        _word(spikes, part, vocabulary, frame_seconds) for part in _words(spikes.tokens, vocabulary)
    )
    score = float(log_probs.max(axis=1).sum(dtype=np.float64))
    return Hypothesis(" ".join(word.text for word in words), words, score)


def greedy_decoder(vocabulary: Vocabulary) -> Decoder:
    """Return `greedy` for `vocabulary`, as a decoder whose lists hold one hypothesis."""
    return lambda log_probs, frame_seconds: [greedy(log_probs, vocabulary, frame_seconds)]


def check_log_probs(log_probs: LogProbs, vocabulary: Vocabulary) -> None:
    """Raise SpeechRnnError unless `log_probs` is [frames, tokens] of `vocabulary` and free of NaN."""
    if log_probs.ndim != 2 or log_probs.shape[1] != len(vocabulary):
        raise SpeechRnnError(
            f"log-probabilities: have shape {list(log_probs.shape)}, wanted [frames, {len(vocabulary)}];"
            " use the vocabulary that the model was trained with"
        )
    if np.isnan(log_probs).any():
        raise SpeechRnnError("log-probabilities: hold NaN; check the audio and the model that made them")


@dataclass(frozen=True)
class _Spikes:
    """What is left of the path: one entry a token that was written, in order."""

    tokens: npt.NDArray[np.intp]
    first: npt.NDArray[np.intp]  # its first frame
    end: npt.NDArray[np.intp]  # the frame after its last one
    peaks: LogProbs  # its highest log-probability between the two


def _spikes(log_probs: LogProbs) -> _Spikes:
    """Merge equal neighbours along the best path through `log_probs` [frames, tokens] and drop the blanks."""
    best = log_probs.argmax(axis=1)
    first = np.flatnonzero(np.diff(best, prepend=-1))
    end = np.append(first[1:], len(best))
    peaks = np.maximum.reduceat(log_probs.max(axis=1), first)
    written = best[first] != BLANK
    return _Spikes(best[first][written], first[written], end[written], peaks[written])


def _words(tokens: npt.NDArray[np.intp], vocabulary: Vocabulary) -> Iterator[slice]:
    """Yield for each word the slice of `tokens` that writes it, spaces left out."""
    symbols = [vocabulary.symbols[token] for token in tokens]
    first = 0
    for position, symbol in enumerate([*symbols, " "]):
        if not symbol.isspace() and not symbol.startswith(WORD_BOUNDARY):
            continue
        if "".join(symbols[first:position]).strip(WORD_BOUNDARY):
            yield slice(first, position)
        first = position + (symbol.isspace() or symbol == WORD_BOUNDARY)


def _word(spikes: _Spikes, part: slice, vocabulary: Vocabulary, frame_seconds: float) -> Word:
    confidence = min(1.0, float(np.exp(spikes.peaks[part].sum())))
    return Word(
        vocabulary.spell(spikes.tokens[part]),
        float(spikes.first[part][0] * frame_seconds),
        float(spikes.end[part][-1] * frame_seconds),
        confidence,
    )
