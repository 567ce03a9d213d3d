"""An n-gram model as an automaton, and `score`: the look-up that a compiled beam search makes.

A *state* is a history cut to what matters: the longest ending of it that the model knows as a context. A
search carries that one number per hypothesis. `score(tables, state, word)` follows the arc of the word, or
backs off: it takes the state's weight and falls to the next shorter context (Mohri, Pereira and Riley 2002
call these failure transitions). State 0 is the empty history, which has an arc for every word, so the walk
ends.

Sizes: slots and bytes (`arc_table`), states, words. Logarithms are natural here, as everywhere in decoding.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled, compiled_in_place
from speechrnn.decoding.ngram.arc_table import empty_arcs, filter_of, find_arc, may_hold
from speechrnn.decoding.ngram.backoff_model import BackoffModel, NgramOrder
from speechrnn.decoding.ngram.word_table import WordTable

EMPTY_HISTORY = 0
LN_10 = math.log(10.0)


class ScoringTables(NamedTuple):
    """The automaton as compiled code takes it.

    arcs: int32 `[slots, 4]`, the arcs of all other states than the empty history (`arc_table`);
    first_log_probs: float32 `[words]` and first_states: int32 `[words]`, the arcs of the empty history;
    backoffs: float32 `[states]`, logarithms of back-off weights; shorter: int32 `[states]`, the states to
    fall back to; seen: uint8 `[bytes]`, the filter of the arcs.
    """

    arcs: NDArray[np.int32]
    first_log_probs: NDArray[np.float32]
    first_states: NDArray[np.int32]
    backoffs: NDArray[np.float32]
    shorter: NDArray[np.int32]
    seen: NDArray[np.uint8]


@compiled_in_place
def score(tables: ScoringTables, state: int, word: int) -> tuple[float, int]:
    """Return the natural logarithm of the probability of `word` after `state`, and the state after it."""
    log_prob = 0.0
    while state != EMPTY_HISTORY:
        slot = find_arc(tables.arcs, state, word) if may_hold(tables.seen, state, word) else -1
        if slot >= 0:
            return log_prob + _log_prob(tables.arcs[slot, 2]), int(tables.arcs[slot, 3])
        log_prob += tables.backoffs[state]
        state = int(tables.shorter[state])
    return log_prob + float(tables.first_log_probs[word]), int(tables.first_states[word])


@compiled_in_place
def _log_prob(bits: np.int32) -> float:
    """Return the float32 number that `bits` are."""
    return float(np.int32(bits).view(np.float32))


def automaton(model: BackoffModel) -> ScoringTables:
    """Return the automaton of `model`.

    N-grams are numbered from 1 through all orders; that is the number of a state if the n-gram is one. An
    n-gram that nothing follows and that has no back-off weight is no state: its arc leads to its longest
    ending that is one.
    """
    counts = [len(ngrams) for ngrams in model.orders]
    starts = np.concatenate(([0, 1], 1 + np.cumsum(counts)))  # of order 0, 1, ... in the numbering
    is_state = np.zeros(starts[-1], np.bool_)
    is_state[EMPTY_HISTORY] = True
    backoffs = np.zeros(starts[-2], np.float32)
    for order, ngrams in enumerate(model.orders, start=1):
        is_state[starts[order - 1] + ngrams.contexts] = True
        if order < len(model.orders):
            backoffs[starts[order] : starts[order + 1]] = ngrams.log10_backoffs * np.float32(LN_10)
    is_state[: len(backoffs)] |= backoffs != 0

    unigrams = np.arange(1, 1 + counts[0], dtype=np.int32)
    tables = ScoringTables(
        arcs=empty_arcs(sum(counts[1:])),
        first_log_probs=model.orders[0].log10_probs * np.float32(LN_10),
        first_states=np.where(is_state[unigrams], unigrams, EMPTY_HISTORY).astype(np.int32),
        backoffs=backoffs,
        shorter=np.zeros(len(backoffs), np.int32),
        seen=np.zeros(1, np.uint8),  # until all arcs are there
    )
    for order, ngrams in enumerate(model.orders[1:], start=2):
        _add_arcs(
            tables,
            (starts[order - 1] + ngrams.contexts).astype(np.int32),
            ngrams.words,
            ngrams.log10_probs * np.float32(LN_10),
            int(starts[order]),
            is_state,
        )
    return tables._replace(seen=filter_of(tables.arcs))


@compiled
def _add_arcs(
    tables: ScoringTables,
    states: NDArray[np.int32],
    words: NDArray[np.int32],
    log_probs: NDArray[np.float32],
    start: int,
    is_state: NDArray[np.bool_],
) -> None:
    """Add the n-grams of one order, numbered from `start`, as arcs from `states`; lower orders are there."""
    for row in range(len(words)):
        # Its longest proper ending that is a state: where the word leads from shorter and shorter contexts.
        context = tables.shorter[states[row]]
        ending = tables.first_states[words[row]]
        while context != EMPTY_HISTORY:
            slot = find_arc(tables.arcs, context, words[row])
            if slot >= 0:
                ending = tables.arcs[slot, 3]
                break
            context = tables.shorter[context]
        ngram = start + row
        if ngram < len(tables.shorter):
            tables.shorter[ngram] = ending
        slot = -1 - find_arc(tables.arcs, states[row], words[row])
        tables.arcs[slot, 0] = states[row]
        tables.arcs[slot, 1] = words[row]
        tables.arcs[slot, 2] = np.float32(log_probs[row]).view(np.int32)
        tables.arcs[slot, 3] = ngram if is_state[ngram] else ending


def backoff_model(tables: ScoringTables, words: WordTable, counts: tuple[int, ...]) -> BackoffModel:
    """Return the model whose automaton `tables` is; `counts` are its numbers of n-grams by order.

    N-grams that are no states come in any order: their numbers are not kept.
    """
    first_log10 = tables.first_log_probs / np.float32(LN_10)
    unigrams = np.arange(counts[0], dtype=np.int32)
    orders = [
        NgramOrder(
            np.zeros_like(unigrams), unigrams, first_log10, _weights(tables, 1, counts[0], len(counts) > 1)
        )
    ]
    start = 1 + counts[0]  # number of the first n-gram of the order
    context_start = 1
    for order, count in enumerate(counts[1:], start=2):
        arcs = tables.arcs[(tables.arcs[:, 0] >= context_start) & (tables.arcs[:, 0] < start)]
        is_state = (arcs[:, 3] >= start) & (arcs[:, 3] < start + count)
        rows = np.empty(count, np.int64)
        rows[is_state] = arcs[is_state, 3] - start
        is_taken = np.zeros(count, np.bool_)
        is_taken[rows[is_state]] = True
        rows[~is_state] = np.flatnonzero(~is_taken)
        arcs = arcs[np.argsort(rows)]
        orders.append(
            NgramOrder(
                contexts=arcs[:, 0] - np.int32(context_start),
                words=arcs[:, 1].copy(),
                log10_probs=arcs[:, 2].copy().view(np.float32) / np.float32(LN_10),
                log10_backoffs=_weights(tables, start, count, order < len(counts)),
            )
        )
        context_start, start = start, start + count
    return BackoffModel(words, tuple(orders))


def _weights(tables: ScoringTables, start: int, count: int, has_weights: bool) -> Any:
    """Return the back-off weights in base 10 of the n-grams numbered from `start`; 0 in the highest order."""
    if not has_weights:
        return np.zeros(count, np.float32)
    return tables.backoffs[start : start + count] / np.float32(LN_10)
