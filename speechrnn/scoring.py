"""Word and character error rates, with the uncertainty that a finite test set leaves.

This is where the way of the data ends: references and hypotheses -> `Score`. Both pass `text.normalise`, so a
difference in case, spaces or Unicode composition is no error, and anything else is: a character that the
model cannot write counts like any other. Counts are jiwer's, the fewest edits (Levenshtein), summed over the
corpus before dividing, so long utterances weigh more than short ones.

The 95 % interval is a percentile bootstrap (Bisani and Ney, "Bootstrap estimates for confidence intervals in
ASR performance evaluation", ICASSP 2004). Utterances of one speaker are right or wrong together, so whole
speakers are drawn where they are known; drawing utterances would give an interval that is too narrow.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import jiwer
import numpy as np
from numpy.typing import NDArray

from speechrnn.manifest import Utterance
from speechrnn.text import normalise

RESAMPLES = 2000
BLOCKS = 20  # all resamples of a large test set at once would need gigabytes
SEED = 0
UNKNOWN_SPEAKER = "(unknown)"

Interval = tuple[float, float]


@dataclass(frozen=True)
class Counts:
    """Edits that turn references into hypotheses; `length` is the references' length in the same unit."""

    length: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions together."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per unit of reference; where the reference is empty the number of errors, as in jiwer."""
        return self.errors / max(self.length, 1)


@dataclass(frozen=True)
class UtteranceScore:
    """One utterance: what was said, what was recognised (both normalised), and the edits between them."""

    id: str
    speaker: str | None
    reference: str
    hypothesis: str
    words: Counts
    characters: Counts


@dataclass(frozen=True)
class Score:
    """Error rates of a test set, as fractions (0.12 is 12 %), each with its 95 % interval (low, high).

    `resampled` says what the intervals rest on, such as "20 speakers". An interval over a handful of them is
    too narrow, and over a single utterance it has no width.
    """

    utterances: tuple[UtteranceScore, ...]
    words: int
    substitutions: int
    deletions: int
    insertions: int
    wer: float
    wer_interval: Interval
    cer: float
    cer_interval: Interval
    resampled: str

    @property
    def by_speaker(self) -> dict[str, Counts]:
        """Word counts of each speaker, highest word error rate first."""
        spoken: dict[str, list[Counts]] = defaultdict(list)
        for utterance in self.utterances:
            spoken[utterance.speaker or UNKNOWN_SPEAKER].append(utterance.words)
        totals = {speaker: _total(counts) for speaker, counts in spoken.items()}
        return dict(sorted(totals.items(), key=lambda item: (-item[1].rate, item[0])))

    def worst(self, number: int) -> list[UtteranceScore]:
        """Return the `number` utterances with the most word errors, at equal errors the shorter first."""
        wrong = [utterance for utterance in self.utterances if utterance.words.errors]
        return sorted(wrong, key=lambda u: (-u.words.errors, u.words.length, u.id))[:number]


def score_utterances(utterances: Sequence[Utterance], texts: Sequence[str]) -> Score:
    """Return the error rates of `texts`, recognised in `utterances`, paired by position."""
    return score(
        [utterance.text for utterance in utterances],
        texts,
        [utterance.speaker for utterance in utterances],
        [utterance.id for utterance in utterances],
    )


def word_errors(references: Sequence[str], hypotheses: Sequence[str]) -> Counts:
    """Return the word edits between `references` and `hypotheses`, paired by position, over all of them."""
    return _total(_word_counts(references, hypotheses))


def closest(reference: str, hypotheses: Sequence[str]) -> str:
    """Return the first of `hypotheses` that has the fewest word errors: what an oracle would pick."""
    errors = [counts.errors for counts in _word_counts([reference] * len(hypotheses), hypotheses)]
    return hypotheses[errors.index(min(errors))]


def score(
    references: Sequence[str],
    hypotheses: Sequence[str],
    speakers: Sequence[str | None] | None = None,
    ids: Sequence[str] | None = None,
) -> Score:
    """Return the error rates of `hypotheses` against `references`, paired by position.

    `speakers` groups the utterances for the intervals and the breakdown; `ids` names them in reports (their
    numbers from 1 where missing). Raises ValueError for no utterances or sequences of different lengths.
    """
    if not references:
        raise ValueError("no utterances to score")
    speakers = [None] * len(references) if speakers is None else speakers
    ids = [str(number) for number in range(1, len(references) + 1)] if ids is None else ids
    references = [normalise(text) for text in references]
    hypotheses = [normalise(text) for text in hypotheses]
    words = _word_counts(references, hypotheses)
    characters = _counts(jiwer.process_characters(references, hypotheses))
    utterances = tuple(
        UtteranceScore(*row)
        for row in zip(ids, speakers, references, hypotheses, words, characters, strict=True)
    )
    groups, resampled = _groups(utterances)
    wer_interval, cer_interval = _intervals(groups)
    total = _total(words)
    return Score(
        utterances=utterances,
        words=total.length,
        substitutions=total.substitutions,
        deletions=total.deletions,
        insertions=total.insertions,
        wer=total.rate,
        wer_interval=wer_interval,
        cer=_total(characters).rate,
        cer_interval=cer_interval,
        resampled=resampled,
    )


def aligned_words(reference: str, hypothesis: str) -> list[tuple[str | None, str | None]]:
    """Return the words of both texts in pairs by the fewest edits; None stands where one has no word."""
    alignment = jiwer.process_words(reference, hypothesis)
    spoken, recognised = alignment.references[0], alignment.hypotheses[0]
    pairs: list[tuple[str | None, str | None]] = []
    for chunk in alignment.alignments[0]:
        left = spoken[chunk.ref_start_idx : chunk.ref_end_idx]
        right = recognised[chunk.hyp_start_idx : chunk.hyp_end_idx]
        if chunk.type == "delete":
            pairs += [(word, None) for word in left]
        elif chunk.type == "insert":
            pairs += [(None, word) for word in right]
        else:
            pairs += zip(left, right, strict=True)
    return pairs


def _word_counts(references: Sequence[str], hypotheses: Sequence[str]) -> list[Counts]:
    return _counts(jiwer.process_words(list(map(normalise, references)), list(map(normalise, hypotheses))))


def _counts(alignment: jiwer.WordOutput | jiwer.CharacterOutput) -> list[Counts]:
    """Return the counts of each utterance of an alignment of many."""
    counts = []
    for reference, chunks in zip(alignment.references, alignment.alignments, strict=True):
        edits = {"equal": 0, "substitute": 0, "delete": 0, "insert": 0}
        for chunk in chunks:
            edits[chunk.type] += max(
                chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx
            )
        counts.append(Counts(len(reference), edits["substitute"], edits["delete"], edits["insert"]))
    return counts


def _total(counts: Iterable[Counts]) -> Counts:
    columns = zip(*((c.length, c.substitutions, c.deletions, c.insertions) for c in counts), strict=True)
    return Counts(*(sum(column) for column in columns))


def _groups(utterances: Sequence[UtteranceScore]) -> tuple[NDArray[np.int64], str]:
    """Return what is drawn as a whole, and its name.

    The array is `[groups, 4]`: word errors, words, character errors, characters. A group is a speaker, or an
    utterance where fewer than two speakers are known.
    """
    rows = np.array(
        [(u.words.errors, u.words.length, u.characters.errors, u.characters.length) for u in utterances],
        dtype=np.int64,
    )
    known = {u.speaker for u in utterances if u.speaker is not None}
    if len(known) < 2:
        return rows, _utterances(len(rows))
    numbers: dict[str, int] = {}
    membership = [
        numbers.setdefault(f"utterance {i}" if u.speaker is None else f"speaker {u.speaker}", len(numbers))
        for i, u in enumerate(utterances)
    ]
    groups = np.zeros((len(numbers), 4), np.int64)
    np.add.at(groups, membership, rows)
    alone = sum(u.speaker is None for u in utterances)
    return groups, f"{len(known)} speakers" + (f" and {_utterances(alone)} without one" if alone else "")


def _utterances(number: int) -> str:
    return f"{number} utterance{'s' if number > 1 else ''}"


def _intervals(groups: NDArray[np.int64]) -> tuple[Interval, Interval]:
    """Return the 95 % intervals of word and character error rate over `groups` `[groups, 4]`."""
    random = np.random.default_rng(SEED)
    sums = np.empty((RESAMPLES, 4), np.int64)
    for block in np.split(sums, BLOCKS):
        block[:] = _times_drawn(len(block), len(groups), random) @ groups
    rates = sums[:, 0::2] / np.maximum(sums[:, 1::2], 1)
    (wer_low, cer_low), (wer_high, cer_high) = np.percentile(rates, [2.5, 97.5], axis=0).tolist()
    return (wer_low, wer_high), (cer_low, cer_high)


def _times_drawn(resamples: int, groups: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return how often each of `groups` is among as many draws with replacement, `[resamples, groups]`."""
    drawn = random.integers(groups, size=(resamples, groups)) + groups * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * groups).reshape(resamples, groups)
