"""The same models as KenLM's `lmplz` makes of the same text, and the same scores as its `query` gives."""

import gzip
import math
import os
from pathlib import Path

import numpy as np
import pytest

from speechrnn.decoding.ngram.arpa_reading import read_arpa
from speechrnn.decoding.ngram.automaton import score
from speechrnn.decoding.ngram.counts import count_ngrams
from speechrnn.decoding.ngram.kneser_ney import estimate
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.decoding.ngram.perplexity import score_text
from speechrnn.decoding.ngram.text_blocks import text_blocks
from tests.reference import ngrams

FOLDER = Path(os.environ.get("SPEECHRNN_DATA", "")) / "ngram-reference"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="needs SPEECHRNN_DATA with ngram-reference/"),
]
SETTINGS = {
    "o3": ("train", 3, (), False),
    "o5": ("train", 5, (), False),
    "o4-pruned": ("train", 4, (0, 0, 1, 2), False),
    "tiny-o3-fallback": ("tiny", 3, (), True),
}


@pytest.fixture(scope="module", params=SETTINGS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def ours(name):
    text, order, prune, fall_back = SETTINGS[name]
    return estimate(count_ngrams(text_blocks(FOLDER / f"{text}.txt.gz"), order), prune, fall_back)


def test_every_probability_and_back_off_weight_agrees(ours, name):
    theirs = ngrams.spelled(read_arpa(FOLDER / f"{name}.arpa.xz", pytest.fail))
    found = ngrams.spelled(ours)
    assert found.keys() == theirs.keys()
    ours_in_their_order = np.array([found[ngram] for ngram in theirs])
    np.testing.assert_allclose(ours_in_their_order, np.array(list(theirs.values())), rtol=0, atol=1e-5)


def test_perplexities_agree(ours, name):
    _, _, summary = (FOLDER / "perplexity.txt").read_text().partition(f"## {name}\n")
    figures = [float(line.partition("\t")[2]) for line in summary.splitlines()[:4]]
    result = score_text(NgramModel.build(ours), text_blocks(FOLDER / "test.txt.gz"))
    assert [result.perplexity, result.known_perplexity] == pytest.approx(figures[:2], rel=1e-5)
    assert [result.unknown, result.tokens] == figures[2:]


def test_every_word_of_running_text_scores_the_same():
    model = NgramModel.open(FOLDER / "o3.arpa.xz", pytest.fail)
    state = model.begin_state
    scored = 0
    fields = gzip.decompress((FOLDER / "o3-words.txt.gz").read_bytes()).decode().split()
    for field in fields:
        if "=" in field:  # WORD=NUMBER, followed by the length of the n-gram and the log10 probability
            word = field.rpartition("=")[0]
            position = 0
        position += 1
        if position == 3:
            log_prob, state = score(model.tables, state, model.words.number(word))
            assert log_prob / math.log(10) == pytest.approx(float(field), abs=1e-5), word
            state = model.begin_state if word == "</s>" else state
            scored += 1
    assert scored > 1000
