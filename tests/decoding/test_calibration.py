"""Calibration turns confidences into frequencies, keeps their order, and is known when it is fitted well."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.decoding.calibration import Calibration, calibrated, fit_calibration
from speechrnn.decoding.confidence_quality import area_under_roc, expected_calibration_error, judged_words
from speechrnn.decoding.greedy import greedy
from speechrnn.decoding.hypothesis import Hypothesis, Word
from speechrnn.errors import SpeechRnnError
from tests.real_emissions import SECONDS_A_FRAME, VOCABULARY, needs_recordings, real_emissions


def words_of(calibration: Calibration, number: int, seed: int = 0):
    """Confidences, letters, and which words are right, drawn as `calibration` says."""
    random = np.random.default_rng(seed)
    confidences = random.uniform(0, 1, number)
    letters = random.integers(1, 12, number).astype(float)
    return confidences, letters, random.uniform(size=number) < calibration(confidences, letters)


def test_a_known_calibration_is_found_again():
    true = Calibration(1.5, 0.6, 0.8, -0.7)
    found = fit_calibration(*words_of(true, 200_000))
    assert [found.sureness, found.doubt, found.letters, found.offset] == pytest.approx(
        [1.5, 0.6, 0.8, -0.7], abs=0.06
    )


def test_confidences_become_frequencies_on_words_not_seen():
    overconfident = Calibration(0.3, 0.1, 0.0, -1.0)
    fitted = fit_calibration(*words_of(overconfident, 5000, seed=1))
    confidences, letters, right = words_of(overconfident, 5000, seed=2)
    assert expected_calibration_error(confidences, right) > 0.2
    assert expected_calibration_error(fitted(confidences, letters), right) < 0.03


weights = st.floats(0, 5)


@given(weights, weights, st.floats(-2, 2), st.floats(-5, 5), st.lists(st.floats(0, 1), min_size=2))
def test_surer_words_stay_surer_and_within_bounds(sureness, doubt, letters, offset, confidences):
    calibration = Calibration(sureness, doubt, letters, offset)
    found = calibration(np.sort(confidences), np.full(len(confidences), 5.0))
    assert (np.diff(found) >= -1e-12).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_a_term_that_would_turn_the_order_around_is_left_out():
    confidences, letters, right = words_of(Calibration(2.0, 0.0, 0.0, 2.0), 3000)
    found = fit_calibration(1 - confidences, letters, right)
    assert found.sureness >= 0
    assert found.doubt >= 0


@pytest.mark.parametrize("right", [True, False])
def test_words_all_of_a_kind_give_finite_numbers(right):
    found = fit_calibration(np.linspace(0, 1, 200), np.full(200, 4.0), np.full(200, right))
    assert np.isfinite([found.sureness, found.doubt, found.letters, found.offset]).all()
    confidence = found(np.array([0.5]), np.array([4.0]))[0]
    assert confidence > 0.9 if right else confidence < 0.1


def test_too_few_words_are_refused():
    with pytest.raises(SpeechRnnError, match="3 recognised words are too few"):
        fit_calibration(np.ones(3), np.ones(3), np.ones(3, bool))


def test_a_hypothesis_keeps_everything_but_its_confidences():
    before = Hypothesis("ab c", (Word("ab", 0, 1, 0.5), Word("c", 2, 3, 0.9)), -1.0)
    after = calibrated(before, Calibration(1.0, 1.0, 0.0, 0.0))
    assert [word.confidence for word in after.words] == pytest.approx([0.5, 0.9])
    assert [(w.text, w.start, w.end) for w in after.words] == [("ab", 0, 1), ("c", 2, 3)]
    assert (after.text, after.score) == (before.text, before.score)
    silence = Hypothesis("", (), 0.0)
    assert calibrated(silence, Calibration(1.0, 1.0, 0.0, 0.0)) == silence


@pytest.mark.data
@needs_recordings
def test_greedy_confidences_of_real_speech_are_calibrated_on_speakers_not_seen():
    real = real_emissions()
    speakers = sorted({name.split("-")[0] for name in real.texts})
    halves = [set(speakers[::2]), set(speakers[1::2])]
    fitting, unseen = (
        judged_words(
            (greedy(real.log_probs[name], VOCABULARY, SECONDS_A_FRAME).words, text)
            for name, text in real.texts.items()
            if name.split("-")[0] in half
        )
        for half in halves
    )
    fitted = fit_calibration(fitting.confidences, fitting.letters, fitting.right)
    confidences = fitted(unseen.confidences, unseen.letters)
    before = expected_calibration_error(unseen.confidences, unseen.right)
    after = expected_calibration_error(confidences, unseen.right)
    area = area_under_roc(confidences, unseen.right)
    print(f"ECE {before:.3f} -> {after:.3f}, AUROC {area:.3f}, {len(unseen.right)} words")
    assert after < 0.05 < before
    assert area > 0.8
