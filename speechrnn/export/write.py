"""From a model folder to the `.onnx` that ships: assembled, quantised if asked for, checked, then named."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import onnx

from speechrnn.errors import SpeechRnnError
from speechrnn.export.assemble import assemble, described, description
from speechrnn.export.int8 import with_int8_weights
from speechrnn.export.parity import answer_of_graph, answer_of_pytorch, distance_between
from speechrnn.metadata import Metadata
from speechrnn.model_folder import read_model_folder


@dataclass(frozen=True)
class Export:
    """What was written: size in bytes, and how far it is from PyTorch (see `parity.py`)."""

    metadata: Metadata
    bytes: int
    distance: float


def export_model(
    folder: Path, to: Path, int8: bool = False, card: Mapping[str, Any] = MappingProxyType({})
) -> Export:
    """Write the model in `folder` as the `.onnx` file `to`, with int8 weights if `int8`.

    What is in `card` is added to the card that training wrote.
    The file has a temporary name until it was checked against PyTorch, so what stood under `to` before is
    lost only to a better one. Raises SpeechRnnError where the folder is no model, the place cannot be
    written, or the graph is not what PyTorch computes.
    """
    wanted = answer_of_pytorch(folder)
    trained = read_model_folder(folder)
    trained = dataclasses.replace(trained, card={**trained.card, **card})
    model, metadata = assemble(trained), description(trained)
    if int8:
        metadata = dataclasses.replace(metadata, precision="int8")
        model = described(with_int8_weights(model), metadata)
    onnx.checker.check_model(model, full_check=not int8)  # shapes are known of standard operators alone
    unnamed = to.with_name(f".{to.name}.unchecked")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, unnamed)
        found = answer_of_graph(unnamed, metadata.sample_rate)
        distance = distance_between(found, wanted, metadata.precision)
        unnamed.replace(to)
    except OSError as error:
        raise SpeechRnnError(
            f"{to}: cannot be written ({error.strerror}); free space or give --to another"
        ) from error
    finally:
        unnamed.unlink(missing_ok=True)
    return Export(metadata, to.stat().st_size, distance)
