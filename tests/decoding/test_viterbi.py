"""The best path is the best of all paths, whatever the size of the blocks it is found in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.decoding.viterbi import best_path, block_frames
from tests.reference import ctc


def random_log_probs(seed: int, frames: int, tokens: int, spread: float = 2.0) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(0, spread, (frames, tokens))
    return (logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).astype(np.float32)


def written(found, tokens) -> tuple[int, ...]:
    """The token of each frame, 0 for blank."""
    return tuple(0 if place < 0 else int(tokens[place]) for place in found.positions)


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 7),
    st.lists(st.integers(1, 2), max_size=5),
    st.sampled_from([None, 1, 2, 3]),
)
def test_it_is_the_best_of_all_paths(seed, frames, labels, block):
    log_probs = random_log_probs(seed, frames, 3)
    wanted = ctc.best_path(log_probs.astype(np.float64), tuple(labels))
    found = best_path(log_probs, np.array(labels, np.int64), block)
    if wanted is None:
        assert found.score == -np.inf
        return
    assert found.score == pytest.approx(ctc.path_score(log_probs.astype(np.float64), wanted))
    assert written(found, labels) == wanted


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.floats(0, 1), st.integers(1, 60))
def test_blocks_change_nothing(seed, frames, share, block):
    log_probs = random_log_probs(seed, frames, 5)
    tokens = np.random.default_rng(seed).integers(1, 5, int(share * frames))
    whole, in_blocks = best_path(log_probs, tokens, frames), best_path(log_probs, tokens, block)
    assert in_blocks.score == whole.score
    assert list(in_blocks.positions) == list(whole.positions)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 300), st.floats(0.1, 0.6))
def test_the_path_writes_the_tokens_and_has_the_score(seed, frames, share):
    log_probs = random_log_probs(seed, frames, 6)
    tokens = np.random.default_rng(seed).integers(1, 6, int(share * frames))
    found = best_path(log_probs, tokens)
    if found.score > -np.inf:
        path = written(found, tokens)
        assert ctc.collapse(path) == tuple(tokens)
        assert ctc.path_score(log_probs.astype(np.float64), path) == pytest.approx(found.score)


def test_equal_neighbours_need_a_blank_between_them():
    log_probs = np.log(np.full((3, 2), 0.5, np.float32))
    assert list(best_path(log_probs, np.array([1, 1])).positions) == [0, -1, 1]
    assert best_path(log_probs[:2], np.array([1, 1])).score == -np.inf


def test_what_the_network_excludes_is_not_written():
    log_probs = np.array([[0.0, -np.inf], [-np.inf, 0.0], [0.0, -np.inf]], np.float32)
    assert list(best_path(log_probs, np.array([1])).positions) == [-1, 0, -1]
    assert best_path(log_probs, np.array([1, 1])).score == -np.inf


def test_no_tokens_are_all_blank_and_no_frames_hold_no_tokens():
    log_probs = random_log_probs(0, 4, 3)
    silent = best_path(log_probs, np.zeros(0, np.int64))
    assert list(silent.positions) == [-1] * 4
    assert silent.score == pytest.approx(float(log_probs[:, 0].sum()))
    assert best_path(log_probs[:0], np.zeros(0, np.int64)).score == 0
    assert best_path(log_probs[:0], np.array([1])).score == -np.inf


def test_an_hour_is_kept_in_tens_of_megabytes():
    frames, tokens = 120_000, 50_000
    block = block_frames(frames, tokens)
    saved, pointers = 16 * tokens * frames / block, block * block
    assert saved + pointers < 50e6


@pytest.mark.gpu
def test_it_is_the_path_of_torchaudio():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    try:
        from torchaudio.functional import forced_align

        torch.ops.torchaudio.forced_align  # noqa: B018 - loaded with the compiled half
    except (ImportError, OSError, AttributeError) as error:
        pytest.skip(f"torchaudio's compiled half does not load here: {error}")
    for seed in range(20):
        log_probs = random_log_probs(seed, 50 + 10 * seed, 30)
        tokens = np.random.default_rng(seed).integers(1, 30, 5 + 4 * seed)
        paths, scores = forced_align(
            torch.tensor(log_probs)[None], torch.tensor(tokens, dtype=torch.int32)[None]
        )
        found = best_path(log_probs, tokens)
        assert found.score == pytest.approx(float(scores.sum()), rel=1e-5)
        assert written(found, tokens) == tuple(paths[0].tolist())
