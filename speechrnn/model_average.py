"""Several trained models become one: the mean of their weights.

Networks that were trained on from the same one, under other settings or on other data, mostly lie in one
basin of the loss. Their mean is then about as good as all of them together, at the cost of one (Wortsman et
al. 2022, "Model soups"). Networks that began apart have nothing in common: their mean knows nothing.
`speechrnn average` reads the folders (`model_folder.py`) and writes the mean as another.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from speechrnn.config import Model
from speechrnn.errors import SpeechRnnError
from speechrnn.model_folder import TrainedModel


def mean_model(models: Mapping[Path, TrainedModel]) -> TrainedModel:
    """Return the mean of `models`, by the folder of each; configuration, vocabulary and sounds are
    the first one's.

    Dropout may differ, the card is left out, sums are in double precision. Raises SpeechRnnError for fewer
    than two models, and where one is another network, or writes other tokens, than the first.
    """
    if len(models) < 2:
        raise SpeechRnnError(f"{len(models)} model to average; name two different ones or more")
    (first_folder, first), *others = models.items()
    for folder, other in others:
        _check_alike(folder, other, first_folder, first)
    weights = {
        name: np.asarray(
            np.mean([model.weights[name] for model in models.values()], axis=0, dtype=np.float64), np.float32
        )
        for name in first.weights
    }
    return TrainedModel(first.model, first.vocabulary, weights, sounds=first.sounds)


def _check_alike(folder: Path, other: TrainedModel, first_folder: Path, first: TrainedModel) -> None:
    """Raise SpeechRnnError unless the weights of both mean the same."""
    if (other.vocabulary, other.sounds) != (first.vocabulary, first.sounds):
        raise SpeechRnnError(
            f"{folder}: writes other tokens than {first_folder}; train one from the other (--init)"
        )
    if _as_run(other.model) != _as_run(first.model) or _shapes(other) != _shapes(first):
        raise SpeechRnnError(
            f"{folder}: is another network than {first_folder}; train one from the other (--init)"
        )


def _as_run(model: Model) -> Model:
    """Return what counts when `model` is run; dropout does not."""
    return dataclasses.replace(model, encoder=dataclasses.replace(model.encoder, dropout=0.0))


def _shapes(trained: TrainedModel) -> dict[str, tuple[int, ...]]:
    return {name: weight.shape for name, weight in trained.weights.items()}
