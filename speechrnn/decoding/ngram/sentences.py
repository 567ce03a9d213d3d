"""Sentences of text files, and those among them that some utterances do not say.

What n-grams are made of (`recipe/language_model.py`) and writers are taught with (`training/writing/`). Both
are weighed or watched on held-out utterances, whose sentences must not be among them.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from speechrnn.decoding.ngram.text_blocks import training_blocks
from speechrnn.text import normalise

SAME_TEXT = 8
"""Sentences with so many words in a row in common are taken to be the same text, cut differently."""


def sentences_in(files: Sequence[Path]) -> Iterator[str]:
    """Yield the sentences of `files`, a line each, plain or compressed, normalised; empty ones are left out.

    Raises SpeechRnnError for a file that cannot be read.
    """
    blocks = chain.from_iterable(training_blocks(path) for path in files)
    lines = chain.from_iterable(block.decode("utf-8").splitlines() for block in blocks)
    yield from filter(None, map(normalise, lines))


def without(removed: Iterable[str], sentences: Iterable[str]) -> Iterator[str]:
    """Yield those of `sentences` that are none of `removed`, nor have a long stretch in common with one.

    Books are cut into sentences in one corpus and at pauses in another, so equality is not enough.
    """
    said = set(removed)
    stretches = {stretch for sentence in said for stretch in _stretches(sentence)}
    for sentence in sentences:
        if sentence not in said and stretches.isdisjoint(_stretches(sentence)):
            yield sentence


def _stretches(sentence: str) -> Iterator[str]:
    """Yield every `SAME_TEXT` words in a row."""
    words = sentence.split()
    return (" ".join(words[n : n + SAME_TEXT]) for n in range(len(words) - SAME_TEXT + 1))
