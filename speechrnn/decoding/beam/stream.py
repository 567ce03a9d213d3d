"""A search that is fed frame by frame: the state between two chunks, and what can be said so far.

Where several sentences are wanted, two beams go through the frames. In the one no prefix has a place that
another with the same future outdoes; in the other as many of the same future stay as sentences are wanted,
and what they differ in is past and gone, so that fewer places are left for what may come. The best sentence
comes from either: asking for more of them never makes it worse.

Whole recordings are decoded as a stream of one chunk, so chunks cannot change the result. Prefixes from which
nothing alive descends are cleared away after every `CLEAR_EVERY` frames of the recording, wherever chunks
begin or end. So memory grows with the length of the recording only by what it says and by its
log-probabilities, which are kept for the times of the words (10 MB an hour at 25 frames/s and 29 tokens).

Sizes: frames, tokens, width (of the beam).
"""

from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from speechrnn.decoding.beam.checks import checked_log_probs
from speechrnn.decoding.beam.hypotheses import Frames, best_of_all, final_hypotheses, leading_hypothesis
from speechrnn.decoding.beam.kernel import ENTRIES, PREFIXES, Limits, advance, collect, common_prefix, start
from speechrnn.decoding.beam.priors import Priors
from speechrnn.decoding.beam.records import ENTRY, PREFIX, Beam
from speechrnn.decoding.beam.scorer import Rules
from speechrnn.decoding.beam.sounds import most_homophones
from speechrnn.decoding.beam.word_times import lineage
from speechrnn.decoding.beam.writing import Writing
from speechrnn.decoding.hypothesis import Hypothesis
from speechrnn.text import Vocabulary

CLEAR_EVERY = 256


@dataclass(frozen=True)
class Partial:
    """What a stream has heard so far; its last word may be unfinished, and its score holds a guess of the
    rest.

    `stable` is the number of words, from the first, that no further frame can change.
    """

    hypothesis: Hypothesis
    stable: int


class BeamStream:
    """A search under way. `push` frames as they come, ask for `partial` results, `finish` at the end."""

    def __init__(
        self,
        rules: Rules,
        limits: Limits,
        vocabulary: Vocabulary,
        writing: Writing,
        frame_seconds: float,
        nbest: int,
        priors: Priors | None,
    ) -> None:
        self._rules, self._priors = rules, priors
        self._writing = writing
        self._vocabulary, self._frame_seconds, self._nbest = vocabulary, frame_seconds, nbest
        self._leading = _Search(rules, limits._replace(alike=1), len(vocabulary))
        self._searches = [self._leading]
        if limits.alike > 1:
            self._searches.append(_Search(rules, limits, len(vocabulary)))
        self._log_probs = np.empty((0, len(vocabulary)), np.float32)
        self._frames = 0

    def push(self, log_probs: NDArray[np.floating]) -> None:
        """Search through `log_probs` [frames, tokens], the next of the recording, natural log.

        Raises SpeechRnnError where they do not fit the vocabulary or are no log-probabilities.
        """
        chunk = checked_log_probs(log_probs, self._vocabulary)
        if self._priors is not None:
            chunk = self._priors.freed(chunk)
        self._keep(chunk)
        end = self._frames + len(chunk)
        while self._frames < end:
            stop = min(end, self._frames - self._frames % CLEAR_EVERY + CLEAR_EVERY)
            for search in self._searches:
                search.advance(self._log_probs[self._frames : stop], self._frames)
                if stop % CLEAR_EVERY == 0:
                    search.clear()
            self._frames = stop

    def partial(self) -> Partial:
        """Return the best hypothesis so far and the number of its words that cannot change any more.

        Takes time in proportion to all that has been said: some 10 ms for half an hour of speech.
        """
        hypothesis = leading_hypothesis(self._rules, self._leading.beam, self._searched())
        return Partial(hypothesis, self._stable_words())

    def finish(self) -> list[Hypothesis]:
        """Return the hypotheses, the best first, as if the recording ended here; it may go on."""
        each = [
            final_hypotheses(self._rules, search.beam, self._searched(), self._nbest)
            for search in self._searches
        ]
        return best_of_all(each, self._nbest)

    def _stable_words(self) -> int:
        """Return how many words all prefixes of all beams begin with, complete ones.

        None with a grammar: where no sentence of it is complete at the end, all is taken back.
        """
        automaton = self._rules.automaton
        if not automaton.final[automaton.after].all():
            return 0
        each = [self._common_words(search.beam) for search in self._searches]
        return sum(1 for _ in takewhile(lambda words: len({*words}) == 1, zip(*each, strict=False)))

    def _common_words(self, beam: Beam) -> tuple[str, ...]:
        """Return the complete words that all prefixes of `beam` begin with."""
        if not beam.counts[ENTRIES]:
            return ()
        codes = beam.prefixes["token"][lineage(beam.prefixes, common_prefix(beam))[1:]]
        return self._writing.words(codes)[: self._writing.complete(codes)]

    def _searched(self) -> Frames:
        return Frames(self._log_probs[: self._frames], self._frame_seconds, self._writing)

    def _keep(self, chunk: NDArray[np.float32]) -> None:
        """Append `chunk` to the frames searched, in an array that at least doubles when it is full."""
        end = self._frames + len(chunk)
        if end > len(self._log_probs):
            larger = np.empty((max(end, 2 * len(self._log_probs)), len(self._vocabulary)), np.float32)
            larger[: self._frames] = self._log_probs[: self._frames]
            self._log_probs = larger
        self._log_probs[self._frames : end] = chunk


class _Search:
    """A beam on its way."""

    def __init__(self, rules: Rules, limits: Limits, tokens: int) -> None:
        self._rules, self._limits = rules, limits
        self.beam = _empty_beam(limits.width, tokens, 1 + most_homophones(rules.automaton))
        start(rules, self.beam)

    def advance(self, log_probs: NDArray[np.float32], first_frame: int) -> None:
        """Go through `log_probs` [frames, tokens], at most CLEAR_EVERY frames between two clearings."""
        used = int(self.beam.counts[PREFIXES])
        if used + len(log_probs) * self._limits.width > len(self.beam.prefixes):
            larger = np.empty(used + CLEAR_EVERY * self._limits.width, PREFIX)
            larger[:used] = self.beam.prefixes[:used]
            self.beam = self.beam._replace(prefixes=larger)
        advance(self._rules, self._limits, self.beam, log_probs, first_frame)

    def clear(self) -> None:
        """Drop the prefixes from which nothing in the beam descends."""
        used, alive = self.beam.counts
        kept = np.empty_like(self.beam.prefixes)
        self.beam.counts[PREFIXES] = collect(self.beam.prefixes[:used], kept, self.beam.entries, alive)
        self.beam = self.beam._replace(prefixes=kept)


def _empty_beam(width: int, tokens: int, choices: int) -> Beam:
    candidates = 2 * width + 1
    return Beam(
        prefixes=np.empty(1, PREFIX),
        entries=np.empty(width, ENTRY),
        spare=np.empty(width, ENTRY),
        counts=np.zeros(2, np.int64),
        ranks=np.empty(candidates, np.float64),
        places=np.empty(candidates, np.int32),
        tokens=np.empty(candidates, np.int32),
        order=np.empty(tokens, np.int64),
        taken=np.full((width, tokens * choices), -1, np.int32),
        buckets=np.empty(1 << (2 * width).bit_length(), np.int32),
        alike=np.empty(width, np.int32),
    )
