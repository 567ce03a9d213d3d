"""The weights a run starts from: random ones, or those of a trained model (fine-tuning).

A trained model brings every weight of front end and encoder. Of its head it brings the rows of the tokens
that both models have, wherever they stand in their vocabularies; rows of new tokens stay random.
"""

import dataclasses
from pathlib import Path

import torch

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.text import Vocabulary
from speechrnn.training.model.network import Network
from speechrnn.training.model.network_folder import read_network


def random_network(run: config.Run, tokens: int) -> Network:
    """Return a network with the random weights that the run's seed stands for."""
    torch.manual_seed(run.seed)
    return Network(run.model, tokens, run.augmentation)


def load_pretrained(network: Network, model: config.Model, vocabulary: Vocabulary, folder: Path) -> list[str]:
    """Give `network` the weights of the model in `folder`; return the tokens whose rows stay random.

    Raises SpeechRnnError where the two models do not have the same front end and encoder.
    """
    source, trained = read_network(folder)
    check_same_shape(model, trained.model, folder)
    weights = source.state_dict()
    rows = {symbol: row for row, symbol in enumerate(trained.vocabulary.symbols)}
    shared = [(row, rows[symbol]) for row, symbol in enumerate(vocabulary.symbols) if symbol in rows]
    to, of = (torch.tensor(column) for column in zip(*shared, strict=True))
    for name, value in network.head.state_dict().items():
        weights[f"head.{name}"] = value.index_copy(0, to, weights[f"head.{name}"][of])
    network.load_state_dict(weights)
    return [symbol for symbol in vocabulary.symbols if symbol not in rows]


def check_same_shape(wanted: config.Model, found: config.Model, folder: Path) -> None:
    """Raise SpeechRnnError naming the first setting in which front end or encoder differ.

    Dropout belongs to training and may differ.
    """
    encoder = dataclasses.replace(found.encoder, dropout=wanted.encoder.dropout)
    for section, ours, theirs in (
        ("front-end", wanted.front_end, found.front_end),
        ("encoder", wanted.encoder, encoder),
    ):
        for field in dataclasses.fields(ours):
            here, there = getattr(ours, field.name), getattr(theirs, field.name)
            if here != there:
                flag = f"--model.{section}.{field.name.replace('_', '-')}"
                raise SpeechRnnError(
                    f"--init {folder}: was trained with {flag} {there}, not {here}; give {flag} {there}"
                )
