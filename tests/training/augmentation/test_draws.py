"""Draws depend on (seed, epoch, utterance) alone, and are uniform and independent."""

import numpy as np
import pytest
import torch
from scipy import stats

from speechrnn.training.augmentation.draws import generator, uniform, utterance_seed

MASK = 2**64 - 1


def splitmix64(state: int) -> int:
    """The published algorithm's output function, in Python's integers."""
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


def many_seeds(count: int) -> torch.Tensor:
    return torch.tensor([utterance_seed(1, 2, f"utterance-{number}") for number in range(count)])


def test_every_part_of_the_key_changes_the_seed() -> None:
    seeds = {
        utterance_seed(seed, epoch, name)
        for seed in (0, 1, 12)
        for epoch in (0, 1, 23)
        for name in ("a", "b", "3/a")
    }
    assert len(seeds) == 27


def test_seeds_stay_the_same_from_release_to_release() -> None:
    assert utterance_seed(0, 0, "a") == utterance_seed(0, 0, "a")
    assert all(-(2**63) <= utterance_seed(0, epoch, "a") < 2**63 for epoch in range(100))
    assert utterance_seed(7, 3, "1272-128104-0000") == -1061821250231973480


@pytest.mark.parametrize("stream", [0, 1, 1003])
def test_uniform_is_splitmix64(stream: int) -> None:
    seeds = [0, -1, 2**63 - 1, -(2**63), 123456789]
    golden = 0x9E3779B97F4A7C15
    expected = []
    for seed in seeds:
        key = splitmix64((seed + golden * (2 * stream + 1)) & MASK)
        expected.append([(splitmix64((key + golden * place) & MASK) >> 40) / 2**24 for place in range(1, 6)])
    np.testing.assert_array_equal(uniform(torch.tensor(seeds), stream, 5).numpy(), np.float32(expected))


def test_draws_are_uniform() -> None:
    draws = uniform(many_seeds(200), 0, 500).numpy().ravel()
    assert draws.min() >= 0
    assert draws.max() < 1
    assert stats.kstest(draws, "uniform").pvalue > 0.01


def test_a_single_draw_of_consecutive_seeds_is_uniform() -> None:
    draws = uniform(torch.arange(100_000), 0, 1).numpy().ravel()
    assert stats.kstest(draws, "uniform").pvalue > 0.01


def test_streams_seeds_and_places_are_independent() -> None:
    seeds = many_seeds(20_000)
    columns = np.concatenate([uniform(seeds, stream, 3).numpy() for stream in (0, 1, 2, 1000, 1001)], axis=1)
    correlation = np.corrcoef(columns.T) - np.eye(15)
    assert np.abs(correlation).max() < 5 / np.sqrt(20_000)
    neighbours = np.corrcoef(columns[:-1, 0], columns[1:, 0])[0, 1]
    assert abs(neighbours) < 5 / np.sqrt(20_000)


def test_draws_do_not_depend_on_the_batch() -> None:
    seeds = many_seeds(7)
    whole = uniform(seeds, 3, 11)
    for row in range(7):
        assert torch.equal(uniform(seeds[row : row + 1], 3, 11)[0], whole[row])


def test_more_draws_continue_the_same_sequence() -> None:
    seeds = many_seeds(4)
    assert torch.equal(uniform(seeds, 0, 100)[:, :10], uniform(seeds, 0, 10))


def test_a_generator_repeats_itself() -> None:
    seed = utterance_seed(0, 5, "a")
    assert np.array_equal(generator(seed).standard_normal(8), generator(seed).standard_normal(8))
    other = generator(utterance_seed(0, 6, "a"))
    assert not np.array_equal(generator(seed).standard_normal(8), other.standard_normal(8))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_draws_the_same_numbers() -> None:
    seeds = many_seeds(50)
    assert torch.equal(uniform(seeds.cuda(), 4, 64).cpu(), uniform(seeds, 4, 64))
