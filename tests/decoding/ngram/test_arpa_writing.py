"""ARPA files that we write: any reader finds the model in them again."""

import gzip

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from speechrnn.decoding.ngram.arpa_reading import read_arpa
from speechrnn.decoding.ngram.arpa_writing import write_arpa
from speechrnn.decoding.ngram.backoff_model import BackoffModel, NgramOrder
from speechrnn.decoding.ngram.counts import count_ngrams
from speechrnn.decoding.ngram.kneser_ney import estimate
from speechrnn.decoding.ngram.word_table import WordTable
from speechrnn.errors import SpeechRnnError
from tests.decoding.ngram.made_up import as_blocks, assert_same_model, lines
from tests.reference import ngrams


def read_plainly(text):
    """The n-grams of an ARPA file, read line by line, and the counts of its header."""
    counts, model = [], {}
    for line in text.splitlines():
        if line.startswith("ngram "):
            counts.append(int(line.partition("=")[2]))
        elif "\t" in line:
            prob, words, *weight = line.split("\t")
            model[tuple(words.split(" "))] = (float(prob), float(weight[0]) if weight else 0.0)
    return counts, model


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=lines)
def test_a_written_model_is_read_by_anybody_and_by_us(tmp_path, lines):
    model = estimate(count_ngrams(as_blocks(lines), 3), fall_back=True)
    expected = ngrams.spelled(model)
    path = tmp_path / "model.arpa"
    write_arpa(path, model)
    counts, found = read_plainly(path.read_text())
    assert counts == [len(order) for order in model.orders]
    assert_same_model(found, expected, tolerance=1e-6)
    assert_same_model(ngrams.spelled(read_arpa(path, pytest.fail)), expected, tolerance=1e-6)


def test_numbers_have_seven_decimals_and_no_idle_zeros(tmp_path):
    numbers = np.array([-0.0, -1e-9, -1e-7, -0.1, -1.25, -10, -99, -123.4567891, -5.0625], np.float32)
    words = WordTable()
    words.add(f"w{i}" for i in range(len(numbers) - 3))
    rows = np.arange(len(numbers), dtype=np.int32)
    nothing = np.zeros(len(numbers), np.float32)
    write_arpa(tmp_path / "m.arpa", BackoffModel(words, (NgramOrder(rows * 0, rows, numbers, nothing),)))
    written = [line.split("\t")[0] for line in (tmp_path / "m.arpa").read_text().splitlines() if "\t" in line]
    assert written == ["0", "0", "-0.0000001", "-0.1", "-1.25", "-10", "-99", "-123.4567871", "-5.0625"]


def test_a_name_that_ends_in_gz_is_compressed(tmp_path):
    model = estimate(count_ngrams([b"a b\n"], 2), fall_back=True)
    write_arpa(tmp_path / "m.arpa", model)
    write_arpa(tmp_path / "m.arpa.gz", model)
    assert gzip.decompress((tmp_path / "m.arpa.gz").read_bytes()) == (tmp_path / "m.arpa").read_bytes()


def test_a_place_that_cannot_be_written_is_named_and_nothing_is_left_there(tmp_path):
    model = estimate(count_ngrams([b"a b\n"], 2), fall_back=True)
    (tmp_path / "taken.arpa").mkdir()
    for place in (tmp_path / "nowhere" / "m.arpa", tmp_path / "taken.arpa"):
        with pytest.raises(SpeechRnnError, match="cannot be written"):
            write_arpa(place, model)
    assert [path.name for path in tmp_path.iterdir()] == ["taken.arpa"]
