"""How words are said: lexicons that give each word one or more pronunciations, as sequences of sounds.

The format is that of CMUdict, of LibriSpeech's lexicon and of Kaldi's `lexicon.txt`: a word, then its sounds,
all apart by spaces; further pronunciations of a word stand on lines of their own, with or without a number
in brackets behind the word. Digits that mark stress are dropped. Training takes the first pronunciation of a
word as what was said (`training/data/units.py`), the beam search allows all of them.
"""

import lzma
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.text import BLANK, Vocabulary, normalise

Sounds = tuple[str, ...]
Pronunciations = Mapping[str, tuple[Sounds, ...]]
"""Word -> its pronunciations, the usual one first."""

COMMENTS = (";;;", "#")
NUMBERED = re.compile(r"\(\d+\)$")
STRESS = re.compile(r"(?<=[A-Za-z])\d$")


def read_pronunciations(path: Path) -> Pronunciations:
    """Return the lexicon in a UTF-8 file, plain or xz, words normalised; `;;;` and `#` begin comment lines.

    Raises SpeechRnnError where the file is damaged or not UTF-8, and for a word without sounds.
    """
    check_readable(path)
    try:
        content = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
        return parse_pronunciations(content.decode("utf-8-sig").splitlines(), str(path))
    except UnicodeDecodeError as error:
        raise SpeechRnnError(f"{path}: is not UTF-8; save the lexicon as UTF-8") from error
    except lzma.LZMAError as error:
        raise SpeechRnnError(f"{path}: cannot be decompressed ({error}); copy it again") from error


def write_pronunciations(path: Path, pronunciations: Pronunciations) -> None:
    """Write a lexicon, words in alphabetical order, compressed if the file is named so (.xz)."""
    lines = [f"{word} {' '.join(said)}\n" for word in sorted(pronunciations) for said in pronunciations[word]]
    content = "".join(lines).encode("utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lzma.compress(content, preset=9) if path.suffix == ".xz" else content)
    except OSError as error:
        raise SpeechRnnError(
            f"{path}: cannot be written ({error.strerror}); free space or name another place"
        ) from error


def parse_pronunciations(lines: Iterable[str], source: str) -> Pronunciations:
    """Return the lexicon in `lines`; `source` names it in errors."""
    found: dict[str, dict[Sounds, None]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith(COMMENTS):
            continue
        word, *sounds = line.split(" #")[0].split()
        if not sounds:
            raise SpeechRnnError(
                f"{source}: line {number}: {word!r} has no sounds; write them behind the word"
            )
        said = tuple(STRESS.sub("", sound) for sound in sounds)
        found.setdefault(normalise(NUMBERED.sub("", word)), {})[said] = None
    if not found:
        raise SpeechRnnError(f"{source}: holds no word; write a word and its sounds on each line")
    return {word: tuple(said) for word, said in found.items()}


def sounds_of(pronunciations: Pronunciations) -> Vocabulary:
    """Return the vocabulary of all sounds in `pronunciations`, in alphabetical order."""
    sounds = {sound for said in pronunciations.values() for one in said for sound in one}
    return Vocabulary("sounds", (BLANK, *sorted(sounds)))
