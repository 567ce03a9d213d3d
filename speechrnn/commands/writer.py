"""`speechrnn writer`: a model that hears sounds learns from text how they are spelt."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from speechrnn import config
from speechrnn.commands.train import read_init
from speechrnn.errors import missing_extra
from speechrnn.shipped import find_model

RUN = config.Run(
    model=config.Model(
        encoder=config.Encoder(dropout=0.1),
        writer=config.Writer(layers=2),
        units=config.Units("bpe", pieces=7500, words=7000),
    ),
    batching=config.Batching(seconds=640),
    optimisation=config.Optimisation(peak_rate=3e-3),
    minutes=30,
)
"""Text is without end: there is little to be learnt by heart, and enough of most words for them to be a piece
each, so that no frame has to go on with what its neighbour began. Many rows make short work of a batch."""


@dataclass(frozen=True)
class Writer:
    """Teach a model to spell what it hears; the same command continues a run that was stopped.

    The model must have been trained with a lexicon. Recordings show what it hears, texts are made to sound
    like that, and recurrent layers behind its sounds learn to write them down: greedy decoding then spells as
    in the texts. The result is the model folder RUN_FOLDER/model.
    """

    model: Annotated[Path, tyro.conf.Positional]
    """The model: a model folder, an .onnx file, or a model that comes with the package, such as english."""
    train: tuple[Path, ...]
    """Manifests of recordings, best those that the model was trained on."""
    text: tuple[Path, ...]
    """Texts besides the transcripts, a sentence a line, plain or compressed."""
    lexicon: Path
    """How words are said, see `speechrnn lexicon`; sentences with other words are left out."""
    to: Path
    """Run folder: models, state, history and TensorBoard's files."""
    valid: tuple[Path, ...] = ()
    """Manifests to watch the writer with; without any, a few speakers (or utterances) are set aside."""
    run: Annotated[config.Run, tyro.conf.arg(name="")] = RUN
    """The configuration; of the model only the writer, its units and dropout count."""


def run(options: Writer) -> int:
    """Teach, and return the exit status: 0, or 128 + the number of the signal that stopped the run."""
    from rich.console import Console

    try:
        from speechrnn.training.writing.run import Request, teach
    except ModuleNotFoundError as error:
        raise missing_extra(str(error.name), "train", "teaching a writer") from error

    stderr = Console(stderr=True, soft_wrap=True, highlight=False)
    request = Request(
        run=options.run,
        model=find_model(options.model).path,
        train=options.train,
        texts=options.text,
        lexicon=options.lexicon,
        to=options.to,
        read_model=read_init,
        valid=options.valid,
    )
    stopped_by = teach(request, lambda text: stderr.print(text, markup=False))
    return 0 if stopped_by is None else 128 + stopped_by
