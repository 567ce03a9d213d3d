"""CMU AN4: fifty minutes of real speech, a complete training in half an hour, figures to hold it against.

    python recipes/an4.py                   from scratch
    python recipes/an4.py --init english    from a model that ships, which needs far less

948 training and 130 test utterances of spelt words, numbers and names by 84 speakers (none in both parts),
recorded at Carnegie Mellon University in 1991. Published, greedy: deepspeech.pytorch 9.6 % WER, ESPnet's
transformer 7.4; Kaldi with a lexicon and a language model 6.0. One word of the test is 0.13 %.
"""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from speechrnn import config
from speechrnn.commands import guarded
from speechrnn.shipped import find_model

DOWNLOADS = Path("runs/corpora")

# Little speech, so what helps is seeing it in many guises: small batches, masks, dropout, noise. Words
# are few: most get a piece of their own, and a frame each 60 ms is enough for those.
RUN = config.Run(
    model=config.Model(
        encoder=config.Encoder(layers=3, width=256, stride=6, dropout=0.3),
        units=config.Units(kind="bpe", pieces=128),
    ),
    batching=config.Batching(seconds=40),
    loss=config.Loss(middle=0.3),
    augmentation=config.Augmentation(frequency_mask_bins=20, mask_after_updates=300),
    optimisation=config.Optimisation(peak_rate=2e-3),
    minutes=27,
    evaluate_every=500,
)


@dataclass(frozen=True)
class Options:
    """Train and measure a recogniser on AN4."""

    data_dir: Path | None = None
    """The corpus, or a folder with `an4` in it; SPEECHRNN_DATA by default."""
    init: Path | None = None
    """Start from the network of a model folder, an .onnx file or a model that ships."""
    minutes: float = RUN.minutes
    """Time limit of training."""
    seed: int = 0
    """Seed of everything random."""
    to: Path = Path("runs/an4")
    """Run folder."""


def main() -> int:
    """Carry the experiment out and return the exit status."""
    from speechrnn.commands.flags import read_flags
    from speechrnn.corpora import an4
    from speechrnn.recipe.experiment import Experiment, carry_out
    from speechrnn.training.machine import fit_machine

    options = read_flags(Options)
    start = None if options.init is None else find_model(options.init)
    corpus = an4.read(an4.find(options.data_dir) or an4.fetch(DOWNLOADS))
    return carry_out(
        Experiment(
            title="an4.py",
            corpus="CMU AN4, official split (Carnegie Mellon University, 1991).",
            run=fit_machine(dataclasses.replace(RUN, minutes=options.minutes, seed=options.seed)),
            train=corpus.train,
            tests={"an4 test": corpus.test},
            folder=options.to,
            init=None if start is None else start.path,
            lexicon=None if start is None else start.lexicon,
        ),
        Console(stderr=True, soft_wrap=True, highlight=False).print,
    )


if __name__ == "__main__":
    sys.exit(guarded(main))
