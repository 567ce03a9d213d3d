"""A search that is fed frame by frame: the state between two chunks, and what can be said so far.

Whole recordings are decoded as a stream of one chunk, so chunks cannot change the result. Prefixes from which
nothing alive descends are cleared away after every `CLEAR_EVERY` frames of the recording, wherever chunks
begin or end. So memory grows with the length of the recording only by what it says and by its
log-probabilities, which are kept for the times of the words (10 MB an hour at 25 frames/s and 29 tokens).

Sizes: frames, tokens, width (of the beam).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speechrnn.decoding.beam.checks import checked_log_probs
from speechrnn.decoding.beam.hypotheses import Frames, final_hypotheses, leading_hypothesis
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
        self._rules, self._limits, self._priors = rules, limits, priors
        self._writing = writing
        self._vocabulary, self._frame_seconds, self._nbest = vocabulary, frame_seconds, nbest
        self._beam = _empty_beam(limits.width, len(vocabulary), 1 + most_homophones(rules.automaton))
        self._log_probs = np.empty((0, len(vocabulary)), np.float32)
        self._frames = 0
        start(rules, self._beam)

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
            self._make_room(stop - self._frames)
            searched = self._log_probs[self._frames : stop]
            advance(self._rules, self._limits, self._beam, searched, self._frames)
            self._frames = stop
            if self._frames % CLEAR_EVERY == 0:
                self._clear()

    def partial(self) -> Partial:
        """Return the best hypothesis so far and the number of its words that cannot change any more.

        Takes time in proportion to all that has been said: some 10 ms for half an hour of speech.
        """
        hypothesis = leading_hypothesis(self._rules, self._beam, self._searched())
        return Partial(hypothesis, self._stable_words())

    def finish(self) -> list[Hypothesis]:
        """Return the hypotheses, the best first, as if the recording ended here; it may go on."""
        return final_hypotheses(self._rules, self._beam, self._searched(), self._nbest)

    def _stable_words(self) -> int:
        """Return how many words are complete in the prefix that all prefixes of the beam begin with.

        None with a grammar: where no sentence of it is complete at the end, all is taken back.
        """
        automaton = self._rules.automaton
        if not self._beam.counts[ENTRIES] or not automaton.final[automaton.after].all():
            return 0
        common = common_prefix(self._beam)
        return self._writing.complete(self._beam.prefixes["token"][lineage(self._beam.prefixes, common)[1:]])

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

    def _make_room(self, frames: int) -> None:
        used = int(self._beam.counts[PREFIXES])
        needed = used + frames * self._limits.width
        if needed > len(self._beam.prefixes):
            larger = np.empty(used + CLEAR_EVERY * self._limits.width, PREFIX)
            larger[:used] = self._beam.prefixes[:used]
            self._beam = self._beam._replace(prefixes=larger)

    def _clear(self) -> None:
        """Drop the prefixes from which nothing in the beam descends."""
        used, alive = self._beam.counts
        kept = np.empty_like(self._beam.prefixes)
        self._beam.counts[PREFIXES] = collect(self._beam.prefixes[:used], kept, self._beam.entries, alive)
        self._beam = self._beam._replace(prefixes=kept)


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
