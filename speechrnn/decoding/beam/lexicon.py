"""A lexicon: the list of words that may be recognised, and no others."""

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from speechrnn.decoding.beam.automaton import Automaton, tree
from speechrnn.decoding.beam.spelling import Spelling
from speechrnn.errors import SpeechRnnError, check_readable


def read_lexicon(path: Path) -> list[str]:
    """Return the words of a UTF-8 file: the first field of each line; pronunciations may follow."""
    check_readable(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SpeechRnnError(f"{path}: is not UTF-8; save the lexicon as UTF-8") from error
    words = [line.split()[0] for line in lines if line.strip()]
    if not words:
        raise SpeechRnnError(f"{path}: holds no word; write one word a line")
    return list(dict.fromkeys(words))


def lexicon_automaton(
    lexicon: Iterable[str], spelling: Spelling, numbers: dict[str, int], unknown: int
) -> Automaton:
    """Return the automaton of sentences of `lexicon`'s words, numbered by `numbers`, others `unknown`.

    Words that the vocabulary cannot write are left out, with a warning that counts them. Raises
    SpeechRnnError where no word is left.
    """
    words = list(lexicon)
    spelled = spelling.spell(words)
    writable = spelled.writable
    left_out = [word for word, is_writable in zip(words, writable, strict=True) if not is_writable]
    if len(left_out) == len(words):
        raise SpeechRnnError(
            f"lexicon: the model can write none of its {len(words)} words, such as {words[:3]}; its alphabet"
            f" is {' '.join(spelling.numbers)[:120]}"
        )
    if left_out:
        lacking = " ".join(spelling.unknown_characters("".join(left_out)))
        logging.getLogger("speechrnn").warning(
            "lexicon: %d of %d words left out, first %s: the model cannot write %s",
            len(left_out),
            len(words),
            left_out[:3],
            lacking,
        )
    word_numbers = np.array([numbers.get(word, unknown) for word in words], np.int32)
    return tree(spelled.only(writable), word_numbers[writable], closed=True)
