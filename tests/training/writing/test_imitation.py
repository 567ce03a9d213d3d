import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given
from hypothesis import strategies as st

from speechrnn.errors import SpeechRnnError
from speechrnn.text import BLANK, Vocabulary
from speechrnn.training.data.units import Pronouncer
from speechrnn.training.writing import imitation
from speechrnn.training.writing.imitation import Imitation, contexts_of, cuts_between
from speechrnn.training.writing.listening import Heard

SOUNDS = Vocabulary("sounds", (BLANK, "A", "B", "C"))
WORDS = ("a", "b", "c", "ab", "ba", "cab", "bcc")
PRONOUNCER = Pronouncer(SOUNDS, {word: (tuple(word.upper()),) for word in WORDS})
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)


def heard(text: str, seed: int = 0, sureness: float = 9.0) -> Heard:
    """A recording of `text` that was understood: each sound in one or two frames, blanks around it."""
    generator = np.random.default_rng(seed)
    frames: list[int] = []
    for number in PRONOUNCER.encode(text):
        frames += [0] * int(generator.integers(1, 4)) + [number] * int(generator.integers(1, 3))
    frames += [0] * int(generator.integers(1, 4))
    scores = generator.random((len(frames), len(SOUNDS))).astype(np.float32)
    scores[np.arange(len(frames)), frames] += sureness
    return Heard(text, np.log(np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)).astype(np.float16))


def sounds_in(frames: np.ndarray) -> list[int]:
    return [number for number, _ in itertools.groupby(frames.argmax(axis=1)) if number]


def words_of(text: str) -> list[tuple[str, ...]]:
    return [PRONOUNCER.pronunciations[word][0] for word in text.split()]


@given(st.lists(texts, max_size=5), st.lists(texts, min_size=1, max_size=4), st.integers(0, 2**32))
def test_an_imitation_holds_the_sounds_of_its_text_and_no_others(known, wanted, seed) -> None:
    imitate = Imitation([heard(text, n) for n, text in enumerate(["cab ab c", *known])], PRONOUNCER)
    imitated = imitate([words_of(text) for text in wanted], np.random.default_rng(seed))
    assert [sounds_in(frames) for frames in imitated] == [PRONOUNCER.encode(text) for text in wanted]


def test_the_same_draws_give_the_same_imitation() -> None:
    imitate = Imitation([heard("cab ab c", n) for n in range(9)], PRONOUNCER)
    one, other = (imitate([words_of("bcc a")], np.random.default_rng(5))[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_a_sound_is_cut_out_from_between_the_neighbours_that_it_is_to_have(monkeypatch) -> None:
    monkeypatch.setattr(imitation, "LOOSER", 0.0)
    # The B in "ab" was heard without doubt, that in "ba" hardly.
    recordings = [
        heard(text, n, 9.0 if text == "ab c" else 2.0) for n in range(9) for text in ("ab c", "ba c")
    ]
    imitate = Imitation(recordings, PRONOUNCER)
    frames = imitate([words_of("ab c")] * 20, np.random.default_rng(0))
    assert min(one[:, 2].max() for one in frames) > np.log(0.9)
    frames = imitate([words_of("ba c")] * 20, np.random.default_rng(0))
    assert max(one[:, 2].max() for one in frames) < np.log(0.9)


def test_a_text_is_as_hard_to_understand_in_all_its_places() -> None:
    surenesses = np.linspace(2, 9, 40)
    imitate = Imitation([heard("ab", n, sure) for n, sure in enumerate(surenesses)], PRONOUNCER_OF_TWO)
    imitated = imitate([words_of("ab ab ab ab")] * 60, np.random.default_rng(0))
    best = [np.exp(frames[frames.argmax(axis=1) > 0].max(axis=1)) for frames in imitated]
    within = np.mean([one.std() for one in best])
    assert within < 0.6 * np.std([one.mean() for one in best])


PRONOUNCER_OF_TWO = Pronouncer(
    Vocabulary("sounds", (BLANK, "A", "B")), {"ab": (("A", "B"),), "a": (("A",),), "b": (("B",),)}
)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=8), st.data())
def test_snippets_share_all_frames_and_hold_those_of_their_sounds(counts, data) -> None:
    """Blanks between two sounds are shared, half of them each."""
    positions: list[int] = [-1] * data.draw(st.integers(0, 3))
    for number, count in enumerate(counts):
        positions += [number] * count + [-1] * data.draw(st.integers(0, 5))
    cuts = cuts_between(np.array(positions), len(counts))
    assert cuts[0] == 0
    assert cuts[-1] == len(positions)
    for number, (first, end) in enumerate(itertools.pairwise(cuts)):
        assert set(positions[first:end]) - {-1} == {number}
        after = [place for place in range(end, len(positions)) if positions[place] == number + 1]
        own = [place for place in range(len(positions)) if positions[place] == number]
        if after:
            assert abs((end - 1 - own[-1]) - (after[0] - end)) <= 1


def test_contexts_are_the_neighbours_and_the_places_in_the_word() -> None:
    found = contexts_of(words_of("ab c"), PRONOUNCER.numbers)
    assert found.tolist() == [[0, 1, 2, 1, 0], [1, 2, 3, 0, 1], [2, 3, 0, 1, 1]]


def test_what_has_sounds_that_were_never_heard_cannot_be_said() -> None:
    imitate = Imitation([heard("ab a b")], PRONOUNCER)
    assert imitate.sayable(PRONOUNCER.pronunciations).keys() == {"a", "b", "ab", "ba"}
    assert imitate.sayable({"a": (("A",), ("C",)), "c": (("C",),)}) == {"a": (("A",),)}


def test_recordings_with_unknown_words_teach_nothing() -> None:
    with pytest.raises(SpeechRnnError, match="lexicon: says no transcript"):
        Imitation([Heard("zebra", heard("a").sounds)], PRONOUNCER)
