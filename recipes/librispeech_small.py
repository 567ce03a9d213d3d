"""LibriSpeech from little data: train, measure, export, transcribe, report. One command, from scratch.

    python recipes/librispeech_small.py                              mini LibriSpeech, else synthetic speech
    python recipes/librispeech_small.py --corpus small --minutes 600
    python recipes/librispeech_small.py --lm-text books.txt.xz       text, too: it teaches spelling
    python recipes/librispeech_small.py --corpus small --init runs/librispeech-mini/model
    torchrun --nproc-per-node 8 recipes/librispeech_small.py --corpus 960h

Recordings are taken from --data-dir (or SPEECHRNN_DATA), any tree in LibriSpeech's layout, FLAC or Opus, else
downloaded from OpenSLR; texts from --lm-text, or from a folder `lm-text` beside that tree. Everything lands
in the run folder, the page to read first is `report.md` there. The same command continues a run that was
stopped.
"""

import dataclasses
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from rich.console import Console

from speechrnn import config
from speechrnn.commands import guarded, writer
from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.manifest import Utterance
from speechrnn.shipped import find_model


class Parts(NamedTuple):
    """Parts of LibriSpeech to train on, and to measure on."""

    train: tuple[str, ...]
    test: tuple[str, ...]


CORPORA = {
    "mini": Parts(("train-clean-5",), ("dev-clean-2",)),
    "small": Parts(
        ("train-clean-5", "dev-clean-2", "train-clean-100", "dev-clean", "dev-other"),
        ("test-clean", "test-other"),
    ),
    "100h": Parts(("train-clean-100",), ("test-clean", "test-other")),
    "460h": Parts(("train-clean-100", "train-clean-360"), ("test-clean", "test-other")),
    "960h": Parts(("train-clean-100", "train-clean-360", "train-other-500"), ("test-clean", "test-other")),
}

DOWNLOADS = Path("runs/corpora")

# Synthetic speech is easy: clean, a grammar, few words. A small network learns it in minutes: batches are no
# larger than it takes to keep two cores busy, and six passes over the corpus are too few for dropout, other
# speeds, masks, rooms and much noise to help.
SYNTHETIC_RUN = config.Run(
    model=config.Model(
        encoder=config.Encoder(layers=2, width=256, stride=6, dropout=0),
        units=config.Units(kind="bpe", pieces=96),
    ),
    batching=config.Batching(seconds=32),
    augmentation=config.Augmentation(
        speeds=(1.0,), gain_low_db=-10, noise_share=0.1, reverb_share=0, frequency_masks=0, time_mask_share=0
    ),
    optimisation=config.Optimisation(peak_rate=3e-3),
    minutes=7,
    evaluate_every=1000,
)
# Few hours are learnt by going over them often, under masks, at other speeds and through codecs, or they are
# known by heart. English spelling hides what is said: a second head learns sounds, sooner than the first one
# pieces, and the middle of the stack is asked for both. At 40 ms a frame there is room for a sound in each.
REAL_RUN = config.Run(
    model=config.Model(
        encoder=config.Encoder(layers=4, width=320, bottleneck=320, stride=4, dropout=0.2),
        units=config.Units(kind="bpe", pieces=128),
    ),
    loss=config.Loss(middle=0.3, sounds=0.5),
    batching=config.Batching(seconds=160),
    augmentation=config.Augmentation(
        speeds=(0.9, 0.95, 1.0, 1.05, 1.1),
        noise_share=0.15,
        reverb_share=0.1,
        codec_share=0.1,
        frequency_mask_bins=20,
        time_mask_share=0.12,
    ),
    optimisation=config.Optimisation(peak_rate=2e-3, weight_decay=0.03),
    minutes=90,
    evaluate_every=1000,
)

WRITER_RUN = dataclasses.replace(writer.RUN, augmentation=REAL_RUN.augmentation)
WRITER_SHARE = 0.4
"""Of the time, where there is text to teach spelling with: its figures fall for longer than the network's."""
HEARD_SHARE = 0.7
"""Of the loss, for sounds, where a writer takes the place of the network's own pieces."""


@dataclass(frozen=True)
class Options:
    """Train and measure a recogniser on LibriSpeech."""

    corpus: Literal["auto", "mini", "small", "100h", "460h", "960h", "synthetic"] = "auto"
    """What to train on; `auto` is mini, or synthetic speech where mini is not to be had."""
    data_dir: Path | None = None
    """A tree in LibriSpeech's layout, or a folder with one; SPEECHRNN_DATA by default."""
    train_parts: tuple[str, ...] = ()
    """Parts to train on, instead of those of --corpus."""
    test_parts: tuple[str, ...] = ()
    """Parts to measure on, instead of those of --corpus."""
    lm_text: tuple[Path, ...] | None = None
    """Text besides the training transcripts: a sentence a line, plain or compressed. It teaches spelling, in
    two fifths of the time, and goes into the n-gram. By default what a folder `lm-text` beside the tree of
    recordings holds, if there is one; no files: none."""
    lexicon: Path | None = None
    """How words are said, as `speechrnn lexicon` writes it; by default that of the model that ships."""
    init: Path | None = None
    """Start from the network of a model folder, an .onnx file or a model that ships."""
    minutes: float | None = None
    """Time limit of training."""
    seed: int = 0
    """Seed of everything random."""
    to: Path | None = None
    """Run folder; runs/librispeech-CORPUS by default."""


class Recordings(NamedTuple):
    """Utterances to train on, test sets by name, and texts that lie beside them."""

    train: list[Utterance]
    tests: dict[str, list[Utterance]]
    texts: tuple[Path, ...] = ()


def main() -> int:
    """Carry the experiment out and return the exit status."""
    from speechrnn.commands.flags import read_flags
    from speechrnn.recipe.experiment import Experiment, carry_out
    from speechrnn.training.machine import fit_machine

    options = read_flags(Options)
    say = Console(stderr=True, soft_wrap=True, highlight=False).print
    for path in options.lm_text or ():
        check_readable(path)
    name, recordings = find_recordings(options, say)
    texts = recordings.texts if options.lm_text is None else options.lm_text
    run, writing = SYNTHETIC_RUN, None
    if name != "synthetic":
        run = fit_machine(REAL_RUN)
        writing = with_options(WRITER_RUN, options) if texts else None
    run = with_options(run, options)
    if writing is not None:
        run, writing = sharing_time(run, writing)
    told = "Synthetic speech by espeak-ng: no figure here says anything about real recordings."
    if name != "synthetic":
        told = f"LibriSpeech (Panayotov et al. 2015, CC BY 4.0), experiment **{name}**."
    return carry_out(
        Experiment(
            title=f"librispeech_small.py, {name}",
            corpus=told,
            run=run,
            train=recordings.train,
            tests=recordings.tests,
            folder=options.to or Path("runs") / f"librispeech-{name}",
            init=None if options.init is None else find_model(options.init).path,
            lexicon=None if name == "synthetic" else options.lexicon or find_model("english").lexicon,
            texts=texts,
            writer=writing,
        ),
        say,
    )


def find_recordings(options: Options, say: Callable[[str], None]) -> tuple[str, Recordings]:
    """Return what is trained on, by name, and its utterances; downloads or speaks them where need be."""
    from speechrnn.corpora import librispeech

    if options.corpus == "synthetic":
        return "synthetic", speak()
    name = "mini" if options.corpus == "auto" else options.corpus
    parts = Parts(options.train_parts or CORPORA[name].train, options.test_parts or CORPORA[name].test)
    wanted = [*parts.train, *parts.test]
    tree = librispeech.find_tree(options.data_dir, wanted)
    if tree is None and options.data_dir is not None:
        raise SpeechRnnError(
            f"{options.data_dir}: lacks some of {', '.join(wanted)}; name a tree that has them"
        )
    if tree is None:
        try:
            tree = librispeech.fetch_parts(DOWNLOADS, wanted)
        except SpeechRnnError as error:
            if options.corpus != "auto":
                raise
            say(f"no LibriSpeech on this disk or from OpenSLR ({error}); going on with synthetic speech")
            return "synthetic", speak()
    texts = tuple(sorted((tree.parent / "lm-text").glob("*.txt*")))
    say(f"recordings: {tree}; texts beside them: {', '.join(text.name for text in texts) or 'none'}")
    return name, Recordings(read(tree, parts.train), {part: read(tree, [part]) for part in parts.test}, texts)


def speak() -> Recordings:
    """Return the synthetic corpus, made by espeak-ng unless it has been made."""
    from speechrnn.corpora import synthetic

    tree = synthetic.make_corpus(DOWNLOADS / "synthetic")
    return Recordings(
        read(tree, [synthetic.TRAIN_PART]), {synthetic.TEST_PART: read(tree, [synthetic.TEST_PART])}
    )


def read(tree: Path, parts: Iterable[str]) -> list[Utterance]:
    """Return the utterances of `parts`, each once: the mini parts are cut out of the large ones."""
    from speechrnn.corpora.librispeech_tree import librispeech_utterances

    utterances = (utterance for part in parts for utterance in librispeech_utterances(tree, part))
    return list({utterance.id: utterance for utterance in utterances}.values())


def sharing_time(run: config.Run, writing: config.Run) -> tuple[config.Run, config.Run]:
    """Return `run`, and that of `writing`, with the parts that they get of the minutes of `run`.

    The first one is then about sounds more than about pieces.
    """
    hearing = dataclasses.replace(run.loss, sounds=HEARD_SHARE)
    return (
        dataclasses.replace(run, loss=hearing, minutes=(1 - WRITER_SHARE) * run.minutes),
        dataclasses.replace(writing, minutes=WRITER_SHARE * run.minutes),
    )


def with_options(run: config.Run, options: Options) -> config.Run:
    """Return `run` with the seed and the time limit that were asked for."""
    minutes = run.minutes if options.minutes is None else options.minutes
    return dataclasses.replace(run, seed=options.seed, minutes=minutes)


if __name__ == "__main__":
    sys.exit(guarded(main))
