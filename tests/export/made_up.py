"""A model folder with small random weights, for tests of whatever is made of a trained model."""

from pathlib import Path

from speechrnn import config
from speechrnn.model_folder import TrainedModel, write_model_folder
from speechrnn.text import BLANK, Vocabulary, characters_of

VOCABULARY: Vocabulary = characters_of(["abcdefg"])
SOUNDS = Vocabulary("sounds", (BLANK, "AH", "P", "T"))
SMALL = config.Encoder(layers=2, width=6, channels=2)


def trained_model(model: config.Model, seed: int = 0, sounds: Vocabulary | None = None) -> TrainedModel:
    """A model whose every weight, biases and statistics included, differs from zero."""
    import torch

    from speechrnn.training.model.network import Network

    torch.manual_seed(seed)
    network = Network(model, len(VOCABULARY), config.Augmentation(), sounds=len(sounds or ()))
    weights = {
        name: (value + 0.1 * torch.rand_like(value)).numpy() for name, value in network.state_dict().items()
    }
    return TrainedModel(model, VOCABULARY, weights, {"data": "none, made up"}, sounds)


def made_up_folder(folder: Path, model: config.Model | None = None) -> Path:
    write_model_folder(folder, trained_model(model or config.Model(encoder=SMALL)))
    return folder
