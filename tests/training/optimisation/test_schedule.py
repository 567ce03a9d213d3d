import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.training.optimisation.schedule import rate_share

runs = st.tuples(st.integers(1, 5000), st.floats(0, 0.9))


@given(runs)
def test_the_rate_rises_in_equal_steps_to_one_and_falls_without_turning_back(run: tuple[int, float]) -> None:
    updates, warmup_share = run
    warmup = round(warmup_share * updates)
    shares = [rate_share(update, updates, warmup_share) for update in range(updates)]
    assert shares[:warmup] == pytest.approx([(n + 1) / max(1, warmup) for n in range(warmup)])
    falling = shares[warmup:]
    assert falling[:1] in ([], [1.0])
    assert all(a > b > 0 for a, b in pairwise(falling))


@given(runs)
def test_the_fall_is_half_a_cosine_that_ends_after_the_last_update(run: tuple[int, float]) -> None:
    updates, warmup_share = run
    warmup = round(warmup_share * updates)
    if warmup == updates:
        return
    middle = warmup + (updates - warmup) // 2
    angle = math.pi * (middle - warmup) / (updates - warmup)
    assert rate_share(middle, updates, warmup_share) == pytest.approx(math.cos(angle / 2) ** 2)
    assert rate_share(updates, updates, warmup_share) == 0.0
