"""Sentences of text files: nothing that held-out speakers said is left among them."""

from hypothesis import given
from hypothesis import strategies as st

from speechrnn.decoding.ngram.sentences import SAME_TEXT, without

sentences = st.lists(st.sampled_from("abc"), min_size=1, max_size=14).map(" ".join)


@given(st.lists(sentences, max_size=3), st.lists(sentences, max_size=20))
def test_nothing_of_the_held_out_sentences_is_left(held_out, text):
    def stretches(sentence):
        words = sentence.split()
        return {tuple(words[n : n + SAME_TEXT]) for n in range(len(words) - SAME_TEXT + 1)}

    left = list(without(held_out, text))
    for sentence in text:
        is_theirs = sentence in held_out or any(stretches(sentence) & stretches(one) for one in held_out)
        assert left.count(sentence) == (0 if is_theirs else text.count(sentence))


def test_a_book_cut_at_other_places_is_removed_too():
    said = "of the first page of the book that she had not yet read"
    book = ["he thought", "and of the first page of the book that she had", "she had not yet read it"]
    assert list(without([said], book)) == ["he thought", "she had not yet read it"]
