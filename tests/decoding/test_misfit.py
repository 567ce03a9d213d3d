"""Transcripts that do not fit cost more than usual: made-up ones exactly, planted ones of real speech."""

import numpy as np
import pytest

from speechrnn.decoding.alignment import align, frame_edges
from speechrnn.decoding.confidence_quality import area_under_roc
from speechrnn.decoding.misfit import USUAL_THRESHOLD, Misfit, Stretch, misfit, unusual
from speechrnn.text import BLANK, Vocabulary
from tests.real_emissions import SECONDS_A_FRAME, VOCABULARY, needs_recordings, real_emissions

LETTERS = Vocabulary("characters", (BLANK, " ", "a", "b"))


def peaked(*tokens: int) -> np.ndarray:
    """Log-probabilities [frames, tokens]: 0.97 for `tokens`, else 0.02 for the blank, 0.005 for letters."""
    log_probs = np.log(np.full((len(tokens), len(LETTERS)), 0.005, np.float32))
    log_probs[:, 0] = np.log(0.02)
    log_probs[np.arange(len(tokens)), tokens] = np.log(0.97)
    return log_probs


def fit(log_probs, text: str) -> Misfit:
    return misfit(align(log_probs, [text], LETTERS, frame_edges(len(log_probs), 1.0)))


LOST_TO_BLANK = np.log(0.97 / 0.02)  # nats that a frame loses where the blank is written and not heard
LOST_TO_LETTER = np.log(0.97 / 0.005)


def test_a_transcript_of_what_is_heard_costs_nothing():
    assert fit(peaked(0, 2, 1, 3, 0), "a b").costs == (0, 0, 0)


def test_a_wrong_word_costs_its_letters_and_the_whole():
    found = fit(peaked(2, 1, 3, 2), "a ab")
    assert found.worst_word.cost == pytest.approx(2 * LOST_TO_LETTER / 2)
    assert (found.worst_word.start, found.worst_word.end) == (2, 4)
    assert found.whole.cost == pytest.approx(2 * LOST_TO_LETTER / 3)


def test_a_word_left_out_costs_the_stretch_between_its_neighbours():
    found = fit(peaked(2, 1, 3, 0, 3, 1, 2), "a a")
    assert found.worst_gap.cost == pytest.approx(3 * LOST_TO_BLANK)
    assert (found.worst_gap.start, found.worst_gap.end) == (1, 6)
    assert found.worst_word.cost == 0
    assert found.whole.cost == pytest.approx(3 * LOST_TO_BLANK / 2)
    assert (found.whole.start, found.whole.end) == (0, 7)


@pytest.mark.parametrize(("text", "start", "end"), [("a", 1, 5), ("b", 0, 4)])
def test_words_left_out_at_either_end_are_seen(text, start, end):
    found = fit(peaked(2, 1, 0, 1, 3), text)
    assert (found.worst_gap.start, found.worst_gap.end) == (start, end)


def uniform(cost: float) -> Misfit:
    stretch = Stretch(0, 1, cost)
    return Misfit(stretch, stretch, stretch)


def test_deviations_are_robust_and_on_a_root_scale():
    roots = np.array([1.0, 2.0, 3.0, 4.0, 100.0])
    found = [one.most for one in unusual([uniform(root**2) for root in roots])]
    assert found == pytest.approx(list((roots - 3) / (1 / 0.6745)))


def test_a_deviation_is_the_standard_deviation_of_normal_values():
    roots = np.random.default_rng(0).normal(10, 2, 20_000)
    found = [one.most for one in unusual([uniform(root**2) for root in roots])]
    assert np.std(found) == pytest.approx(1, rel=0.03)


def test_the_worst_of_the_three_decides():
    usual = [uniform(1.0)] * 30
    odd = Misfit(Stretch(0, 1, 1.0), Stretch(0, 1, 4.0), Stretch(0, 1, 9.0))
    found = unusual([*usual, odd])[-1]
    assert (found.whole, found.worst_word, found.worst_gap) == pytest.approx((0, 5, 10))
    assert found.most == found.worst_gap


def test_where_nearly_all_cost_the_same_small_differences_mean_nothing():
    found = unusual([uniform(0.0)] * 30 + [uniform(0.01)])
    assert [one.most for one in found] == pytest.approx([0] * 30 + [0.1 / 0.2])


def test_no_transcripts_are_no_finding():
    assert unusual([]) == []


@pytest.mark.data
@needs_recordings
def test_swapped_transcripts_of_real_speech_are_found():
    real = real_emissions()
    ids = sorted(real.texts, key=lambda name: len(real.texts[name]))
    # Every tenth pair of neighbours by length has its transcripts swapped: as hard to see as swaps can be.
    partner = {
        a: b for pair in list(zip(ids[::2], ids[1::2], strict=False))[::10] for a, b in (pair, pair[::-1])
    }
    misfits = []
    for name in ids:
        log_probs = real.log_probs[name]
        text = real.texts[partner.get(name, name)]
        edges = frame_edges(len(log_probs), SECONDS_A_FRAME)
        misfits.append(misfit(align(log_probs, [text], VOCABULARY, edges)))
    deviations = np.array([one.most for one in unusual(misfits)])
    swapped = np.array([name in partner for name in ids])
    print(f"AUC {area_under_roc(deviations, swapped):.4f}, {swapped.sum()} swapped of {len(ids)}")
    assert area_under_roc(deviations, swapped) > 0.99
    assert (deviations[swapped] > USUAL_THRESHOLD).mean() > 0.9
    assert (deviations[~swapped] > USUAL_THRESHOLD).mean() < 0.05
