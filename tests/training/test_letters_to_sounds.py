"""A network that learns how letters sound says words that it has not met."""

import itertools

import pytest

torch = pytest.importorskip("torch")

from speechrnn.training.letters_to_sounds import learn_to_say

SOUNDS = {"b": ("B",), "d": ("D",), "g": ("G",), "x": ("K", "S"), "a": ("AE",), "o": ("AA",), "e": ()}
PLACES = ("bdgx", "ao", "bdgx", ["", "a", "o"], ["", "b", "d", "x", "e"])
DICTIONARY = {
    word: (tuple(sound for letter in word for sound in SOUNDS[letter]),)
    for word in map("".join, itertools.product(*PLACES))
}
NEW = ["bab", "doxe", "xabox", "gadad"]
KNOWN = {word: said for word, said in DICTIONARY.items() if word not in NEW}


@pytest.fixture(scope="module")
def speaker():
    told: list[str] = []
    speaker = learn_to_say(KNOWN, 60, 0, told.append)
    assert "held-out words are said differently" in told[0]
    return speaker


@pytest.mark.slow
def test_new_words_are_said_by_their_letters(speaker):
    assert speaker.say(NEW) == [DICTIONARY[word][0] for word in NEW]
    assert speaker.errors == 0


@pytest.mark.slow
def test_a_word_is_said_the_same_in_any_company(speaker):
    words = [*DICTIONARY, "b", "", "xxx", "?", "dad?"]
    together = speaker.say(words)
    assert together == [speaker.say([word])[0] for word in words]
    assert together[words.index("")] == together[words.index("?")] == ()
    assert together[-1] == speaker.say(["dad"])[0]


def test_the_same_seed_makes_the_same_speaker():
    one, other = (learn_to_say(KNOWN, 1, 7, lambda text: None).network.state_dict() for _ in range(2))
    assert all(torch.equal(value, other[name]) for name, value in one.items())
