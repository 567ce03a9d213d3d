"""Sounds in the place of letters: an automaton of how words are said.

A network with a second head (`training/model/network.py`) gives log-probabilities of sounds. Sounds have no
mark between words, and words that sound alike do not differ in them at all: so every state in which words
are complete lists them, and the search chooses (`kernel.py`). A choice is part of the prefix, in the number
of the token that was added last: `token + tokens x choice`, where choice 0 leaves the word open and choice n
takes the n-th word of the state.

Sizes: states, tokens (the sounds, blank first), words (of all states together).
"""

import numpy as np
from numpy.typing import NDArray

from speechrnn.decoding.beam.automaton import NO_WORD, ROOT, Automaton, assembled, grow
from speechrnn.decoding.beam.spelling import NO_LETTER, SpelledWords, Spelling
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.errors import SpeechRnnError
from speechrnn.pronunciation import Pronunciations

MOST_HOMOPHONES = 16
"""Words that may sound alike; of more, those that the n-gram gives the lowest probability are left out."""


def sound_automaton(spelling: Spelling, pronunciations: Pronunciations, model: NgramModel) -> Automaton:
    """Return the automaton of the words that both `model` and `pronunciations` list.

    `spelling` is that of the sounds; words are numbered as `model` numbers them. Raises SpeechRnnError where
    there are none, or where the pronunciations are in other sounds.
    """
    known = {word: number for number, word in enumerate(model.words.words())}
    said = [(known[word], one) for word, ways in pronunciations.items() if word in known for one in ways]
    spelled = SpelledWords(
        np.array([spelling.numbers.get(sound, NO_LETTER) for _, one in said for sound in one], np.int32),
        np.cumsum([0, *(len(one) for _, one in said)], dtype=np.int64),
    )
    sayable = spelled.writable
    if not sayable.any():
        raise SpeechRnnError(
            "lexicon: no word of the language model is said in the sounds that the network knows"
            f" ({' '.join([*spelling.numbers][:6])} ...); give the lexicon that it was trained with"
        )
    words = np.array([word for word, _ in said], np.int64)[sayable]
    return _with_homophones(spelled.only(sayable), words, model.tables.first_log_probs)


def most_homophones(automaton: Automaton) -> int:
    """Return how many words are complete in the state with the most of them."""
    return int(np.diff(automaton.said_from).max(initial=0))


def _with_homophones(
    said: SpelledWords, words: NDArray[np.int64], log_probs: NDArray[np.float32]
) -> Automaton:
    """Return the automaton of words `said` as numbered in `words` [words]; `log_probs` are their unigrams."""
    grown = grow(said, np.zeros(len(words), np.int64), roots=1)
    states = 1 + len(grown.parents) + 1
    order = np.lexsort((words, -log_probs[words], grown.ends))  # by state, the likeliest first
    ends, words = grown.ends[order], words[order]
    kept = np.arange(len(ends)) - np.searchsorted(ends, ends) < MOST_HOMOPHONES
    ends, words = ends[kept], words[kept]
    final: NDArray[np.bool_] = np.zeros(states, np.bool_)
    final[ROOT] = True
    return assembled(
        grown,
        np.full(states, NO_WORD, np.int32),
        np.zeros(states, np.int32),
        final,
        closed=True,
        said=words.astype(np.int32),
        said_from=np.searchsorted(ends, np.arange(states + 1)).astype(np.int32),
    )
