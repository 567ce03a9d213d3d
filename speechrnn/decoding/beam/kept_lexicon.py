"""The automaton of a lexicon file, kept in the folder of compiled code: a large one takes a second to make.

    lexicon file, n-gram -> automaton (`sounds.py`), at once from the second time on

What is kept goes by the content of the lexicon, the sounds, and the words and unigrams of the n-gram.
"""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import cache_root
from speechrnn.decoding.beam.automaton import Automaton
from speechrnn.decoding.beam.sounds import sound_automaton
from speechrnn.decoding.beam.spelling import Spelling
from speechrnn.decoding.ngram.container import open_container, write_container
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.pronunciation import read_pronunciations

FORMAT = b"1"
ARRAYS = ("arcs", "letters", "targets", "word", "after", "final", "said", "said_from")


def automaton_of_lexicon(path: Path, spelling: Spelling, model: NgramModel) -> Automaton:
    """Return the automaton of the words that both `model` and the lexicon in the file `path` list.

    Raises SpeechRnnError where the file cannot be read, or fits neither `model` nor the sounds of `spelling`.
    """
    check_readable(path)
    folder = cache_root()
    kept = None if folder is None else folder / f"{_digest(path, spelling, model)}.lexicon"
    if kept is not None and kept.exists():
        with contextlib.suppress(SpeechRnnError, KeyError):
            return _opened(kept)
    automaton = sound_automaton(spelling, read_pronunciations(path), model)
    if kept is not None:
        own = kept.with_name(f"{kept.stem}-{os.getpid()}.lexicon")  # several processes may be at it
        with contextlib.suppress(SpeechRnnError, OSError):  # a full disk: the next process makes it again
            write_container(own, {}, {name: _stored(getattr(automaton, name)) for name in ARRAYS})
            own.replace(kept)
    return automaton


def _digest(path: Path, spelling: Spelling, model: NgramModel) -> str:
    digest = hashlib.blake2b(FORMAT, digest_size=12)
    for part in (
        path.read_bytes(),
        "\n".join(spelling.numbers).encode("utf-8"),
        np.ascontiguousarray(model.words.arrays.letters).data,
        np.ascontiguousarray(model.words.arrays.offsets).data,
        np.ascontiguousarray(model.tables.first_log_probs).data,
    ):
        digest.update(hashlib.blake2b(part).digest())
    return digest.hexdigest()


def _stored(array: NDArray[Any]) -> NDArray[Any]:
    """Return `array` as a container takes it: truth as bytes."""
    return array.view(np.uint8) if array.dtype == np.bool_ else array


def _opened(kept: Path) -> Automaton:
    arrays = open_container(kept).arrays
    arrays = {name: arrays[name] for name in ARRAYS} | {"final": arrays["final"].view(np.bool_)}
    for array in arrays.values():
        array.setflags(write=False)
    return Automaton(closed=True, stray=len(arrays["word"]) - 1, **arrays)
