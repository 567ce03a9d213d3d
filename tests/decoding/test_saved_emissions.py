"""Saved log-probabilities come back as they were, and files of other kinds are refused by name."""

import contextlib

import numpy as np
import pytest

from speechrnn.decoding.saved_emissions import load_emissions, save_emissions
from speechrnn.errors import SpeechRnnError
from speechrnn.text import BLANK, Vocabulary

VOCABULARY = Vocabulary("bpe", (BLANK, "▁a", "é"))
ARRAYS = {
    "one/two": np.float32([[0.0, -np.inf, -np.inf], [-1.0, -0.7, -3.5]]),
    "file": np.zeros((0, 3), np.float32),
}


def test_what_was_saved_comes_back(tmp_path):
    save_emissions(tmp_path / "e.npz", ARRAYS, VOCABULARY)
    loaded = load_emissions(tmp_path / "e.npz")
    assert loaded.vocabulary == VOCABULARY
    assert loaded.log_probs.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(loaded.log_probs[name], array)
    assert [path.name for path in tmp_path.iterdir()] == ["e.npz"]


def test_arrays_from_elsewhere_have_no_vocabulary_and_become_float32(tmp_path):
    np.savez_compressed(tmp_path / "theirs.npz", a=np.float16([[-0.5, -1.0]]))
    loaded = load_emissions(tmp_path / "theirs.npz")
    assert loaded.vocabulary is None
    assert loaded.log_probs["a"].dtype == np.float32
    assert loaded.log_probs["a"].tolist() == [[-0.5, -1.0]]


def contents():
    """Files that are no emissions, each with what is said about it."""
    yield "empty", b"", "is empty"
    yield "text", b"hello", "is no whole .npz"
    yield "a zip of nothing known", b"PK\x05\x06" + bytes(12), "is no whole .npz"


@pytest.mark.parametrize(("content", "problem"), [pytest.param(c, p, id=i) for i, c, p in contents()])
def test_a_file_of_another_kind_is_named(tmp_path, content, problem):
    (tmp_path / "e.npz").write_bytes(content)
    with pytest.raises(SpeechRnnError, match=problem) as refused:
        load_emissions(tmp_path / "e.npz")
    assert str(refused.value).startswith(str(tmp_path / "e.npz"))


def test_a_single_array_and_arrays_of_other_shapes_are_named(tmp_path):
    np.save(tmp_path / "e.npy", np.zeros((2, 3)))
    with pytest.raises(SpeechRnnError, match=r"is no whole \.npz"):
        load_emissions(tmp_path / "e.npy")
    np.savez(tmp_path / "e.npz", a=np.zeros(3))
    with pytest.raises(SpeechRnnError, match=r"a is float64 \[3\], wanted floats \[frames, tokens\]"):
        load_emissions(tmp_path / "e.npz")


def test_a_file_cut_or_changed_anywhere_is_refused_or_read_as_it_was(tmp_path):
    path = tmp_path / "e.npz"
    save_emissions(path, ARRAYS, VOCABULARY)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :]):
            path.write_bytes(damaged)
            with contextlib.suppress(SpeechRnnError):
                load_emissions(path)
