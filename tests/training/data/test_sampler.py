import re
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.errors import SpeechRnnError
from speechrnn.training.data.sampler import check_room, fill, padding_share, plan_epoch
from tests.reference import batching

RATE = 10  # samples a second: small numbers, the same arithmetic

lengths_of_utterances = st.one_of(
    st.lists(st.integers(1, 300), min_size=1, max_size=60),
    st.lists(st.integers(90, 100), min_size=20, max_size=60),
).map(np.array)
budgets = st.integers(1, 3000)
seeds = st.integers(0, 2**32)


@given(lengths_of_utterances, budgets, seeds, st.integers(0, 99), st.integers(1, 5))
@settings(max_examples=100, deadline=None)
def test_all_ranks_together_see_every_utterance_exactly_once(lengths, budget, seed, epoch, ranks):
    plan = plan_epoch(lengths, budget, seed, epoch)
    shares = [plan.share(rank, ranks) for rank in range(ranks)]
    seen = np.concatenate([rows for share in shares for rows in share])
    assert sorted(seen) == list(range(len(lengths)))


@given(lengths_of_utterances, budgets, seeds, st.integers(1, 5))
@settings(max_examples=100, deadline=None)
def test_ranks_split_the_batches_that_one_process_would_see(lengths, budget, seed, ranks):
    plan = plan_epoch(lengths, budget, seed, 0)
    for number, batch in enumerate(plan.batches):
        parts = [plan.share(rank, ranks)[number] for rank in range(ranks)]
        assert sorted(np.concatenate(parts)) == sorted(batch)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(lengths_of_utterances, budgets, seeds)
@settings(max_examples=100, deadline=None)
def test_no_batch_exceeds_its_budget_unless_it_is_one_utterance(lengths, budget, seed):
    for batch in plan_epoch(lengths, budget, seed, 0).batches:
        assert len(batch) == 1 or lengths[batch].max() * len(batch) <= budget
        assert list(lengths[batch]) == sorted(lengths[batch], reverse=True)


@given(lengths_of_utterances, budgets)
@settings(max_examples=100, deadline=None)
def test_batches_are_filled_as_the_slow_way_fills_them(lengths, budget):
    order = np.argsort(-lengths, kind="stable")
    batches = [list(batch) for batch in fill(order, lengths, budget)]
    expected = batching.cut(order, lengths, budget)
    assert batches[:-2] == expected[:-2]
    assert list(chain(*batches[-2:])) == list(chain(*expected[-2:]))


@given(lengths_of_utterances, budgets, seeds)
@settings(max_examples=100, deadline=None)
def test_two_cores_share_all_batches_but_the_last_ones_evenly(lengths, budget, seed):
    sizes = sorted(len(batch) for batch in plan_epoch(lengths, budget, seed, 0).batches)
    assert sum(size % 2 for size in sizes if size > 1) <= 2


@given(lengths_of_utterances, budgets, seeds)
@settings(max_examples=50, deadline=None)
def test_padding_is_counted_as_the_zeros_in_the_tables(lengths, budget, seed):
    plan = plan_epoch(lengths, budget, seed, 0)
    assert plan.padding == pytest.approx(batching.padding_share(plan.batches, lengths))
    assert padding_share(plan.batches, lengths) == plan.padding


def test_the_order_depends_on_seed_and_epoch_alone():
    lengths = np.random.default_rng(0).integers(10, 200, 100)

    def order(seed, epoch):
        return [list(batch) for batch in plan_epoch(lengths, 2000, seed, epoch).batches]

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)
    assert {frozenset(batch) for batch in order(1, 2)} != {frozenset(batch) for batch in order(1, 3)}


def test_batches_of_all_lengths_are_spread_over_the_epoch():
    lengths = np.arange(1, 1001)
    longest = [lengths[batch].max() for batch in plan_epoch(lengths, 5000, 0, 0).batches]
    halves = np.mean(longest[: len(longest) // 2]), np.mean(longest[len(longest) // 2 :])
    assert max(halves) < 2 * min(halves)


@given(st.lists(st.integers(1, 300), min_size=5, max_size=60).map(np.array), st.integers(2, 5), seeds)
@settings(max_examples=200, deadline=None)
def test_with_the_least_room_that_is_allowed_every_rank_has_a_row_of_every_batch(lengths, ranks, seed):
    budget = next(n for n in range(1, 9999) if has_room(lengths, n, ranks))
    plan = plan_epoch(lengths, budget, seed, 0)
    assert all(len(rows) > 0 for rank in range(ranks) for rows in plan.share(rank, ranks))


def has_room(lengths, budget, ranks):
    try:
        check_room(lengths, budget, ranks, RATE)
    except SpeechRnnError:
        return False
    return True


@pytest.mark.parametrize(
    ("utterances", "budget", "message"),
    [
        (3, 1000, "training set: 3 utterances are too few for 4 processes; start fewer"),
        (
            9,
            1000,
            "--batching.seconds 100 is too little for 4 processes: each needs room for two of the longest "
            "utterances; give 160 or more",
        ),
    ],
)
def test_too_little_for_many_processes_is_said_with_the_cure(utterances, budget, message):
    with pytest.raises(SpeechRnnError, match=re.escape(message)):
        check_room(np.full(utterances, 200), budget, 4, RATE)


def test_one_process_can_train_on_one_utterance_longer_than_the_budget():
    check_room(np.array([500]), 100, 1, RATE)
    assert [list(batch) for batch in plan_epoch(np.array([500]), 100, 0, 0).batches] == [[0]]
