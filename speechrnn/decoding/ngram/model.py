"""`NgramModel`: what a decoder opens, whoever made the language model.

It holds the automaton and the vocabulary. A compiled search takes `model.tables`, starts every hypothesis in
`model.begin_state`, scores word after word, and the word `END` last:

    log_prob, state = score(tables, state, word)     # natural logarithm; a state is one int

Words outside the vocabulary have the number `UNKNOWN` (0). What the model's symbols are, words or the
characters or pieces that words are written with, is recorded in the file.
"""

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from numpy.typing import NDArray

from speechrnn.compiled import cache_root
from speechrnn.decoding.ngram.arpa_reading import read_arpa, warn_in_python
from speechrnn.decoding.ngram.automaton import ScoringTables, automaton, backoff_model, score
from speechrnn.decoding.ngram.backoff_model import BackoffModel
from speechrnn.decoding.ngram.container import is_container, open_container, write_container
from speechrnn.decoding.ngram.packed import is_packed, read_packed
from speechrnn.decoding.ngram.text_blocks import Units, symbols
from speechrnn.decoding.ngram.word_table import BEGIN, END, WordArrays, WordTable
from speechrnn.errors import SpeechRnnError


@dataclass(frozen=True)
class NgramModel:
    """A language model ready for look-ups.

    tables: the automaton; words: the vocabulary; counts: the numbers of n-grams by order; units: what the
    symbols are.
    """

    tables: ScoringTables
    words: WordTable
    counts: tuple[int, ...]
    units: Units

    @classmethod
    def build(cls, model: BackoffModel, units: Units = "words") -> "NgramModel":
        """Return `model` ready for look-ups."""
        words = WordTable.over(model.words.trimmed())
        return cls(_read_only(automaton(model)), words, tuple(len(order) for order in model.orders), units)

    @classmethod
    def open(cls, path: Path, warn: Callable[[str], None] = warn_in_python) -> "NgramModel":
        """Return the model in `path`: at once if it was saved by `save`, after reading it all if it is ARPA.

        A packed file is unpacked when it is first opened, which stderr is told. `warn` is called for what
        had to be mended in an ARPA file (`read_arpa`), whose symbols are taken to be words. Raises
        SpeechRnnError if the file is none of these, or is damaged.
        """
        if is_packed(path):
            return cls._unpacked(path)
        if not is_container(path):
            return cls.build(read_arpa(path, warn))
        return cls._mapped(path)

    @classmethod
    def _unpacked(cls, path: Path) -> "NgramModel":
        """Return the model in the packed file `path`, kept unpacked in the folder of compiled code."""
        folder = cache_root()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        kept = None if folder is None else folder / f"{digest}.ngram"
        if kept is not None and kept.exists():
            with contextlib.suppress(SpeechRnnError):
                return cls._mapped(kept)
        place = f"kept in {folder} for the next time" if kept else "no folder to keep it in can be written"
        print(f"speechrnn: unpacking {path.name} ({place}) ...", file=sys.stderr, flush=True)
        model = cls.build(*read_packed(path))
        if kept is not None:
            own = kept.with_name(f"{digest}-{os.getpid()}.ngram")  # several processes may be at it
            with contextlib.suppress(SpeechRnnError, OSError):  # a full disk: the next process unpacks again
                model.save(own)
                own.replace(kept)
        return model

    @classmethod
    def _mapped(cls, path: Path) -> "NgramModel":
        """Return the model that `save` wrote to `path`."""
        container = open_container(path)
        try:
            tables = ScoringTables(*(container.arrays[name] for name in ScoringTables._fields))
            arrays = WordArrays(*(container.arrays[name] for name in WordArrays._fields))
            counts, units = tuple(container.facts["counts"]), container.facts["units"]
        except (KeyError, TypeError) as error:
            raise SpeechRnnError(f"{path}: lacks a part of a language model; make it again") from error
        model = cls(_read_only(tables), WordTable.over(arrays), counts, units)
        if not model._fits_together():
            raise SpeechRnnError(f"{path}: holds parts that do not fit together; make it again")
        return model

    def save(self, path: Path) -> None:
        """Write the model to `path` so that `open` maps it into memory."""
        facts = {"counts": self.counts, "units": self.units}
        arrays: dict[str, NDArray[Any]] = {**self.tables._asdict(), **self.words.arrays._asdict()}
        write_container(path, facts, arrays)

    def backoff_model(self) -> BackoffModel:
        """Return the n-grams of the model, for writing them as ARPA."""
        return backoff_model(self.tables, self.words, self.counts)

    @property
    def order(self) -> int:
        """The number of words of the longest n-grams."""
        return len(self.counts)

    @property
    def begin_state(self) -> int:
        """The state at the start of a sentence."""
        return int(self.tables.first_states[BEGIN])

    def log_prob(self, sentence: str) -> float:
        """Return the natural logarithm of the probability of `sentence` and of its end.

        Words stand between white space; a model of characters takes the sentence as it is written.
        """
        (spelled,) = symbols([sentence.encode("utf-8")], self.units)
        total = 0.0
        state = self.begin_state
        for word in (*map(self.words.number, spelled.decode("utf-8").split()), END):
            log_prob, state = score(self.tables, state, word)
            total += log_prob
        return total

    def _fits_together(self) -> bool:
        """Return whether sizes and facts agree with each other."""
        words = len(self.words)
        tables, arrays = self.tables, self.words.arrays
        return (
            self.units in get_args(Units)
            and self.counts[:1] == (words,)
            and tables.arcs.shape[1:] == (4,)
            and len(tables.arcs) > sum(self.counts[1:])
            and len(tables.seen) > 0
            and tables.first_log_probs.shape == tables.first_states.shape == (words,)
            and tables.backoffs.shape == tables.shorter.shape == (1 + sum(self.counts[:-1]),)
            and arrays.letters.shape == (int(arrays.offsets[-1]),)
            and len(arrays.slots) > words
            and len(arrays.slots).bit_count() == 1
        )


def _read_only(tables: ScoringTables) -> ScoringTables:
    """Return `tables` with arrays that cannot be written: one type for compiled code, mapped or not."""
    for array in tables:
        array.flags.writeable = False
    return tables
