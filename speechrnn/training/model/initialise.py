"""The weights a run starts from: random ones, or those of a trained model (fine-tuning).

A trained model brings front end, encoder and writer, settings and weights; and its byte-pair pieces, where
they can write the new text. Of its heads it brings the rows of the tokens that both models have, wherever
they stand in their vocabularies; rows of new tokens stay random.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.model_folder import TrainedModel
from speechrnn.text import Vocabulary
from speechrnn.training.data.units import Speller, learn
from speechrnn.training.model.network import Network
from speechrnn.training.model.network_folder import network_of


def random_network(run: config.Run, tokens: int, sounds: int = 0) -> Network:
    """Return a network with the random weights that the run's seed stands for."""
    torch.manual_seed(run.seed)
    return Network(run.model, tokens, run.augmentation, run.loss, sounds)


@dataclass(frozen=True)
class Pretrained:
    """A trained model to start from: `name` is what the user calls it."""

    name: Path
    trained: TrainedModel


def load_pretrained(
    network: Network, vocabulary: Vocabulary, start: Pretrained, sounds: Vocabulary | None = None
) -> list[str]:
    """Give `network` the weights of `start`; return the tokens and sounds whose rows stay random.

    Front end, encoder and writer must be those that `adopted` gives. Raises SpeechRnnError where weights
    are missing.
    """
    found = network_of(start.trained, start.name).state_dict()
    weights = network.state_dict()
    heads = {"sound_head": (sounds, start.trained.sounds)} if sounds is not None else {}
    of_text = "head" if network.writer is None else "writer.head"
    heads[of_text] = vocabulary, start.trained.vocabulary
    weights |= {name: value for name, value in found.items() if "head" not in name}
    new: dict[str, None] = {}
    for head, (ours, theirs) in heads.items():
        if theirs is not None:
            carry_rows(head, weights, found, ours, theirs)
        known = {*theirs.symbols} if theirs is not None else {}
        new |= dict.fromkeys(symbol for symbol in ours.symbols if symbol not in known)
    network.load_state_dict(weights)
    return [*new]


def carry_rows(
    head: str, weights: dict[str, Tensor], found: Mapping[str, Tensor], ours: Vocabulary, theirs: Vocabulary
) -> None:
    """Give the `head` among `weights`, of `ours`, the rows of that among `found`, of `theirs`, by symbol.

    Weights are [tokens, width], biases [tokens]; widths are the same, and both vocabularies have a blank.
    """
    rows = {symbol: row for row, symbol in enumerate(theirs.symbols)}
    to = [row for row, symbol in enumerate(ours.symbols) if symbol in rows]
    of = [rows[ours.symbols[row]] for row in to]
    for name in (f"{head}.weight", f"{head}.bias"):
        weights[name] = weights[name].index_copy(0, torch.tensor(to), found[name][of])


def model_to_train(
    wanted: config.Model, start: Pretrained | None, texts: Sequence[str]
) -> tuple[config.Model, Vocabulary]:
    """Return the model of a run on `texts` that begins, and what it writes.

    Raises SpeechRnnError where texts and settings, or `start` and settings, do not go together.
    """
    if start is None:
        return wanted, learn(texts, wanted.units).vocabulary
    model = adopted(wanted, start)
    pieces = inherited_pieces(wanted.units, start, texts)
    if pieces is None:
        return model, learn(texts, wanted.units).vocabulary
    return dataclasses.replace(model, units=start.trained.model.units), pieces


def inherited_pieces(wanted: config.Units, start: Pretrained, texts: Iterable[str]) -> Vocabulary | None:
    """Return the pieces of `start` if they can write all of `texts`, and nobody wants another number of them.

    Characters need no inheriting: learnt anew, they are the same ones.
    """
    vocabulary = start.trained.vocabulary
    ours, theirs = (wanted.pieces, wanted.words), (len(vocabulary) - 1, start.trained.model.units.words)
    others_wanted = wanted.kind == "bpe" and ours != theirs
    if vocabulary.kind != "bpe" or others_wanted or Speller(vocabulary).unknown_characters(texts):
        return None
    return vocabulary


def adopted(wanted: config.Model, start: Pretrained) -> config.Model:
    """Return `wanted` with the front end, the encoder and the writer of `start`.

    Dropout and phases say nothing of the weights and stay. Raises SpeechRnnError naming the first other
    setting that was given (that is not the default) and differs.
    """
    found = start.trained.model
    dropout, phases = wanted.encoder.dropout, wanted.encoder.phases
    encoder = dataclasses.replace(found.encoder, dropout=dropout, phases=phases)
    for section, ours, theirs, default in (
        ("front-end", wanted.front_end, found.front_end, config.FrontEnd()),
        ("encoder", wanted.encoder, encoder, config.Encoder()),
        ("writer", wanted.writer, found.writer, config.Writer()),
    ):
        for field in dataclasses.fields(ours):
            here, there, unsaid = (getattr(model, field.name) for model in (ours, theirs, default))
            if here not in (there, unsaid):
                flag = f"--model.{section}.{field.name.replace('_', '-')}"
                raise SpeechRnnError(
                    f"--init {start.name}: was trained with {flag} {there}, not {here}; leave {flag} out"
                )
    return dataclasses.replace(wanted, front_end=found.front_end, encoder=encoder, writer=found.writer)
