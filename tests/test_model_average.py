"""The mean of models is the mean of their weights, and is refused where these mean different things."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.config import Encoder, Model
from speechrnn.errors import SpeechRnnError
from speechrnn.model_average import mean_model
from speechrnn.model_folder import TrainedModel
from speechrnn.text import BLANK, Vocabulary

VOCABULARY = Vocabulary("characters", (BLANK, " ", "a"))
ENCODER = Encoder(layers=1, width=4)
FIRST, SECOND = Path("first"), Path("second")


def trained(weight, vocabulary=VOCABULARY, encoder=ENCODER, sounds=None):
    weights = {"head.weight": np.asarray(weight, np.float32)}
    return TrainedModel(Model(encoder=encoder), vocabulary, weights, {"use": "tests"}, sounds)


def numbered(*models):
    return {Path(str(number)): model for number, model in enumerate(models)}


finite = st.floats(-100, 100, width=32)


@given(st.lists(st.tuples(finite, finite, finite), min_size=2, max_size=5))
def test_each_weight_is_the_mean_of_its_like(rows):
    mean = mean_model(numbered(*map(trained, rows)))
    expected = [sum(map(float, column)) / len(rows) for column in zip(*rows, strict=True)]
    np.testing.assert_allclose(mean.weights["head.weight"], expected, rtol=1e-6, atol=1e-5)
    assert mean.weights["head.weight"].dtype == np.float32


@given(st.lists(finite, min_size=1), st.integers(2, 5))
def test_the_mean_of_equal_models_is_that_model(weight, number):
    mean = mean_model(numbered(*[trained(weight)] * number))
    np.testing.assert_array_equal(mean.weights["head.weight"], np.asarray(weight, np.float32))


def test_dropout_may_differ_and_the_card_of_the_first_does_not_speak_for_the_mean():
    other = trained([1], encoder=dataclasses.replace(ENCODER, dropout=0.1))
    mean = mean_model({FIRST: trained([3]), SECOND: other})
    assert (mean.model, mean.vocabulary, mean.card) == (Model(encoder=ENCODER), VOCABULARY, {})
    assert mean.weights["head.weight"] == [2]


def test_sounds_are_kept_and_must_be_the_same():
    sounds = Vocabulary("sounds", (BLANK, "AH"))
    assert mean_model(numbered(*[trained([1], sounds=sounds)] * 2)).sounds == sounds
    with pytest.raises(SpeechRnnError, match="writes other tokens"):
        mean_model({FIRST: trained([1], sounds=sounds), SECOND: trained([1])})


def test_one_model_has_no_mean():
    with pytest.raises(SpeechRnnError, match="1 model to average; name two"):
        mean_model({FIRST: trained([1])})


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        (trained([1], vocabulary=Vocabulary("characters", (BLANK, "a", " "))), "second: writes other tokens"),
        (trained([1], encoder=dataclasses.replace(ENCODER, stride=4)), "second: is another network"),
        (trained([1, 2]), "second: is another network"),
    ],
    ids=["other tokens", "another configuration", "another shape"],
)
def test_models_that_have_nothing_in_common_are_refused(other, complaint):
    with pytest.raises(SpeechRnnError, match=complaint):
        mean_model({FIRST: trained([1]), SECOND: other})
