"""A trained network and its model folder: from one to the other.

`model_folder.py` reads and writes folders as plain arrays, for programs without torch. This is the side with
torch: training writes networks with it, validation of a folder and fine-tuning read them.
"""

from pathlib import Path
from typing import Any

import torch

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.model_folder import TrainedModel, read_model_folder, write_model_folder
from speechrnn.text import Vocabulary
from speechrnn.training.model.network import Network


def write_network(
    folder: Path,
    card: dict[str, Any],
    network: Network,
    model: config.Model,
    vocabulary: Vocabulary,
    sounds: Vocabulary | None = None,
) -> None:
    """Write `network` as the model folder `folder`; a model that was there before is replaced."""
    weights = {name: value.detach().cpu().float().numpy() for name, value in network.state_dict().items()}
    write_model_folder(folder, TrainedModel(model, vocabulary, weights, card, sounds))


def read_network(folder: Path) -> tuple[Network, TrainedModel]:
    """Return the network in `folder`, on the CPU, and the folder's content.

    Raises SpeechRnnError where the weights are not those of the configured network.
    """
    trained = read_model_folder(folder)
    return network_of(trained, folder), trained


def network_of(trained: TrainedModel, path: Path) -> Network:
    """Return `trained`, which was read from `path`, as a network on the CPU.

    Raises SpeechRnnError where the weights are not those of the configured network.
    """
    network = Network(
        trained.model, len(trained.vocabulary), config.Augmentation(), sounds=len(trained.sounds or ())
    )
    check_weights(path, network, trained)
    network.load_state_dict({name: torch.tensor(array) for name, array in trained.weights.items()})
    return network


def check_weights(path: Path, network: Network, trained: TrainedModel) -> None:
    """Raise SpeechRnnError unless `trained` holds an array of the right shape for each of `network`."""
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: array.shape for name, array in trained.weights.items()}
    wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if wrong:
        name = wrong[0]
        raise SpeechRnnError(
            f"{path}: {name} is {found.get(name, 'missing')}, its configuration wants {wanted.get(name)};"
            " copy the model again, configuration and weights together"
        )
