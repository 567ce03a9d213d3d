"""An `.onnx` to time: what a network costs does not hang on what it has learnt.

Its weights are those that training starts from. Only that the blank wins in most frames is made to happen, as
it does in a trained one, because decoding would otherwise have more words to put together than anybody says.
"""

from pathlib import Path

import torch

from speechrnn import config
from speechrnn.export.write import export_model
from speechrnn.model_folder import TrainedModel, write_model_folder
from speechrnn.text import characters_of
from speechrnn.training.model.network import Network

BLANK_BIAS = 1.5


def write_untrained(folder: Path, encoder: config.Encoder) -> tuple[Path, Path]:
    """Write a model with `encoder` into `folder`; return its `.onnx` files, fp32 and int8."""
    torch.manual_seed(0)
    model = config.Model(encoder=encoder)
    vocabulary = characters_of(["abcdefghijklmnopqrstuvwxyz'"])
    network = Network(model, len(vocabulary), config.Augmentation())
    assert network.head is not None
    with torch.no_grad():
        network.head.bias[0] += BLANK_BIAS
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    write_model_folder(
        folder / "model", TrainedModel(model, vocabulary, weights, {"data": "none, untrained"})
    )
    files = folder / "untrained.onnx", folder / "untrained.int8.onnx"
    for file in files:
        export_model(folder / "model", file, int8="int8" in file.name)
    return files
