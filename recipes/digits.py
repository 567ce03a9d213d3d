"""Connected digits from the Free Spoken Digit Dataset: the whole path in five minutes.

    python recipes/digits.py
    python recipes/digits.py --holdout-speaker theo      trained without a speaker, measured on that speaker

Single recorded digits of six speakers (8 kHz) are strung together; the official test takes make the test
strings. Recordings come from --data-dir (or SPEECHRNN_DATA), else from the corpus's public repository.
"""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from speechrnn import config
from speechrnn.commands import guarded

DOWNLOADS = Path("runs/corpora")
VALID_EVERY = 25  # of the training strings, one watches training

# Ten words need no depth; with 52 pieces each is one, and cannot be misspelt. The recordings have 8 kHz, so
# the front end reads them as they are.
RUN = config.Run(
    model=config.Model(
        front_end=config.FrontEnd(sample_rate=8000, bins=40, high_hz=-200),
        encoder=config.Encoder(layers=2, width=128, stride=4, dropout=0.2),
        units=config.Units(kind="bpe", pieces=52),
    ),
    batching=config.Batching(seconds=30),
    augmentation=config.Augmentation(
        noise_share=0.2, reverb_share=0.1, frequency_mask_bins=8, time_mask_share=0.1, mask_after_updates=600
    ),
    optimisation=config.Optimisation(peak_rate=2e-3),
    minutes=3.5,
    evaluate_every=500,
)


@dataclass(frozen=True)
class Options:
    """Train and measure a recogniser of connected digits."""

    holdout_speaker: str | None = None
    """Train without this speaker and measure on him alone."""
    data_dir: Path | None = None
    """The corpus, or a folder with `fsdd` in it; SPEECHRNN_DATA by default."""
    minutes: float = RUN.minutes
    """Time limit of training."""
    seed: int = 0
    """Seed of everything random."""
    to: Path | None = None
    """Run folder; runs/digits by default."""


def main() -> int:
    """Carry the experiment out and return the exit status."""
    from speechrnn.commands.flags import read_flags
    from speechrnn.corpora import digit_strings, digits
    from speechrnn.manifest import read_manifest
    from speechrnn.recipe.experiment import Experiment, carry_out

    options = read_flags(Options)
    name = "digits" if options.holdout_speaker is None else f"digits-without-{options.holdout_speaker}"
    folder = options.to or Path("runs") / name
    corpus = digits.find(options.data_dir) or digits.fetch(DOWNLOADS)
    manifests = digit_strings.compose(digits.read(corpus), folder / "strings", options.holdout_speaker)
    strings = read_manifest(manifests.train)
    watched = strings[::VALID_EVERY]
    ids = {utterance.id for utterance in watched}
    return carry_out(
        Experiment(
            title=f"digits.py, {name}",
            corpus="Strings composed of the Free Spoken Digit Dataset (Z. Jackson et al., CC BY-SA 4.0).",
            run=dataclasses.replace(RUN, minutes=options.minutes, seed=options.seed),
            train=[utterance for utterance in strings if utterance.id not in ids],
            valid=watched,
            tests={"test strings": read_manifest(manifests.test)},
            folder=folder,
        ),
        Console(stderr=True, soft_wrap=True, highlight=False).print,
    )


if __name__ == "__main__":
    sys.exit(guarded(main))
