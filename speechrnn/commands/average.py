"""`speechrnn average`: the mean of several models that were trained on from the same one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from speechrnn.model_average import mean_model
from speechrnn.model_folder import read_model_folder, write_model_folder


@dataclass(frozen=True)
class Average:
    """Make one model of several: the mean of their weights.

    It helps where they were trained on from the same model (--init), under other settings or with another
    seed, and is then often better than each of them. Measure it with `speechrnn evaluate`.
    """

    models: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """The model folders, such as RUN_FOLDER/model."""
    to: Path
    """The model folder to write."""


def run(options: Average) -> int:
    """Write the mean and print what it is of; return the exit status."""
    mean = mean_model({folder: read_model_folder(folder) for folder in options.models})
    write_model_folder(options.to, mean)
    print(f"{options.to}: the mean of {', '.join(map(str, options.models))}")
    return 0
