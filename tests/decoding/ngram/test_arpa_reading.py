"""ARPA files of any make: read as they mean, mended and counted, or refused with the line and the cure."""

import gzip
import lzma
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speechrnn.decoding.ngram.arpa_reading import read_arpa
from speechrnn.errors import SpeechRnnError
from tests.decoding.ngram.made_up import assert_same_model, backoff_models
from tests.reference import ngrams

MODEL = {
    ("<unk>",): (-2.0, 0.0),
    ("<s>",): (-99.0, -0.5),
    ("</s>",): (-1.25, 0.0),
    ("a",): (-0.5, -0.25),
    ("ä",): (-0.75, 0.125),
    ("<s>", "a"): (-0.25, -0.5),
    ("a", "ä"): (-0.5, 0.0),
    ("ä", "</s>"): (-0.125, 0.0),
    ("<s>", "a", "ä"): (-0.0625, 0.0),
}
TEXT = ngrams.arpa(MODEL, 3)


@pytest.fixture
def read(tmp_path):
    """Reads an ARPA file with these contents; returns the model as a dictionary, and the warnings."""

    def read_contents(contents):
        path = tmp_path / "made-up.arpa"
        path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
        warnings = []
        return ngrams.spelled(read_arpa(path, warnings.append)), warnings

    return read_contents


def test_the_numbers_of_the_file_are_those_of_the_model(read):
    assert read(TEXT) == (MODEL, [])


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(model=backoff_models())
def test_any_model_is_read_as_it_was_written(read, model):
    order, ngram_weights = model
    found, warnings = read(ngrams.arpa(ngram_weights, order))
    assert not warnings
    assert_same_model(found, ngram_weights, tolerance=1e-6)


@pytest.mark.parametrize(
    "rewritten",
    [
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\t", " "),
        TEXT.replace("\t", "\t \t").replace("\n", " \n"),
        TEXT.replace("\n", "\n\n"),
        TEXT.replace("\t0.0\n", "\n"),
        TEXT.replace("-0.5", "-.5e+0").replace("-0.25", "-2500.0E-4").replace("-99.0", "-99"),
        TEXT.replace("<unk>", "<UNK>"),
        "a preamble that says who made it\n\n" + TEXT,
        "\ufeff" + TEXT,
        TEXT[:-1],
        gzip.compress(TEXT.encode()),
        lzma.compress(TEXT.encode()),
    ],
    ids=[
        "crlf",
        "blanks-for-tabs",
        "blanks-everywhere",
        "empty-lines",
        "no-zero-backoffs",
        "other-ways-to-write-numbers",
        "upper-case-unk",
        "preamble",
        "byte-order-mark",
        "no-line-end-at-the-end",
        "gzip",
        "xz",
    ],
)
def test_other_makes_of_the_same_file_mean_the_same(read, rewritten):
    assert read(rewritten) == (MODEL, [])


def test_wrong_counts_in_the_header_are_counted_and_mended(read):
    model, warnings = read(TEXT.replace("ngram 2=3", "ngram 2=4").replace("ngram 1=5", "ngram 1=1"))
    assert model == MODEL
    assert len(warnings) == 2
    assert "announces 1 1-grams, there are 5" in warnings[0]
    assert "announces 4 2-grams, there are 3" in warnings[1]


def test_of_ngrams_listed_twice_the_first_counts(read):
    text = TEXT.replace("\\2-grams:\n", "\\2-grams:\n-0.25\t<s> a\t-0.5\n").replace("ngram 2=3", "ngram 2=4")
    text = text.replace("\n\\2-grams:", "-3\ta\t-3\n-3\ta\t-3\n\n\\2-grams:").replace(
        "ngram 1=5", "ngram 1=7"
    )
    model, warnings = read(text)
    assert model == MODEL
    assert ["2 words are listed twice" in warnings[0], "1 2-grams are listed twice" in warnings[1]] == [
        True,
        True,
    ]


def test_an_ngram_whose_context_is_missing_is_left_out_and_counted(read):
    text = TEXT.replace("\\3-grams:\n", "\\3-grams:\n-0.5\ta a ä\n-0.5\tä a a\n").replace(
        "ngram 3=1", "ngram 3=3"
    )
    model, warnings = read(text)
    assert model == MODEL
    assert "2 3-grams were left out: their first 2 words are not listed" in warnings[0]


def test_a_model_without_unk_gives_unknown_words_next_to_nothing(read):
    text = "".join(line for line in TEXT.splitlines(True) if "<unk>" not in line).replace("1=5", "1=4")
    model, warnings = read(text)
    assert model == MODEL | {("<unk>",): (-100.0, 0.0)}
    assert "has no <unk>" in warnings[0]


def test_a_probability_that_rounding_took_above_one_is_one(read):
    model, warnings = read(TEXT.replace("-0.125\tä </s>", "0.0002\tä </s>"))
    assert model == MODEL | {("ä", "</s>"): (0.0, 0.0)}
    assert "1 2-grams have a probability that rounding took above 1" in warnings[0]


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ("", "is empty"),
        ("not a model\n", r"no line \\data\\"),
        ("\\data\\\n", "cut short"),
        ("\\data\\\n\n\\1-grams:\n", "without any count"),
        ("\\data\\\nngram 2=1\n\n\\2-grams:\n", "line 2 .*wanted 'ngram 1=COUNT'"),
        ("\\data\\\nngram 1=many\n", "line 2 .*mend the header"),
        (TEXT.replace("\\1-grams:", "\\2-grams:"), "wanted '.*1-grams:'"),
        (TEXT.replace("\\3-grams:", "\\4-grams:"), "wanted '.*3-grams:'"),
        (TEXT.replace("ngram 3=1\n", ""), r"wanted '.*end.*'"),
        (TEXT.replace("-0.5\ta\t", "nan\ta\t"), "line 10 has no finite number"),
        (TEXT.replace("-0.5\ta\t", "-inf\ta\t"), "line 10 has no finite number"),
        (TEXT.replace("-0.5\ta\t", "-1e99\ta\t"), "line 10 has no finite number"),
        (TEXT.replace("-0.5\ta\t", "0x1\ta\t"), "line 10 has no finite number"),
        (TEXT.replace("-0.5\ta\t", "-\ta\t"), "line 10 has no finite number"),
        (TEXT.replace("-0.25\t<s> a\t-0.5", "-0.25\t<s> a\tnan"), "line 14 has no finite number"),
        (TEXT.replace("-0.5\ta\t", "0.5\ta\t"), "line 10 has a probability above 1"),
        (TEXT.replace("-0.25\t<s> a\t-0.5", "-0.25\t<s>"), "line 14 has fewer than 2 words"),
        (TEXT.replace("-0.25\t<s> a\t-0.5", "-0.25"), "line 14 has fewer than 2 words"),
        (TEXT.replace("-0.25\t<s> a\t-0.5", "-0.25\t<s> a ä a"), "line 14 has no finite number"),
        (TEXT.replace("-0.25\t<s> a\t-0.5", "-0.25\t<s> a -0.5 a"), "line 14 has more than 2 words"),
        (
            TEXT.replace("-0.25\t<s> a\t", "-0.25\t<s> b\t"),
            "line 14 has a word that is not among the unigrams",
        ),
        (TEXT.replace("\t</s>\t", "\tEND\t"), "the word </s> is missing"),
        (
            TEXT.replace("ä", "\udce4").encode(errors="surrogateescape"),
            "line 11 is not UTF-8.*iconv -f latin1",
        ),
        (b"\x08\x09\xff\x00onnx", "is no text .it holds zero bytes.; name a text or ARPA file"),
        (gzip.compress(TEXT.encode())[:-9], "cannot be decompressed"),
        (b"\x1f\x8b\x08\x00" + zlib.compress(TEXT.encode()), "cannot be decompressed"),
    ],
)
def test_what_cannot_be_mended_is_refused_with_the_place(read, broken, problem):
    with pytest.raises(SpeechRnnError, match=problem) as refusal:
        read(broken)
    assert "made-up.arpa: " in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(SpeechRnnError, match="no such file"):
        read_arpa(tmp_path / "nowhere.arpa")


@pytest.mark.parametrize("size", range(0, len(TEXT) - 1, 7))
def test_a_file_cut_short_anywhere_is_refused(read, size):
    with pytest.raises(SpeechRnnError):
        read(TEXT.encode()[:size])


def test_a_file_larger_than_a_block_is_read_whole(read):
    model = MODEL | {(f"word-{i:06d}",): (-i / 4096, -0.5) for i in range(60_000)}
    found, warnings = read(ngrams.arpa(model, 3))
    assert not warnings
    assert_same_model(found, model, tolerance=1e-6)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.one_of(
            st.sampled_from([line + "\n" for line in TEXT.splitlines()]),
            st.sampled_from(["\t", " ", "-1", "a", "\\", "ngram 1=1", "1e5", "\r", "\n", "\x00", "-"]),
            st.text(max_size=4),
        ),
        max_size=30,
    ),
    whole=st.booleans(),
    cut=st.integers(0, len(TEXT)),
)
def test_whatever_the_bytes_a_model_or_a_refusal(read, pieces, whole, cut):
    noise = "".join(pieces)
    contents = (TEXT[:cut] + noise + TEXT[cut:] if whole else noise).encode(errors="replace")
    try:
        model, _ = read(contents)
    except SpeechRnnError:
        return
    assert {("<unk>",), ("<s>",), ("</s>",)} <= model.keys()
    assert all(ngram[:-1] in model for ngram in model if len(ngram) > 1)
    assert all(prob <= 0 for prob, _ in model.values())
