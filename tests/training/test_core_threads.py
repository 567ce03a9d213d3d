"""Threads that compute side by side: one core for each, and no time for what rounds to nothing."""

import pytest

torch = pytest.importorskip("torch")

from speechrnn.training.core_threads import core_threads


def smallest_product():
    """1e-41, which float32 can only hold with less than its precision; [9]."""
    return torch.full((9,), 1e-38) * torch.full((9,), 1e-3)


def test_what_is_too_small_for_full_precision_is_zero_in_them_and_nowhere_else():
    with core_threads(2) as threads:
        found = [thread.result() for thread in [threads.submit(smallest_product) for _ in range(4)]]
    assert all(product.eq(0).all() for product in found)
    assert smallest_product().gt(0).all()


def test_they_use_one_core_each_and_leave_the_others_theirs():
    before = torch.get_num_threads()
    with core_threads(3) as threads:
        assert threads.submit(torch.get_num_threads).result() == 1
    assert torch.get_num_threads() == before
