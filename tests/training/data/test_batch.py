import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn.training.data.batch import Batch, Example, stack
from tests.reference.batching import padded

FIELDS = ("audio", "lengths", "targets", "target_lengths", "seeds")

examples = st.lists(
    st.builds(
        Example,
        audio=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=9).map(
            lambda samples: np.array(samples, np.float32)
        ),
        targets=st.lists(st.integers(1, 28), max_size=5),
        seed=st.integers(-(2**63), 2**63 - 1),
        id=st.text(max_size=3),
    ),
    min_size=1,
    max_size=7,
)


def assert_same(one: Batch, other: Batch) -> None:
    assert one.ids == other.ids
    for field in FIELDS:
        torch.testing.assert_close(getattr(one, field), getattr(other, field), rtol=0, atol=0)


@given(examples)
@settings(max_examples=50, deadline=None)
def test_a_batch_holds_its_examples_and_zeros(rows):
    batch = stack(rows)
    np.testing.assert_array_equal(batch.audio.numpy(), padded([row.audio for row in rows]))
    np.testing.assert_array_equal(batch.targets.numpy(), padded([row.targets for row in rows]))
    assert batch.lengths.tolist() == [len(row.audio) for row in rows]
    assert batch.target_lengths.tolist() == [len(row.targets) for row in rows]
    assert batch.seeds.tolist() == [row.seed for row in rows]
    assert batch.ids == tuple(row.id for row in rows)
    assert batch.audio.dtype == torch.float32
    assert {getattr(batch, field).dtype for field in FIELDS[1:]} == {torch.int64}


@given(examples, st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_a_piece_is_the_batch_of_its_own_rows(rows, count):
    pieces = stack(rows).pieces(count)
    assert len(pieces) == min(count, len(rows))
    sizes = [len(piece) for piece in pieces]
    assert sum(sizes) == len(rows)
    assert max(sizes) - min(sizes) <= 1
    for piece in pieces:
        expected, rows = rows[: len(piece)], rows[len(piece) :]
        assert_same(piece, stack(expected))


def test_moving_a_batch_keeps_all_of_it():
    batch = stack(
        [Example(np.ones(3, np.float32), [1, 2], 7, "a"), Example(np.ones(1, np.float32), [3], -7, "b")]
    )
    moved = batch.to("meta")
    assert {getattr(moved, field).device.type for field in FIELDS} == {"meta"}
    assert_same(batch.to("cpu"), batch)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_batch_reaches_the_gpu_from_pinned_memory_unchanged():
    batch = stack(
        [Example(np.ones(3, np.float32), [1, 2], 7, "a"), Example(np.ones(1, np.float32), [3], 8, "b")]
    )
    pinned = batch.pin_memory()
    assert pinned.audio.is_pinned()
    assert_same(pinned.to("cuda").to("cpu"), batch)
