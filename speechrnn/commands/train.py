"""`speechrnn train`: manifests in, a run folder with the trained model out.

Every field of the configuration is a flag. The same command continues a run that was stopped or killed.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from speechrnn import config
from speechrnn.errors import missing_extra
from speechrnn.shipped import find_model

if TYPE_CHECKING:
    from speechrnn.model_folder import TrainedModel


@dataclass(frozen=True)
class Train:
    """Train a model; the same command continues a run that was stopped.

    The result is the model folder RUN_FOLDER/model. Ctrl-C and SIGTERM save and stop (status 130, 143).
    """

    train: tuple[Path, ...]
    """Manifests to train on."""
    to: Path
    """Run folder: models, state, history and TensorBoard's files."""
    valid: tuple[Path, ...] = ()
    """Manifests to validate on; without any, a few speakers (or utterances) are set aside."""
    init: Path | None = None
    """Start from a trained model instead of random weights: a model folder, an .onnx file, or a model that
    comes with the package, such as english. It brings its front end and encoder, and its pieces where they
    can write the text."""
    lexicon: Path | None = None
    """How words are said (a word and its sounds a line, see `speechrnn lexicon`): the network then learns to
    write sounds as well, and a beam search can use them. With --init and a model that comes with the package
    it is that of the model."""
    run: Annotated[config.Run, tyro.conf.arg(name="")] = field(default_factory=config.Run)
    """The configuration."""


def run(options: Train) -> int:
    """Train, and return the exit status: 0, or 128 + the number of the signal that stopped the run."""
    from rich.console import Console

    try:
        from speechrnn.training.run import Request, train
    except ModuleNotFoundError as error:
        raise missing_extra(str(error.name), "train", "training") from error

    stderr = Console(stderr=True, soft_wrap=True, highlight=False)
    start = None if options.init is None else find_model(options.init)
    init, shipped_lexicon = (start.path, start.lexicon) if start is not None else (None, None)
    lexicon = options.lexicon or shipped_lexicon
    request = Request(options.run, options.train, options.to, options.valid, init, lexicon, read_init)
    stopped_by = train(request, lambda text: stderr.print(text, markup=False))
    return 0 if stopped_by is None else 128 + stopped_by


def read_init(path: Path) -> "TrainedModel":
    """Return the model of a model folder or an .onnx file."""
    from speechrnn.model_folder import read_model_folder

    if path.suffix != ".onnx":
        return read_model_folder(path)
    try:
        from speechrnn.export.read_back import read_onnx
    except ModuleNotFoundError as error:
        raise missing_extra(str(error.name), "export", "starting from an .onnx") from error
    return read_onnx(path)
