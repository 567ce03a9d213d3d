"""What tokens have in common: parts of words, the sums of their rows, and what they explain of rows."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn.text import BLANK, Vocabulary
from speechrnn.training.writing.shared_parts import OWN_VARIANCE, SharedParts, parts_of

SAID = {"no": (("N", "OW"),), "know": (("N", "OW"), ("K", "N", "OW")), "nor": (("N", "AO", "R"),)}
WORDS = st.lists(st.text("abc", min_size=1, max_size=5), min_size=2, max_size=12, unique=True)


def said_of(words):
    """Every second word is known."""
    return {word: (tuple(word.upper()),) for word in words[::2]}


def symbols_of(words):
    return (BLANK, *("▁" + word for word in words))


def parts_for(words, width=4):
    return SharedParts(Vocabulary("bpe", symbols_of(words)), said_of(words), width)


def test_a_word_has_letters_and_sounds_of_which_up_to_three_in_a_row_are_a_part():
    letters = ["▁", "n", "o", "▁", "▁n", "no", "o▁", "▁no", "no▁"]
    sounds = [" ▁", " N", " OW", " ▁", " ▁ N", " N OW", " OW ▁", " ▁ N OW", " N OW ▁"]
    assert parts_of("▁no", SAID) == letters + sounds


def test_a_piece_begins_where_a_word_does_and_ends_nowhere():
    assert parts_of("▁kn", SAID) == ["▁", "k", "n", "▁k", "kn", "▁kn"]
    assert parts_of("no", SAID) == ["n", "o", "no"]
    assert parts_of(BLANK, SAID) == []


def test_words_that_sound_alike_have_all_sounds_in_common():
    sounds = [{part for part in parts_of(word, SAID) if part.startswith(" ")} for word in ("▁no", "▁know")]
    assert sounds[0] == sounds[1]


@settings(max_examples=50, deadline=None)
@given(words=WORDS, seed=st.integers(0, 10**6))
def test_a_token_gets_the_sum_of_its_parts_rows_over_the_root_of_their_number(words, seed):
    parts = parts_for(words)
    torch.nn.init.normal_(parts.table, generator=torch.Generator().manual_seed(seed))
    of_tokens = [parts_of(symbol, said_of(words)) for symbol in symbols_of(words)]
    counts = Counter(part for own in of_tokens for part in {*own})
    shared = sorted(part for part, tokens in counts.items() if tokens > 1)
    rows = parts.table.detach().numpy()
    wanted = np.zeros((1 + len(words), 4))
    for token, own in enumerate(of_tokens):
        kept = [rows[shared.index(part)] for part in own if part in shared]
        wanted[token] = sum(kept) / max(1, len(kept)) ** 0.5
    np.testing.assert_allclose(parts().detach().numpy(), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose((parts.matrix() @ parts.table).detach().numpy(), wanted, rtol=1e-4, atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(words=WORDS, seed=st.integers(0, 10**6), data=st.data())
def test_known_rows_stay_what_they_are_and_others_are_what_is_likely(words, seed, data):
    parts = parts_for(words)
    known = data.draw(st.lists(st.integers(0, len(words)), min_size=1, unique=True))
    rows = torch.randn(len(words) + 1, 4, generator=torch.Generator().manual_seed(seed))
    own = rows.clone()
    parts.explain(own, known)
    sums = (own + parts()).detach()
    torch.testing.assert_close(sums[known], rows[known], rtol=1e-3, atol=1e-4)
    share = parts.matrix().detach().double().numpy()
    covariance = share @ share.T
    of_known = covariance[np.ix_(known, known)] + OWN_VARIANCE * np.eye(len(known))
    unknown = [token for token in range(len(rows)) if token not in known]
    likely = covariance[np.ix_(unknown, known)] @ np.linalg.solve(of_known, rows[known].double().numpy())
    np.testing.assert_allclose(sums[unknown].numpy(), likely, rtol=1e-3, atol=1e-4)
    assert not own[unknown].any()


def test_tokens_that_have_nothing_in_common_get_nothing():
    parts = SharedParts(Vocabulary("characters", (BLANK, "a", "b")), {}, 4)
    assert parts.table.shape == (0, 4)
    assert not parts().any()
    (slope,) = torch.autograd.grad(parts().sum(), parts.table)
    assert slope.shape == (0, 4)
