import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch import Tensor, nn

from speechrnn.training.optimisation.muon import BLOCK, Muon, in_blocks, orthogonaliser
from tests.reference import orthogonal as reference


def random_matrix(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def stepped(weights: Tensor, gradients: list[Tensor], rate: float = 0.1, weight_decay: float = 0.0) -> Tensor:
    matrix = nn.Parameter(weights.clone())
    muon = Muon([matrix], rate, weight_decay)
    for gradient in gradients:
        matrix.grad = gradient.clone()
        muon.step()
    return matrix.detach()


@given(st.integers(1, 5), st.integers(1, 64), st.integers(0, 100), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_singular_values_become_one_and_singular_vectors_stay(
    blocks: int, rows: int, more: int, seed: int
) -> None:
    columns = rows + more
    left, _ = torch.linalg.qr(random_matrix(seed, blocks, rows, rows))
    right, _ = torch.linalg.qr(random_matrix(seed + 1, blocks, columns, rows))
    values = torch.rand(blocks, rows, generator=torch.Generator().manual_seed(seed)) * 0.95 + 0.05
    given = left * values[:, None] @ right.mT
    found = orthogonaliser(given) @ given
    along = left.mT @ found @ right  # diagonal, where singular vectors are the same
    diagonal = torch.diagonal(along, dim1=1, dim2=2)
    assert diagonal.min() > 0.96
    assert diagonal.max() < 1.16
    torch.testing.assert_close(along, torch.diag_embed(diagonal), atol=2e-3, rtol=0)


@given(st.integers(1, 200), st.integers(1, 100))
@settings(max_examples=60, deadline=None)
def test_blocks_are_all_rows_in_order(rows: int, columns: int) -> None:
    matrix = random_matrix(0, rows, columns)
    found = [block for blocks in in_blocks(matrix) for block in blocks]
    expected = torch.split(matrix, min(BLOCK, columns))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)
        assert one.data_ptr() == other.data_ptr()


@given(st.integers(1, 150), st.integers(1, 100), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_steps_are_those_of_singular_value_decompositions(rows: int, columns: int, seed: int) -> None:
    weights = random_matrix(seed, rows, columns)
    gradients = [random_matrix(seed + n, rows, columns) for n in range(1, 4)]
    expected = reference.muon(
        weights.double().numpy(), [g.double().numpy() for g in gradients], 0.1, 0.5, min(BLOCK, columns)
    )
    moved = stepped(weights, gradients, rate=0.1, weight_decay=0.5).numpy() - weights.numpy()
    # Singular values differ by up to 0.15 from 1, those of nearly singular blocks by more.
    assert np.linalg.norm(moved - (expected - weights.numpy())) < 0.2 * np.linalg.norm(moved)


def test_the_direction_of_one_block_is_that_of_pytorchs_muon() -> None:
    weights, gradient = torch.zeros(BLOCK, 80), random_matrix(0, BLOCK, 80)
    matrix = nn.Parameter(weights.clone())
    theirs = torch.optim.Muon([matrix], lr=0.1, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    matrix.grad = gradient.clone()
    theirs.step()
    ours = stepped(weights, [gradient])
    likeness = torch.cosine_similarity(ours.flatten(), matrix.detach().flatten(), dim=0)
    assert likeness > 0.98
    assert 0.8 < float(ours.norm() / matrix.detach().norm()) < 1.25


def test_a_step_has_a_fifth_of_the_rate_for_its_size_whatever_the_gradients() -> None:
    gradient = random_matrix(0, 128, 100)
    large, small = (stepped(torch.zeros(128, 100), [scale * gradient]) for scale in (1e4, 1e-6))
    torch.testing.assert_close(large, small, atol=1e-4, rtol=1e-3)
    assert float(large.square().mean().sqrt()) == pytest.approx(0.2 * 0.1, rel=0.1)


def test_without_gradient_weights_stay() -> None:
    weights = random_matrix(0, 70, 30)
    assert torch.equal(stepped(weights, [torch.zeros(70, 30)]), weights)


def test_going_on_from_a_saved_state_changes_nothing() -> None:
    weights = random_matrix(0, 20, 30)
    gradients = [random_matrix(n, 20, 30) for n in range(4)]
    matrix = nn.Parameter(stepped(weights, gradients[:2]))
    before, after = (Muon([nn.Parameter(weights.clone())], 0.1, 0.0), Muon([matrix], 0.1, 0.0))
    for gradient in gradients[:2]:
        before.param_groups[0]["params"][0].grad = gradient.clone()
        before.step()
    after.load_state_dict(before.state_dict())
    for gradient in gradients[2:]:
        matrix.grad = gradient.clone()
        after.step()
    assert torch.equal(matrix.detach(), stepped(weights, gradients))
