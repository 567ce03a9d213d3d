"""An n-gram model made ready for one vocabulary: its words as an automaton, its scores, its look-ahead."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechrnn.decoding.beam.automaton import NO_WORD, Automaton, best_below, tree
from speechrnn.decoding.beam.scorer import Scorer
from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.decoding.beam.spelling import SpelledWords, Spelling
from speechrnn.decoding.ngram.automaton import ScoringTables
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.decoding.ngram.word_table import SPECIAL_WORDS, UNKNOWN
from speechrnn.errors import SpeechRnnError
from speechrnn.text import WORD_BOUNDARY


def open_vocabulary(model: NgramModel | None, spelling: Spelling) -> Automaton:
    """Return the automaton in which every word may be written, and the words of `model` are known.

    Raises SpeechRnnError where the words of the model cannot be written with the vocabulary.
    """
    if model is None or model.units != "words":
        return tree(
            SpelledWords(np.empty(0, np.int32), np.zeros(1, np.int64)), np.empty(0, np.int32), closed=False
        )
    first = len(SPECIAL_WORDS)
    table = model.words.arrays
    spelled = spelling.spell_utf8(table.letters, table.offsets[first:])
    is_kept = spelled.writable
    _refuse_other_case(
        float(is_kept.mean()) if len(is_kept) else 1.0,
        lambda case: float(spelling.spell(list(map(case, model.words.words()[first:]))).writable.mean()),
    )
    return tree(spelled.only(is_kept), (np.flatnonzero(is_kept) + first).astype(np.int32), closed=False)


def scorer(
    model: NgramModel | None, settings: BeamSettings, automaton: Automaton, spelling: Spelling
) -> Scorer:
    """Return `model` and the settings as the search takes them. Raises SpeechRnnError where nothing fits."""
    per_word = model is not None and model.units == "words"
    return Scorer(
        per_word=per_word,
        per_token=model is not None and not per_word,
        weight=settings.lm_weight,
        word_bonus=settings.word_bonus,
        unknown_word=settings.unknown_word,
        token_words=_read_only(_token_words(model, spelling)),
        ahead=_read_only(_look_ahead(model if per_word else None, settings, automaton)),
        ngram=model.tables if model is not None else _no_tables(),
        start=model.begin_state if model is not None else 0,
    )


def _look_ahead(
    model: NgramModel | None, settings: BeamSettings, automaton: Automaton
) -> NDArray[np.float64]:
    """Return what the best word that can still be written earns by itself: float64 `[states]`."""
    is_end = automaton.word != NO_WORD
    ahead = np.where(is_end, settings.word_bonus, -np.inf)
    unknown = settings.word_bonus
    if model is not None:
        unigrams = settings.lm_weight * model.tables.first_log_probs.astype(np.float64)
        unigrams[UNKNOWN] += settings.unknown_word
        ahead[is_end] += unigrams[automaton.word[is_end]]
        unknown += unigrams[UNKNOWN]
    if model is not None and len(automaton.said):
        of_words = settings.word_bonus + unigrams[automaton.said]
        states = np.repeat(np.arange(len(ahead)), np.diff(automaton.said_from))
        np.maximum.at(ahead, states, of_words)
    best_below(automaton, ahead)
    if not automaton.closed:
        return np.maximum(ahead, unknown)
    # Where nothing can follow but the end of the sentence, nothing is missing.
    return np.where(ahead == -np.inf, 0.0, ahead)


def _token_words(model: NgramModel | None, spelling: Spelling) -> NDArray[np.int32]:
    """Return the number in a token n-gram of each token of the vocabulary: int32 `[tokens]`."""
    symbols = spelling.vocabulary.symbols
    if model is None or model.units == "words":
        return np.zeros(len(symbols), np.int32)
    names = [WORD_BOUNDARY if symbol.isspace() else symbol for symbol in symbols[1:]]
    known = _share_of(names, {*model.words.words()})
    _refuse_other_case(known, lambda case: _share_of(names, set(map(case, model.words.words()))))
    if not known:
        raise SpeechRnnError(
            f"language model: knows none of the {len(names)} tokens of the vocabulary, such as {names[:5]};"
            " train it on text in these units"
        )
    return np.array([UNKNOWN, *map(model.words.number, names)], np.int32)


def _share_of(names: list[str], known: set[str]) -> float:
    return sum(name in known for name in names) / max(1, len(names))


def _refuse_other_case(share: float, share_in: Callable[[Callable[[str], str]], float]) -> None:
    """Raise SpeechRnnError where little of the model fits (`share`), but more of it in another case."""
    if share >= 0.5:
        return
    if share_in(str.lower) > max(0.5, share):
        raise SpeechRnnError(
            "language model: is in upper case, the vocabulary of the model in lower case; convert it with:"
            " speechrnn lm convert --lower"
        )
    if share_in(str.upper) > max(0.5, share):
        raise SpeechRnnError(
            "language model: is in lower case, the vocabulary of the model in upper case; train it on text in"
            " upper case, since speechrnn lm convert --lower helps only a vocabulary in lower case"
        )


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return `array` as what the tables of a model are, so that compiled code sees one type."""
    array.setflags(write=False)
    return array


def _no_tables() -> ScoringTables:
    """Return tables that are there only to have the right types."""
    arrays: tuple[NDArray[Any], ...] = (
        np.zeros((1, 4), np.int32),
        np.zeros(1, np.float32),
        np.zeros(1, np.int32),
        np.zeros(1, np.float32),
        np.zeros(1, np.int32),
        np.zeros(1, np.uint8),
    )
    return ScoringTables(*map(_read_only, arrays))
