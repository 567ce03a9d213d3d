"""Counting n-grams: every one once, whatever the size of the pieces."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.decoding.ngram.counts import count_ngrams
from speechrnn.errors import SpeechRnnError
from tests.decoding.ngram.made_up import as_blocks, lines


def as_dictionary(counts):
    words = counts.words.words()
    ngrams = [tuple(words[word] for word in ngram) for ngram in counts.ngrams.tolist()]
    assert len(set(ngrams)) == len(ngrams)
    return dict(zip(ngrams, counts.counts.tolist(), strict=True))


def counted_by_hand(lines, order):
    counts = Counter()
    for line in lines:
        words = ("<s>",) * (order - 1) + (*line.split(), "</s>")
        counts.update(words[end - order : end] for end in range(order, len(words) + 1))
    return dict(counts)


@settings(deadline=None, max_examples=50)
@given(lines=lines, order=st.integers(1, 6), chunk_tokens=st.integers(1, 50))
def test_counting_in_chunks_counts_what_is_there(lines, order, chunk_tokens):
    blocks = [line.encode() + b"\n" for line in lines]
    assert as_dictionary(count_ngrams(blocks, order, chunk_tokens)) == counted_by_hand(lines, order)


@settings(deadline=None, max_examples=20)
@given(lines=lines, order=st.integers(1, 6))
def test_ngrams_come_sorted_by_their_last_words(lines, order):
    counts = count_ngrams(as_blocks(lines), order, chunk_tokens=9)
    keys = counts.ngrams[:, ::-1].tolist()
    assert keys == sorted(keys)


def test_words_stand_between_any_white_space():
    assert as_dictionary(count_ngrams([b" a\tb  a\r\n\x0bb\x0c\x00\n"], 1)) == {
        ("a",): 2,
        ("b",): 2,
        ("</s>",): 2,
    }


def test_an_empty_line_is_an_empty_sentence():
    assert as_dictionary(count_ngrams([b"\n"], 2)) == {("<s>", "</s>"): 1}


def test_a_large_vocabulary_is_counted_too():
    text = " ".join(f"w{i % 70_000}" for i in range(100_000)).encode() + b"\n"
    counts = as_dictionary(count_ngrams([text], 1))
    assert len(counts) == 70_001
    assert counts[("w29999",)] == 2
    assert counts[("w30000",)] == 1


def test_reserved_words_and_texts_without_lines_are_refused():
    with pytest.raises(SpeechRnnError, match="contains <s>"):
        count_ngrams([b"a\nb <s> a\n"], 2)
    with pytest.raises(SpeechRnnError, match="no lines"):
        count_ngrams([], 2)


@pytest.mark.parametrize("order", [0, 7])
def test_orders_out_of_range_are_refused(order):
    with pytest.raises(SpeechRnnError, match="from 1 to 6"):
        count_ngrams([b"a\n"], order)
