"""When was each word of a known text said, and how well does it fit? Alignment by CTC's best path.

Log-probabilities and a transcript go in; lines, words and letters with times come out, each word with a
score. `transcript_tokens.py` turns the text into tokens, `viterbi.py` places them; `misfit.py` judges a
corpus by the result, `alignment_formats.py` and `subtitles.py` print it.

A word lasts from the first frame of its first letter to the last frame of its last one, as in greedy
decoding. Its score compares what it costs to write it with what the network would have written by itself: in
each of the word's frames, the probability of the transcript's token over that of the likeliest one, a
geometric mean over letters. It is 1 where the network hears just this word, and near 0 where it hears
another. (Posterior ratios of this kind are known from rating pronunciation: Witt and Young, "Phone-level
pronunciation scoring", 2000.)
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from speechrnn.decoding.beam.checks import checked_log_probs
from speechrnn.decoding.transcript_tokens import TokenizedWord, tokenize
from speechrnn.decoding.viterbi import BLANK, LogProbs, Tokens, best_path
from speechrnn.errors import SpeechRnnError
from speechrnn.text import WORD_BOUNDARY, Vocabulary, needed_frames

Edges = npt.NDArray[np.float64]

ANYTHING_COST = 0.1
"""Nats a frame by which `ANYTHING` is less likely than what is heard, so that it leaves silence to blanks."""


@dataclass(frozen=True)
class Letter:
    """A token of the transcript (a letter or a byte-pair piece); times in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class AlignedWord:
    """A word as it stands in the transcript; times in seconds, score in [0, 1]."""

    text: str
    start: float
    end: float
    score: float
    letters: tuple[Letter, ...]


@dataclass(frozen=True)
class Segment:
    """A line of the transcript; times in seconds, the score is the geometric mean over its letters."""

    text: str
    start: float
    end: float
    score: float
    words: tuple[AlignedWord, ...]


@dataclass(frozen=True)
class Alignment:
    """A transcript in time."""

    segments: tuple[Segment, ...]
    score: float
    """Log-probability of the path, natural log."""
    costs: npt.NDArray[np.float32]
    """Float32 [frames]: by how much, in nats, the transcript's token is less likely than the likeliest."""
    spans: npt.NDArray[np.int64]
    """Int64 [words, 2]: the first frame of each word, and the frame after its last one."""
    seconds: float
    """Where the last frame ends."""
    unwritable: tuple[str, ...]
    """Words without any letter that the model knows; they were aligned to whatever is heard there."""

    @cached_property
    def words(self) -> tuple[AlignedWord, ...]:
        """The words of all segments."""
        return tuple(word for segment in self.segments for word in segment.words)


def frame_edges(frames: int, frame_seconds: float) -> Edges:
    """Return where frames of `frame_seconds` begin, and where the last one ends: float64 [frames + 1]."""
    return np.arange(frames + 1, dtype=np.float64) * frame_seconds


def align(log_probs: LogProbs, lines: Iterable[str], vocabulary: Vocabulary, edges: Edges) -> Alignment:
    """Place the words of `lines` in time.

    `log_probs` [frames, tokens] are natural logarithms; frame n lasts from `edges[n]` to `edges[n + 1]`
    seconds, float64 [frames + 1]. Each line that has a letter or digit becomes a segment. Raises
    SpeechRnnError for log-probabilities that are none or do not fit the vocabulary, for a text without
    letters, and for one that cannot be written in so few frames.
    """
    log_probs = checked_log_probs(log_probs, vocabulary)
    if len(edges) != len(log_probs) + 1:
        raise ValueError(f"{len(log_probs)} frames have {len(log_probs) + 1} edges, not {len(edges)}")
    transcript = tokenize(lines, vocabulary)
    if len(transcript.unwritable) == len(transcript.words):
        raise SpeechRnnError(
            "transcript: has no word that the model can write; give what is said, in the model's language"
        )
    likeliest = log_probs.max(axis=1, initial=-np.inf)
    if transcript.unwritable:
        log_probs = np.column_stack([log_probs, likeliest - np.float32(ANYTHING_COST)])
    path = best_path(log_probs, transcript.tokens)
    if path.score == -np.inf:
        raise SpeechRnnError(_why_impossible(len(log_probs), float(edges[-1]), transcript.tokens))
    placed = _Placed(transcript.tokens, _spans(path.positions, len(transcript.tokens)), vocabulary, edges)
    costs = likeliest - log_probs[np.arange(len(log_probs)), _written(path.positions, transcript.tokens)]
    segments = tuple(_segment(line, placed, costs) for line in transcript.lines)
    spans = [placed.frames(word) for word in transcript.words]
    return Alignment(
        segments, path.score, costs, np.array(spans, np.int64), placed.seconds, transcript.unwritable
    )


@dataclass(frozen=True)
class _Placed:
    """The transcript's `tokens` [length] and the `spans` [length, 2] of frames that write them."""

    tokens: Tokens
    spans: npt.NDArray[np.int64]
    vocabulary: Vocabulary
    edges: Edges

    @property
    def seconds(self) -> float:
        return float(self.edges[-1])

    def frames(self, word: TokenizedWord) -> tuple[int, int]:
        """Return the first frame of `word` and the frame after its last one."""
        return int(self.spans[word.first, 0]), int(self.spans[word.end - 1, 1])

    def times(self, first: int, end: int) -> tuple[float, float]:
        """Return the seconds at which frame `first` begins and the one before `end` ends."""
        return float(self.edges[first]), float(self.edges[end])

    def letters(self, word: TokenizedWord) -> tuple[Letter, ...]:
        return tuple(
            Letter(self._symbol(position), *self.times(*self.spans[position]))
            for position in range(word.first, word.end)
        )

    def _symbol(self, position: int) -> str:
        token = self.tokens[position]
        symbols = self.vocabulary.symbols
        return symbols[token].strip(WORD_BOUNDARY) if token < len(symbols) else ""


def _spans(positions: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    """Return, for each of `length` tokens, its first frame and the frame after its last one: [length, 2].

    A path writes the tokens in order, each in one run of frames.
    """
    frames = np.flatnonzero(positions >= 0)
    first = frames[np.searchsorted(positions[frames], np.arange(length), side="left")]
    last = frames[np.searchsorted(positions[frames], np.arange(length), side="right") - 1]
    return np.column_stack([first, last + 1])


def _written(positions: npt.NDArray[np.int64], tokens: Tokens) -> Tokens:
    """Return the token that is written in each frame, the blank included: [frames]."""
    return np.where(positions >= 0, tokens[positions], BLANK)


def _segment(line: tuple[TokenizedWord, ...], placed: _Placed, costs: npt.NDArray[np.float32]) -> Segment:
    words = tuple(_word(word, placed, costs) for word in line)
    return Segment(
        " ".join(word.text for word in words),
        words[0].start,
        words[-1].end,
        _mean_score(words),
        words,
    )


def _word(word: TokenizedWord, placed: _Placed, costs: npt.NDArray[np.float32]) -> AlignedWord:
    first, end = placed.frames(word)
    cost = float(costs[first:end].sum(dtype=np.float64))
    score = math.exp(-cost / (word.end - word.first))
    return AlignedWord(word.text, *placed.times(first, end), score, placed.letters(word))


def _mean_score(words: tuple[AlignedWord, ...]) -> float:
    """Return the geometric mean of the scores of `words`, each weighted by its letters."""
    letters = sum(len(word.letters) for word in words)
    if min(word.score for word in words) == 0:
        return 0.0
    return math.exp(sum(math.log(word.score) * len(word.letters) for word in words) / letters)


def _why_impossible(frames: int, seconds: float, tokens: Tokens) -> str:
    needed = needed_frames(tokens.tolist())
    if needed > frames:
        return (
            f"transcript: its {len(tokens)} letters need {needed} frames, and {seconds:.2f} s of sound have"
            f" {frames}; give the transcript of this recording"
        )
    return "transcript: the network gives it probability 0; give the transcript of this recording"
