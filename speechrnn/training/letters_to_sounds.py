"""How words sound that no dictionary lists: a small network reads their letters and writes their sounds.

The same task as speech recognition, on letters instead of frames: recurrent layers read a word in both
directions and every letter has room for two sounds, which CTC aligns to those of the dictionary (after Rao et
al. 2015, "Grapheme-to-phoneme conversion using long short-term memory recurrent neural networks"). So that a
lexicon (`pronunciation.py`) can hold every word of a training text or of an n-gram.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from speechrnn.config import Optimisation
from speechrnn.pronunciation import Pronunciations, Sounds, sounds_of
from speechrnn.text import Vocabulary, needed_frames
from speechrnn.training.model.forward_backward import negative_log_likelihoods
from speechrnn.training.model.recurrence import RecurrentLayer, valid_frames
from speechrnn.training.optimisation.schedule import rate_share
from speechrnn.training.optimisation.update import optimisers

SOUNDS_A_LETTER = 2
EMBEDDING, WIDTH, LAYERS = 64, 192, 2
BATCH = 256  # words
SETTINGS = Optimisation(peak_rate=4e-3)
HELD_OUT_EVERY = 50  # words


class LettersToSounds(nn.Module):
    """From letters to log-probabilities of sounds."""

    def __init__(self, letters: int, sounds: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(letters, EMBEDDING)
        widths = [EMBEDDING] + [2 * WIDTH] * (LAYERS - 1)
        self.layers = nn.ModuleList(RecurrentLayer("lstm", width, WIDTH, True) for width in widths)
        self.head = nn.Linear(2 * WIDTH, SOUNDS_A_LETTER * sounds)

    def forward(self, letters: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probabilities [words, places, sounds] and the valid places [words].

        `letters` int64 [words, letters], zero after their `lengths` int64 [words].
        """
        hidden = self.embedding(letters) * valid_frames(lengths, letters.shape[1], letters.device)
        for layer in self.layers:
            hidden = layer(hidden, lengths)
        places = self.head(hidden).unflatten(2, (SOUNDS_A_LETTER, -1)).flatten(1, 2)
        return torch.log_softmax(places, dim=-1), SOUNDS_A_LETTER * lengths


@dataclass(frozen=True)
class Speaker:
    """Says how words sound."""

    network: LettersToSounds
    letters: dict[str, int]
    sounds: Vocabulary
    errors: float
    """Share of the dictionary's words, held out from training, that it says differently."""

    def say(self, words: Sequence[str]) -> list[Sounds]:
        """Return the sounds of each of `words`; letters that the dictionary lacks are silent."""
        said: list[Sounds] = [()] * len(words)
        spelt = [[self.letters[letter] for letter in word if letter in self.letters] for word in words]
        by_length = sorted((number for number, row in enumerate(spelt) if row), key=lambda n: len(spelt[n]))
        for first in range(0, len(by_length), BATCH):
            numbers = by_length[first : first + BATCH]
            with torch.inference_mode():
                log_probs, places = self.network(*padded([spelt[number] for number in numbers]))
            best = log_probs.argmax(dim=-1).numpy()
            for number, row, valid in zip(numbers, best, places.tolist(), strict=True):
                path = (token for token, _ in itertools.groupby(row[:valid].tolist()) if token)
                said[number] = tuple(self.sounds.symbols[token] for token in path)
        return said


def learn_to_say(dictionary: Pronunciations, epochs: int, seed: int, say: Callable[[str], None]) -> Speaker:
    """Return a speaker that has learnt the first pronunciations of `dictionary`; tell how it does."""
    sounds = sounds_of(dictionary)
    numbers = {sound: number for number, sound in enumerate(sounds.symbols)}
    letters = {letter: n for n, letter in enumerate(sorted(set().union(*map(set, dictionary))))}
    words = [
        (word, [letters[letter] for letter in word], [numbers[sound] for sound in said[0]])
        for word, said in sorted(dictionary.items())
        if needed_frames([numbers[sound] for sound in said[0]]) <= SOUNDS_A_LETTER * len(word)
    ]
    kept = [word for number, word in enumerate(words) if number % HELD_OUT_EVERY]
    held_out = words[::HELD_OUT_EVERY]
    torch.manual_seed(seed)
    network = LettersToSounds(len(letters), len(sounds))
    moves = optimisers(list(network.parameters()), SETTINGS)
    generator = np.random.default_rng(seed)
    updates, done = epochs * math.ceil(len(kept) / BATCH), 0
    for _ in range(epochs):
        for batch in _batches(kept, generator):
            rate = SETTINGS.peak_rate * rate_share(done, updates, SETTINGS.warmup_share)
            log_probs, places = network(*padded([row for _, row, _ in batch]))
            targets, target_lengths = padded([said for _, _, said in batch])
            loss = negative_log_likelihoods(log_probs, places, targets, target_lengths).sum()
            for parameter in network.parameters():
                parameter.grad = None
            (loss / places.sum()).backward()
            nn.utils.clip_grad_norm_(network.parameters(), SETTINGS.clip)
            for move in moves:
                for group in move.param_groups:
                    group["lr"] = rate
                move.step()
            done += 1
    speaker = Speaker(network, letters, sounds, math.nan)
    found = speaker.say([word for word, _, _ in held_out])
    wrong = sum(said not in dictionary[word] for said, (word, _, _) in zip(found, held_out, strict=True))
    errors = wrong / len(held_out)
    say(f"letters to sounds: {100 * errors:.1f} % of {len(held_out)} held-out words are said differently")
    return replace(speaker, errors=errors)


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return `rows` side by side, int64 [rows, longest], and their lengths [rows]."""
    tensors = [torch.tensor(row) for row in rows]
    return pad_sequence(tensors, batch_first=True), torch.tensor([len(row) for row in rows])


def _batches(
    words: list[tuple[str, list[int], list[int]]], generator: np.random.Generator
) -> list[list[tuple[str, list[int], list[int]]]]:
    """Return `words` in batches of like lengths, in random order."""
    drawn = generator.random(len(words))
    order = sorted(range(len(words)), key=lambda n: len(words[n][1]) + drawn[n])
    batches = [[words[n] for n in order[first : first + BATCH]] for first in range(0, len(order), BATCH)]
    return [batches[n] for n in generator.permutation(len(batches))]
