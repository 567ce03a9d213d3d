import numpy as np
import pytest

torch = pytest.importorskip("torch")

from speechrnn.errors import SpeechRnnError
from speechrnn.text import characters_of
from speechrnn.training.data.units import Speller
from speechrnn.training.writing import lessons
from speechrnn.training.writing.imitation import Imitation
from speechrnn.training.writing.lessons import Lessons, Prose
from tests.training.writing.test_imitation import PRONOUNCER, WORDS, heard

TEXTS = ["a cab", "b ab", "c ba bcc", "a b c", "cab cab", "ab"]
SPELLER = Speller(characters_of(["abc "]), PRONOUNCER)


@pytest.fixture
def of_two_ranks():
    recordings = [heard(text, n) for n, text in enumerate(TEXTS)]
    prose = Prose.of([" ".join(WORDS)] * 30, PRONOUNCER.pronunciations)

    def of(rank: int, ranks: int = 2, seed: int = 0) -> Lessons:
        imitation = Imitation(recordings, PRONOUNCER)
        ways = PRONOUNCER.pronunciations
        return Lessons(recordings, imitation, prose, ways, SPELLER, 120, seed, rank, ranks)

    return of


def rows(batch) -> list[tuple]:
    return [
        (
            text,
            batch.audio[row, :length].tolist(),
            batch.targets[row, :tokens].tolist(),
            int(batch.seeds[row]),
        )
        for row, (text, length, tokens) in enumerate(
            zip(batch.ids, batch.lengths.tolist(), batch.target_lengths.tolist(), strict=True)
        )
    ]


def test_a_batch_depends_on_seed_epoch_and_number_alone(of_two_ranks) -> None:
    whole = [rows(batch) for batch in of_two_ranks(0, 1).epoch(1)]
    assert len(whole) == of_two_ranks(0, 1).batches_per_epoch(1) > 5
    assert [rows(batch) for batch in of_two_ranks(0, 1).epoch(1, first_batch=4)] == whole[4:]
    assert rows(of_two_ranks(0, 1).batch(0, 0)) != whole[0]
    assert rows(of_two_ranks(0, 1, seed=1).batch(1, 0)) != whole[0]


def test_ranks_share_every_batch(of_two_ranks) -> None:
    for number in range(10):
        whole = rows(of_two_ranks(0, 1).batch(0, number))
        shares = [rows(of_two_ranks(rank).batch(0, number)) for rank in (0, 1)]
        assert shares == [whole[::2], whole[1::2]]


def test_targets_are_the_texts_and_fit_their_frames(of_two_ranks) -> None:
    for batch in of_two_ranks(0, 1).epoch(0):
        for text, frames, targets, _ in rows(batch):
            assert targets == SPELLER.encode(text)
            assert len(targets) <= len(frames)
            assert np.array(frames).shape[1] == len(PRONOUNCER.sounds)
        assert batch.lengths.sum() < 2 * 120


def test_some_batches_were_heard_and_the_others_are_anywhere_in_the_text(of_two_ranks) -> None:
    running = " ".join(of_two_ranks(0, 1).prose.words_from(0, len(WORDS) * 30))
    batches = [of_two_ranks(0, 1).batch(0, number) for number in range(60)]
    imitated = [batch for batch in batches if not set(batch.ids) <= set(TEXTS)]
    assert 30 < len(imitated) < 55
    for batch in imitated:
        assert all(text in running for text in batch.ids)


def test_words_are_mostly_said_in_the_usual_way(of_two_ranks, monkeypatch) -> None:
    monkeypatch.setattr(lessons, "USUAL_SHARE", 0.75)
    some = of_two_ranks(0, 1)
    some.pronunciations = {"a": (("A",), ("B",))}
    generator = np.random.default_rng(0)
    usual = np.mean([some._said("a", generator) == ("A",) for _ in range(2000)])
    assert pytest.approx(0.75 + 0.125, abs=0.03) == usual  # when any will do, the usual one may come, too


def test_sentences_with_words_that_nobody_can_say_are_left_out() -> None:
    prose = Prose.of(["a cab", "a zebra", "b"], PRONOUNCER.pronunciations)
    assert prose.words_from(0, 3) == ["a", "cab", "b"]
    assert prose.words_from(2, 2) == ["cab", "b"]
    assert prose.words_from(0, 9) == ["a", "cab", "b"]
    with pytest.raises(SpeechRnnError, match="texts: no sentence"):
        Prose.of(["zebra"], PRONOUNCER.pronunciations)
