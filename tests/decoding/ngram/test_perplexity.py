"""Perplexity: from the probabilities of all words and sentence ends, and without the unknown ones."""

import pytest
from hypothesis import given, settings

from speechrnn.decoding.ngram.counts import count_ngrams
from speechrnn.decoding.ngram.kneser_ney import estimate
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.decoding.ngram.perplexity import score_text
from speechrnn.errors import SpeechRnnError
from tests.decoding.ngram.made_up import as_blocks, lines
from tests.reference import ngrams

MODEL = estimate(count_ngrams([b"a b a\nb a\nc\n"], 3), fall_back=True)


@settings(deadline=None, max_examples=40)
@given(lines=lines)
def test_it_is_the_inverse_geometric_mean_probability(lines):
    spelled = ngrams.spelled(MODEL)
    known, all_words = [], []
    for line in lines:
        words = [word if (word,) in spelled else "<unk>" for word in line.split()]
        for i, word in enumerate([*words, "</s>"]):
            log10_prob = ngrams.backed_off(spelled, tuple(["<s>", *words][max(0, i - 1) : i + 1]), word)
            all_words.append(log10_prob)
            known += [log10_prob] if word != "<unk>" else []
    result = score_text(NgramModel.build(MODEL), as_blocks(lines))
    assert (result.tokens, result.unknown) == (len(all_words), len(all_words) - len(known))
    assert result.perplexity == pytest.approx(10 ** (-sum(all_words) / len(all_words)), rel=1e-5)
    assert result.known_perplexity == pytest.approx(10 ** (-sum(known) / len(known)), rel=1e-5)


def test_blocks_of_text_are_one_text():
    model = NgramModel.build(MODEL)
    whole, pieces = score_text(model, [b"a b\nc\n"]), score_text(model, [b"a b\n", b"c\n"])
    assert whole.log_prob == pytest.approx(pieces.log_prob)
    assert whole.tokens == pieces.tokens == 5


def test_a_text_without_lines_has_none():
    with pytest.raises(SpeechRnnError, match="no lines"):
        score_text(NgramModel.build(MODEL), [])
