"""What a recipe asks of a model that it starts from."""

import dataclasses

import pytest

pytest.importorskip("torch")

from speechrnn import config
from speechrnn.model_folder import TrainedModel
from speechrnn.recipe.experiment import with_any_model
from speechrnn.text import BLANK, Vocabulary
from speechrnn.training.model.initialise import Pretrained, model_to_train

ASKED = config.Run(
    model=config.Model(
        front_end=config.FrontEnd(bins=40),
        encoder=config.Encoder(layers=3, width=256, dropout=0.3),
        units=config.Units(kind="bpe", pieces=128),
    ),
    minutes=27,
)


def test_a_trained_model_keeps_its_network_and_its_pieces(tmp_path):
    pieces = Vocabulary("bpe", (BLANK, "▁", "a", "b", "▁ab"))
    found = config.Model(
        encoder=config.Encoder(layers=4, width=320), units=config.Units(kind="bpe", pieces=4)
    )
    start = Pretrained(tmp_path, TrainedModel(found, pieces, {}, {}))
    model, vocabulary = model_to_train(with_any_model(ASKED).model, start, ["ab ba"])
    assert vocabulary == pieces
    assert model == dataclasses.replace(found, encoder=dataclasses.replace(found.encoder, dropout=0.3))


def test_all_else_stays_as_the_recipe_has_it():
    assert dataclasses.replace(with_any_model(ASKED), model=ASKED.model) == ASKED
