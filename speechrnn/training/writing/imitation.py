"""Text made to sound like what a network hears: frames cut out of what it heard, one sound after another.

Each sound of each recording is found in its frames (`decoding/viterbi.py`), and the frames from half way to
the sound before to half way to the one after are kept as a snippet. For a text that nobody has read aloud, a
snippet is drawn for each of its sounds, from among those between the same neighbours if there are some, as in
speech synthesis by selection of units (Hunt and Black 1996). So the imitation makes the network's own
mistakes, which no table of confusions would.

Mistakes do not come alone: some speakers are hard to understand for a whole sentence. Snippets are ordered by
how well their recording was understood, and a text draws all of its own from around one place in that order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechrnn.decoding.viterbi import best_path
from speechrnn.errors import SpeechRnnError
from speechrnn.pronunciation import Pronunciations, Sounds
from speechrnn.training.data.units import Pronouncer
from speechrnn.training.writing.listening import Heard

Numbers = npt.NDArray[np.int64]

NEIGHBOURS = ((0, 1, 2, 3, 4), (1, 2, 3, 4), (0, 1, 3, 4), (1, 3, 4), (1,))
"""What of (sound before, sound, sound after, begins a word, ends a word) has to be the same: at best all."""
FEWEST = 3
"""Snippets between the same neighbours of which one is drawn; fewer would be heard over and over."""
LOOSER = 0.2
"""Share of sounds whose neighbours do not count although there are snippets enough, for variety."""
SPREAD = 0.15
"""Deviation, as a share of all snippets, of the places that a text draws from."""
SOUNDS_AT_MOST = 1 << 10


@dataclass(frozen=True)
class _Choice:
    """Snippets in the order of their neighbours, as one number each, and of how well they were understood."""

    keys: Numbers
    first_frames: Numbers
    lengths: Numbers


class Imitation:
    """Imitates what was heard, for any text."""

    def __init__(self, heard: Iterable[Heard], pronouncer: Pronouncer) -> None:
        """Cut all of `heard` into snippets. Raises SpeechRnnError where the words of none are known."""
        frames, starts, lengths, contexts, misfits = [], [], [], [], []
        total = 0
        for one in heard:
            said = [pronouncer.pronunciations.get(word, ((),))[0] for word in one.text.split()]
            if not said or () in said:
                continue
            context = contexts_of(said, pronouncer.numbers)
            path = best_path(one.sounds.astype(np.float32), context[:, 1])
            if not np.isfinite(path.score):
                continue
            cuts = cuts_between(path.positions, len(context))
            frames.append(one.sounds)
            starts.append(cuts[:-1] + total)
            lengths.append(np.diff(cuts))
            contexts.append(context)
            misfits.append(np.full(len(context), -path.score / len(one.sounds)))
            total += len(one.sounds)
        if not frames:
            raise SpeechRnnError("lexicon: says no transcript of the training set whole; give another one")
        self.numbers = pronouncer.numbers
        self.frames = np.concatenate(frames)
        occurring = np.unique(np.concatenate(contexts)[:, 1]).tolist()
        self.sounds = {pronouncer.sounds.symbols[number] for number in occurring}
        self.choices = _choices(
            np.concatenate(contexts),
            np.concatenate(starts),
            np.concatenate(lengths),
            np.concatenate(misfits),
        )

    def sayable(self, pronunciations: Pronunciations) -> Pronunciations:
        """Return those of `pronunciations` whose sounds were all heard."""
        ways = {word: [way for way in said if self.sounds >= {*way}] for word, said in pronunciations.items()}
        return {word: tuple(said) for word, said in ways.items() if said}

    def __call__(
        self, texts: Sequence[Sequence[Sounds]], generator: np.random.Generator
    ) -> list[npt.NDArray[np.float16]]:
        """Return what might be heard of each of `texts` (rows of words), float16 [frames, sounds]."""
        contexts = [contexts_of(words, self.numbers) for words in texts]
        places = [
            generator.random() + SPREAD * generator.standard_normal(len(context)) for context in contexts
        ]
        together = np.concatenate(contexts)
        starts, lengths = self._draw(together, np.clip(np.concatenate(places), 0, 1), generator)
        offsets = np.cumsum(lengths) - lengths
        rows = np.repeat(starts - offsets, lengths) + np.arange(lengths.sum())
        ends = np.cumsum([len(context) for context in contexts])
        return np.split(self.frames[rows], np.cumsum(lengths)[ends - 1][:-1])

    def _draw(
        self, contexts: Numbers, places: npt.NDArray[np.float64], generator: np.random.Generator
    ) -> tuple[Numbers, Numbers]:
        """Return first frames and lengths of snippets for `contexts`, from about `places` in the order."""
        starts, lengths = np.full(len(contexts), -1), np.zeros(len(contexts), np.int64)
        for level, choice in enumerate(self.choices):
            waiting = np.flatnonzero(starts < 0)
            keys = key_of(contexts[waiting], level)
            first = np.searchsorted(choice.keys, keys, "left")
            count = np.searchsorted(choice.keys, keys, "right") - first
            enough = count >= (1 if level == len(NEIGHBOURS) - 1 else FEWEST)
            if level == 0:
                enough &= generator.random(len(enough)) >= LOOSER
            chosen = first + np.minimum((places[waiting] * count).astype(np.int64), count - 1)
            taken = waiting[enough]
            starts[taken] = choice.first_frames[chosen[enough]]
            lengths[taken] = choice.lengths[chosen[enough]]
        return starts, lengths


def contexts_of(words: Sequence[Sounds], numbers: dict[str, int]) -> Numbers:
    """Return for each sound of `words`: the one before, itself, the one after, if it begins or ends a word.

    Gives [sounds, 5]; before the first and after the last there is 0.
    """
    sounds = np.array([numbers[sound] for word in words for sound in word], np.int64)
    ends = np.cumsum([len(word) for word in words])
    begins, closes = np.zeros_like(sounds), np.zeros_like(sounds)
    begins[ends - [len(word) for word in words]] = 1
    closes[ends - 1] = 1
    padded = np.pad(sounds, 1)
    return np.stack([padded[:-2], sounds, padded[2:], begins, closes], axis=1)


def key_of(contexts: Numbers, level: int) -> Numbers:
    """Return a number for what counts of each of `contexts` [sounds, 5] at this level of NEIGHBOURS."""
    key = np.zeros(len(contexts), np.int64)
    for place in NEIGHBOURS[level]:
        key = key * SOUNDS_AT_MOST + contexts[:, place]
    return key


def cuts_between(positions: Numbers, sounds: int) -> Numbers:
    """Return where the frames of each sound begin, and the number of frames, [sounds + 1].

    `positions` [frames] says which sound each frame writes, -1 where it is blank; blanks between two sounds
    are shared.
    """
    writing = np.flatnonzero(positions >= 0)
    first, last = np.zeros(sounds, np.int64), np.zeros(sounds, np.int64)
    last[positions[writing]] = writing
    first[positions[writing[::-1]]] = writing[::-1]
    between = (last[:-1] + first[1:] + 1) // 2
    return np.concatenate([[0], between, [len(positions)]])


def _choices(
    contexts: Numbers, starts: Numbers, lengths: Numbers, misfits: npt.NDArray[np.float64]
) -> list[_Choice]:
    choices = []
    for level in range(len(NEIGHBOURS)):
        keys = key_of(contexts, level)
        order = np.lexsort((misfits, keys))
        choices.append(_Choice(keys[order], starts[order], lengths[order]))
    return choices
