"""The model that ships, from random weights: every stage of its training, one command.

    python recipes/english.py --lm-text books.txt.xz train-clean-100.txt.xz
    python recipes/english.py --data-dir $SPEECHRNN_DATA --minutes 60     all stages, in an hour

    mini -> small -> masked -> calmed; mean of small and calmed -> views, plain;
         mean of these four -> english.onnx (int8), english.ngram.xz, error rates

What each stage is for and what it brought is told in docs/little-data.md. A stage is a run in a folder of its
own: the same command goes on where it was stopped.

The model in the package was not made by one such command (RESULTS.md has its runs). There, AdamW made the
steps of matrices, too (commit ac83aee is the last that does); `masked` was the beginning of a longer run, cut
off at a high rate; `views` and `plain` ran side by side, a core and a seed each, and were cut off shortly
before their end; utterances were moved, and looked at twice, from `views` on alone; and the n-gram knows the
transcripts of train-clean-100, not those of the other parts. Confidences are calibrated by
tools/calibrate_confidence.py.
"""

import dataclasses
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from librispeech_small import CORPORA, DOWNLOADS, REAL_RUN, read
from rich.console import Console

from speechrnn import config
from speechrnn.commands import guarded
from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.manifest import Utterance, write_manifest


@dataclass(frozen=True)
class Stage:
    """Training that starts with the network of an earlier step."""

    name: str
    start: str | None
    corpus: Literal["mini", "small"]
    run: config.Run


@dataclass(frozen=True)
class Mean:
    """The mean of the networks of two earlier steps."""

    name: str
    of: tuple[str, str]


@dataclass(frozen=True)
class Masking:
    """How much of what it hears a network is kept from."""

    dropout: float
    bins: int
    """Widest of two frequency masks."""
    time_share: float
    noise_share: float


def masked(masking: Masking, loss: config.Loss, peak_rate: float, minutes: float) -> config.Run:
    """Return settings for a network that knows its corpus: masks from the first update, more speeds."""
    return config.Run(
        model=config.Model(encoder=config.Encoder(dropout=masking.dropout)),
        augmentation=config.Augmentation(
            speeds=(0.85, 0.9, 0.95, 1.0, 1.05, 1.1),
            noise_share=masking.noise_share,
            reverb_share=0,
            frequency_mask_bins=masking.bins,
            time_mask_share=masking.time_share,
            mask_after_updates=0,
        ),
        loss=loss,
        batching=config.Batching(seconds=60),
        optimisation=config.Optimisation(peak_rate=peak_rate, weight_decay=0.03),
        minutes=minutes,
        evaluate_every=250,
    )


def with_codecs(run: config.Run, share: float) -> config.Run:
    """Return `run` with that share of utterances sent through codecs."""
    return dataclasses.replace(run, augmentation=dataclasses.replace(run.augmentation, codec_share=share))


MUCH, SOME = Masking(0.3, 27, 0.25, 0.2), Masking(0.2, 20, 0.15, 0.15)
TWO_VIEWS, ONE_VIEW = config.Loss(middle=0.3, consistency=0.2), config.Loss(middle=0.3)
SMALL_RUN = dataclasses.replace(
    REAL_RUN, model=config.Model(encoder=config.Encoder(dropout=0.1)), minutes=105
)

PARTS = {name: CORPORA[name].train for name in ("mini", "small")}
STEPS: tuple[Stage | Mean, ...] = (
    Stage("mini", None, "mini", REAL_RUN),
    Stage("small", "mini", "small", SMALL_RUN),
    Stage("masked", "small", "small", masked(MUCH, TWO_VIEWS, 1e-3, minutes=38)),
    Stage("calmed", "masked", "small", masked(SOME, TWO_VIEWS, 7.5e-4, minutes=62)),
    Mean("mean", ("small", "calmed")),
    Stage("views", "mean", "small", with_codecs(masked(SOME, TWO_VIEWS, 5e-4, minutes=40), 0.2)),
    Stage("plain", "mean", "small", with_codecs(masked(SOME, ONE_VIEW, 5e-4, minutes=40), 0.2)),
    Mean("both", ("views", "plain")),
    Mean("english", ("mean", "both")),
)


@dataclass(frozen=True)
class Options:
    """Train the English model that ships, and what it is decoded with."""

    data_dir: Path | None = None
    """A tree in LibriSpeech's layout, or a folder with one; SPEECHRNN_DATA by default."""
    lm_text: tuple[Path, ...] = ()
    """Text for the n-gram besides the training transcripts: a sentence a line, plain or compressed."""
    minutes: float = 0.0
    """Time limit of all training together, shared out as in the model that ships; 0 takes what that took."""
    seed: int = 0
    """Seed of everything random."""
    to: Path = Path("runs/english")
    """Folder of all runs."""


def main() -> int:
    """Take all steps that have not been taken, export and measure; return the exit status."""
    from speechrnn.commands.flags import read_flags

    options = read_flags(Options)
    say = Console(stderr=True, soft_wrap=True, highlight=False).print
    for path in options.lm_text:
        check_readable(path)
    tree = find(options.data_dir)
    manifests = {
        name: written(options.to / f"{name}.jsonl", read(tree, part)) for name, part in PARTS.items()
    }
    for step in in_minutes(STEPS, options.minutes):
        say(f"== {step.name}")
        if isinstance(step, Mean):
            average(step, options.to)
            continue
        stopped_by = train_stage(step, manifests[step.corpus], options, say)
        if stopped_by is not None:
            return 128 + stopped_by
    tests = {part: read(tree, [part]) for part in CORPORA["small"].test}
    publish(options.to, manifests["small"], tests, options, say)
    return 0


def find(data_dir: Path | None) -> Path:
    """Return the tree with all parts, downloaded if it has to be."""
    from speechrnn.corpora import librispeech

    wanted = list(dict.fromkeys([*PARTS["mini"], *PARTS["small"], *CORPORA["small"].test]))
    tree = librispeech.find_tree(data_dir, wanted)
    if tree is None and data_dir is not None:
        raise SpeechRnnError(f"{data_dir}: lacks some of {', '.join(wanted)}; name a tree that has them")
    return tree or librispeech.fetch_parts(DOWNLOADS, wanted)


def written(path: Path, utterances: Sequence[Utterance]) -> Path:
    """Write a manifest of `utterances`; return `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_manifest(path, utterances)
    return path


def in_minutes(steps: Sequence[Stage | Mean], minutes: float) -> list[Stage | Mean]:
    """Return `steps` with their time limits scaled to `minutes` in all, or as they are if that is 0."""
    planned = sum(step.run.minutes for step in steps if isinstance(step, Stage))
    share = minutes / planned if minutes else 1.0
    return [
        step
        if isinstance(step, Mean)
        else dataclasses.replace(step, run=dataclasses.replace(step.run, minutes=share * step.run.minutes))
        for step in steps
    ]


def train_stage(stage: Stage, manifest: Path, options: Options, say: Callable[[str], None]) -> int | None:
    """Train a stage to its end, or return the number of the signal that stopped it."""
    from speechrnn.training.machine import fit_machine
    from speechrnn.training.run import Request, train

    run = fit_machine(stage.run) if stage.start is None else stage.run
    run = dataclasses.replace(run, seed=options.seed)
    init = None if stage.start is None else options.to / stage.start / "model"
    return train(Request(run, (manifest,), options.to / stage.name, init=init), say)


def average(mean: Mean, folder: Path) -> None:
    """Write the model folder of `mean`."""
    from speechrnn.model_average import mean_model
    from speechrnn.model_folder import read_model_folder, write_model_folder

    of = [folder / name / "model" for name in mean.of]
    write_model_folder(folder / mean.name / "model", mean_model({one: read_model_folder(one) for one in of}))


def publish(
    folder: Path,
    manifest: Path,
    tests: dict[str, list[Utterance]],
    options: Options,
    say: Callable[[str], None],
) -> None:
    """Write the .onnx and the n-gram that go into a package, and measure both."""
    from speechrnn.manifest import read_manifest
    from speechrnn.recipe.experiment import export_both, measure
    from speechrnn.recipe.language_model import SHIPPED, Texts, build_language_model
    from speechrnn.training.data.held_out import set_aside

    utterances = read_manifest(manifest)
    exported = export_both(folder / "english", say)
    transcripts = [utterance.text for utterance in utterances]
    texts = Texts(transcripts, options.lm_text, set_aside(utterances)[1])
    ngram = build_language_model(exported[1], folder / "english", texts, say, SHIPPED)
    measure(folder / "english" / "model", exported, tests, ngram, say)


if __name__ == "__main__":
    sys.exit(guarded(main))
