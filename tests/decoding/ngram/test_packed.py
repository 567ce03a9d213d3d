"""A packed model is the model with rounded figures: small, unpacked once, and refused when damaged."""

import lzma

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speechrnn import compiled
from speechrnn.commands import main
from speechrnn.decoding.ngram import model as model_module
from speechrnn.decoding.ngram.counts import count_ngrams
from speechrnn.decoding.ngram.kneser_ney import estimate
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.decoding.ngram.packed import STEPS_A_DECADE, is_packed, read_packed, write_packed
from speechrnn.errors import SpeechRnnError
from tests.reference import ngrams

TEXT = ["the cat sat", "the cat ran", "a dog ran", "a cat sat and sat", "ünlü cat sat"]
HALF_A_STEP = 0.5001 / STEPS_A_DECADE


def model_of(lines, order=3):
    return estimate(count_ngrams([("\n".join(lines) + "\n").encode()], order), fall_back=True)


def content_of(path):
    return lzma.decompress(path.read_bytes())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder where unpacked models are kept."""
    kept = tmp_path / "kept"
    kept.mkdir()
    monkeypatch.setattr("speechrnn.decoding.ngram.model.cache_root", lambda: kept)
    return kept


@pytest.fixture
def packed(tmp_path):
    write_packed(tmp_path / "m.ngram.xz", model_of(TEXT), "words")
    return tmp_path / "m.ngram.xz"


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6).map(" ".join), min_size=1, max_size=12),
    order=st.integers(1, 4),
)
def test_the_same_ngrams_come_back_with_figures_within_half_a_step(tmp_path, lines, order):
    model = model_of(lines, order)
    write_packed(tmp_path / "m.ngram.xz", model, "words")
    found, units = read_packed(tmp_path / "m.ngram.xz")
    assert units == "words"
    assert found.words.words() == model.words.words()
    was, now = ngrams.spelled(model), ngrams.spelled(found)
    assert was.keys() == now.keys()
    for ngram, (log10_prob, log10_backoff) in was.items():
        assert now[ngram][1] == pytest.approx(log10_backoff, abs=HALF_A_STEP)
        if ngram != ("<s>",):  # its probability, 1e-99, is never asked for
            assert now[ngram][0] == pytest.approx(log10_prob, abs=HALF_A_STEP)


def test_it_opens_as_the_model_and_is_unpacked_once(packed, folder, capsys):
    first = NgramModel.open(packed)
    assert f"unpacking m.ngram.xz (kept in {folder}" in capsys.readouterr().err
    (kept,) = folder.iterdir()
    second = NgramModel.open(packed)
    assert capsys.readouterr().err == ""
    built = NgramModel.build(model_of(TEXT))
    for sentence in ("", "the cat sat", "an unheard cat", "ünlü cat"):
        assert first.log_prob(sentence) == second.log_prob(sentence)
        assert second.log_prob(sentence) == pytest.approx(built.log_prob(sentence), abs=0.5)
    kept.write_bytes(kept.read_bytes()[:100])
    assert NgramModel.open(packed).log_prob("the cat") == first.log_prob("the cat")
    assert "unpacking" in capsys.readouterr().err


def test_another_model_of_the_same_name_is_unpacked_anew(packed, folder):
    before = NgramModel.open(packed).words.words()
    write_packed(packed, model_of(["other words"]), "words")
    assert NgramModel.open(packed).words.words() != before


def test_without_a_folder_it_is_unpacked_in_memory(packed, monkeypatch, capsys):
    monkeypatch.setattr("speechrnn.decoding.ngram.model.cache_root", lambda: None)
    assert NgramModel.open(packed).order == 3
    assert "no folder to keep it in can be written" in capsys.readouterr().err


def test_a_full_disk_loses_nothing(packed, folder, monkeypatch):
    def full_disk(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full_disk)
    assert NgramModel.open(packed).order == 3
    assert list(folder.iterdir()) == []


def test_the_folder_is_that_of_compiled_code():
    assert model_module.cache_root is compiled.cache_root


def test_the_command_packs_and_unpacks(packed, folder, tmp_path):
    assert main(["lm", "convert", str(packed), "--to", str(tmp_path / "m.arpa")]) == 0
    assert main(["lm", "convert", str(tmp_path / "m.arpa"), "--to", str(tmp_path / "again.ngram.xz")]) == 0
    assert content_of(tmp_path / "again.ngram.xz") == content_of(packed)


def test_other_files_are_not_packed_models(tmp_path):
    (tmp_path / "text.xz").write_bytes(lzma.compress(b"a text\n"))
    (tmp_path / "half.xz").write_bytes(lzma.compress(b"a text\n")[:20])
    assert not is_packed(tmp_path / "text.xz")
    assert not is_packed(tmp_path / "half.xz")


def test_a_file_cut_short_anywhere_is_refused(packed):
    whole = packed.read_bytes()
    for length in range(0, len(whole) - 1, 7):
        packed.write_bytes(whole[:length])
        with pytest.raises(SpeechRnnError, match=r"m\.ngram\.xz: "):
            read_packed(packed)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 1200), noise=st.binary(max_size=8), kept=st.booleans())
def test_whatever_the_bytes_a_model_or_a_refusal(packed, folder, place, noise, kept):
    content = content_of(packed)
    damaged = content[:place] + noise + content[place + (0 if kept else len(noise)) :]
    other = packed.with_name("other.ngram.xz")
    other.write_bytes(lzma.compress(damaged, preset=0))
    try:
        model, _ = read_packed(other)
    except SpeechRnnError:
        return
    built = NgramModel.build(model)
    assert np.isfinite(built.log_prob("the cat sat"))


def test_another_version_is_told(packed):
    content = content_of(packed).replace(b'"format": 1', b'"format": 2', 1)
    packed.write_bytes(lzma.compress(content))
    with pytest.raises(SpeechRnnError, match="format version 2, this speechrnn reads 1"):
        read_packed(packed)
