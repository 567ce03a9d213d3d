"""The lessons of a writer: batches of what was heard, and of text made to sound like it.

Three in four batches are text, cut from anywhere in the running words of all text files, as long as the
transcripts are; the fourth is recordings as they were heard. A batch depends on (seed, epoch, its number)
alone, so a run that is continued goes on as it would have.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechrnn.errors import SpeechRnnError
from speechrnn.pronunciation import Pronunciations, Sounds
from speechrnn.text import needed_frames
from speechrnn.training.augmentation.draws import generator as generator_of
from speechrnn.training.augmentation.draws import utterance_seed
from speechrnn.training.data.batch import Batch, Example, stack
from speechrnn.training.data.units import Speller
from speechrnn.training.writing.imitation import Imitation
from speechrnn.training.writing.listening import Heard

RECORDED_SHARE = 0.25
"""Share of the batches that were heard."""
USUAL_SHARE = 0.8
"""How often a word is said in the first of its ways."""


@dataclass(frozen=True)
class Prose:
    """Running text: the number of each of its words, and what these numbers mean."""

    numbers: npt.NDArray[np.int32]
    words: tuple[str, ...]

    @classmethod
    def of(cls, sentences: Iterable[str], pronunciations: Pronunciations) -> "Prose":
        """Return those of `sentences` of which every word is in `pronunciations`, one after another."""
        known: dict[str, int] = {}
        numbers: list[npt.NDArray[np.int32]] = []
        for sentence in sentences:
            words = sentence.split()
            if all(word in pronunciations for word in words):
                numbers.append(np.array([known.setdefault(word, len(known)) for word in words], np.int32))
        if not numbers:
            raise SpeechRnnError(
                "texts: no sentence has only words that the lexicon says; see `speechrnn lexicon`"
            )
        return cls(np.concatenate(numbers), tuple(known))

    def words_from(self, place: int, count: int) -> list[str]:
        """Return `count` words in a row from `place` on, or from where as many are left."""
        place = max(0, min(place, len(self.numbers) - count))
        return [self.words[number] for number in self.numbers[place : place + count]]


class Lessons:
    """Batches for a writer; `audio` of a batch holds what is heard, [batch, frames, sounds]."""

    def __init__(
        self,
        heard: Sequence[Heard],
        imitation: Imitation,
        prose: Prose,
        pronunciations: Pronunciations,
        speller: Speller,
        batch_frames: int,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        """Prepare lessons in batches of so many frames; `pronunciations` say every word of `prose`."""
        self.pronunciations = pronunciations
        self.imitation, self.prose, self.speller = imitation, prose, speller
        self.recorded = sorted(self._writable(heard), key=lambda one: len(one.sounds))
        self.word_counts = np.array([len(one.text.split()) for one in self.recorded])
        self.frames_a_word = sum(len(one.sounds) for one in self.recorded) / self.word_counts.sum()
        self.batch_frames, self.seed = batch_frames, seed
        self.rank, self.ranks = rank, ranks

    def batches_per_epoch(self, epoch: int) -> int:
        """Return how many batches make an epoch: about as many as it takes to read all text once."""
        words = len(self.prose.numbers) / (1 - RECORDED_SHARE)
        return max(1, int(words * self.frames_a_word / self.batch_frames))

    @property
    def frames_per_epoch(self) -> int:
        """Frames of an epoch, about."""
        return self.batches_per_epoch(0) * self.batch_frames

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        """Yield this rank's rows of the batches of `epoch`, from number `first_batch` on."""
        for number in range(first_batch, self.batches_per_epoch(epoch)):
            yield self.batch(epoch, number)

    def batch(self, epoch: int, number: int) -> Batch:
        """Return this rank's rows of a batch."""
        generator = generator_of(utterance_seed(self.seed, epoch, f"lesson {number}"))
        recorded = generator.random() < RECORDED_SHARE
        rows = self._heard(generator) if recorded else self._imitated(generator)
        seeds = generator.integers(-(2**63), 2**63, len(rows))
        examples = [
            Example(one.sounds.astype(np.float32), self.speller.encode(one.text), int(seed), one.text)
            for one, seed in zip(rows, seeds, strict=True)
        ]
        return stack(examples[self.rank % len(examples) :: self.ranks])

    def _heard(self, generator: np.random.Generator) -> list[Heard]:
        """Return recordings of about one length."""
        place = int(generator.integers(len(self.recorded)))
        count = max(self.ranks, self.batch_frames // len(self.recorded[place].sounds))
        first = max(0, min(place - count // 2, len(self.recorded) - count))
        return self.recorded[first : first + count]

    def _imitated(self, generator: np.random.Generator) -> list[Heard]:
        """Return imitations of texts of one length, in words."""
        words = int(generator.choice(self.word_counts))
        count = max(self.ranks, round(self.batch_frames / (words * self.frames_a_word)))
        places = generator.integers(len(self.prose.numbers), size=count)
        texts = [self.prose.words_from(place, words) for place in places.tolist()]
        said = [[self._said(word, generator) for word in text] for text in texts]
        rows = [
            Heard(" ".join(text), sounds)
            for text, sounds in zip(texts, self.imitation(said, generator), strict=True)
        ]
        kept = self._writable(rows)
        return kept if len(kept) >= self.ranks else self._imitated(generator)

    def _said(self, word: str, generator: np.random.Generator) -> Sounds:
        """Return a way to say `word`, mostly the usual one."""
        ways = self.pronunciations[word]
        usual = len(ways) == 1 or generator.random() < USUAL_SHARE
        return ways[0] if usual else ways[int(generator.integers(len(ways)))]

    def _writable(self, heard: Sequence[Heard]) -> list[Heard]:
        """Return those of `heard` whose text fits their frames."""
        needed = [needed_frames(self.speller.encode(one.text)) for one in heard]
        return [one for one, frames in zip(heard, needed, strict=True) if 0 < frames <= len(one.sounds)]
