"""The hash table of arcs: finds what was put in, and nothing else."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.decoding.ngram.arc_table import empty_arcs, filter_of, find_arc, may_hold

keys = st.tuples(st.integers(1, 2**31 - 1), st.integers(0, 2**31 - 1))


def filled(arcs):
    table = empty_arcs(len(arcs))
    for number, (state, word) in enumerate(arcs):
        table[-1 - find_arc(table, state, word)] = (state, word, 0, number)
    return table


@settings(deadline=None, max_examples=60)
@given(arcs=st.lists(keys, unique=True, max_size=60), others=st.lists(keys, max_size=30))
def test_what_was_put_in_is_found_and_passes_the_filter(arcs, others):
    table = filled(arcs)
    bits = filter_of(table)
    for number, (state, word) in enumerate(arcs):
        assert table[find_arc(table, state, word), 3] == number
        assert may_hold(bits, state, word)
    for state, word in set(others) - set(arcs):
        assert find_arc(table, state, word) < 0


def test_the_filter_keeps_most_of_what_is_not_there_out():
    arcs = np.random.default_rng(0).integers(1, 1_000_000, (5000, 2)).tolist()
    bits = filter_of(filled(list({tuple(arc) for arc in arcs[:2500]})))
    let_through = sum(may_hold(bits, state, word) for state, word in arcs[2500:])
    assert let_through < 500
