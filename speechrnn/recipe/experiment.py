"""An experiment: train on one corpus, measure on others, export, and report.

    utterances -> manifests -> training (-> a writer, taught with texts) -> model folder
               -> .onnx, fp32 and int8 (-> n-gram, tuned) -> error rates -> report

The recipes say what is trained on what; the steps that all of them share are here. Every step is also a
command of its own (`speechrnn train`, `export`, `evaluate`), and the run folder holds what each leaves.
"""

import dataclasses
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechrnn import config
from speechrnn.commands.decoder_flags import GREEDY, DecoderFlags
from speechrnn.manifest import Utterance, read_manifest, write_manifest
from speechrnn.recipe.language_model import Texts, build_language_model, output_for
from speechrnn.recipe.report import Measurement, Sample, Story, write_report
from speechrnn.scoring import score_utterances
from speechrnn.scoring_report import percent

FP32_FILE = "model.onnx"
INT8_FILE = "model.int8.onnx"
WRITER = "writer"
"""Run folder of the writer, in that of the experiment."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Experiment:
    """What a recipe trains and measures."""

    title: str
    corpus: str
    """What the recordings are, for the report; says so if they are synthetic."""
    run: config.Run
    train: Sequence[Utterance]
    tests: Mapping[str, Sequence[Utterance]]
    """Name of a test set -> its utterances, none of which is trained or tuned on."""
    folder: Path
    init: Path | None = None
    """Trained model to start from instead of random weights; it goes before that of `run`."""
    valid: Sequence[Utterance] = ()
    """To watch training with; where empty, a few training speakers are set aside."""
    lexicon: Path | None = None
    """How words are said: sounds are learnt as well, and the n-gram is searched with in sounds."""
    texts: Sequence[Path] | None = None
    """Text for a word n-gram besides the training transcripts; None: none is made, decoding is greedy."""
    writer: config.Run | None = None
    """How a writer is taught with `texts`, after the network has learnt sounds; None: none is."""


def carry_out(experiment: Experiment, say: Say) -> int:
    """Train (or go on training), export, measure and report; return the exit status.

    The status is 0, or 128 + the number of the signal that stopped training; the same call continues.
    """
    from speechrnn.commands.train import read_init
    from speechrnn.training.run import Request, train

    folder = experiment.folder
    train_manifest = _written(folder / "train.jsonl", experiment.train)
    valid_manifests = (_written(folder / "valid.jsonl", experiment.valid),) if experiment.valid else ()
    run = experiment.run if experiment.init is None else with_any_model(experiment.run)
    request = Request(
        run, (train_manifest,), folder, valid_manifests, experiment.init, experiment.lexicon, read_init
    )
    stopped_by = train(request, say)
    if stopped_by is not None:
        return 128 + stopped_by
    model = folder / "model"
    if experiment.writer is not None:
        stopped_by = teach_writer(experiment, train_manifest, valid_manifests, say)
        if stopped_by is not None:
            return 128 + stopped_by
        model = folder / WRITER / "model"
    exported = export_both(model, folder, say)
    ngram = None
    if experiment.texts is not None:
        texts = texts_of(experiment, train_manifest)
        ngram = build_language_model(exported[0], folder, texts, say, lexicon=experiment.lexicon)
    search = None if ngram is None else DecoderFlags(lm=ngram, pronunciations=experiment.lexicon)
    measurements = measure(model, exported, experiment.tests, search, say)
    page = write_report(folder, tell(experiment, model, exported[0], ngram, measurements, say))
    say(f"report: {page}")
    return 0


def with_any_model(run: config.Run) -> config.Run:
    """Return `run` with nothing asked of the model but dropout: network and pieces are those it starts from.

    Other pieces, learnt from the new text, would need a new head.
    """
    model = config.Model(encoder=config.Encoder(dropout=run.model.encoder.dropout))
    return dataclasses.replace(run, model=model)


def teach_writer(experiment: Experiment, train: Path, valid: tuple[Path, ...], say: Say) -> int | None:
    """Teach a writer behind the network that was trained; None, or the number of the signal that stopped it.

    `train` and `valid` are the manifests of the run before.
    """
    from speechrnn.model_folder import read_model_folder
    from speechrnn.training.writing.run import Request, teach

    assert experiment.writer is not None
    assert experiment.lexicon is not None
    request = Request(
        run=experiment.writer,
        model=experiment.folder / "model",
        train=(train,),
        texts=tuple(experiment.texts or ()),
        lexicon=experiment.lexicon,
        to=experiment.folder / WRITER,
        read_model=read_model_folder,
        valid=valid,
    )
    return teach(request, say)


def export_both(model: Path, folder: Path, say: Say) -> tuple[Path, Path]:
    """Export the model folder `model`, checked, as fp32 and as int8 into `folder`; return the two files."""
    from speechrnn.export.write import export_model

    files = folder / FP32_FILE, folder / INT8_FILE
    for file in files:
        exported = export_model(model, file, int8=file.name == INT8_FILE)
        say(f"exported: {file}, {exported.metadata.precision}, {exported.bytes / 1e6:.1f} MB")
    return files


def texts_of(experiment: Experiment, train_manifest: Path) -> Texts:
    """Return what the n-gram is made of, and the held-out utterances: those that training validates on."""
    from speechrnn.training.data.held_out import set_aside

    assert experiment.texts is not None
    utterances = read_manifest(train_manifest)
    held_out = experiment.valid or set_aside(utterances)[1]
    return Texts([utterance.text for utterance in utterances], experiment.texts, held_out)


def measure(
    model: Path,
    exported: Sequence[Path],
    tests: Mapping[str, Sequence[Utterance]],
    search: DecoderFlags | None,
    say: Say,
) -> list[Measurement]:
    """Return the error rates of the model folder and of the files exported from it on all `tests`.

    All are measured greedily, and the exported ones, as they are used, by the beam `search` if there is one.
    """
    from speechrnn.commands.recognition import recognise

    ways = [(path, GREEDY) for path in (model, *exported)]
    if search is not None:
        ways += [(path, search) for path in exported]
    measurements = []
    for test, utterances in tests.items():
        seconds = sum(utterance.duration for utterance in utterances)
        for path, flags in ways:
            start = time.perf_counter()
            found = recognise(path, utterances, flags, "auto")
            elapsed = time.perf_counter() - start
            scored = score_utterances(found.utterances, [texts[0] for texts in found.results])
            name = "PyTorch" if path == model else path.name
            decoding = "greedy" if flags == GREEDY else "beam, n-gram"
            say(f"{test}, {name}, {decoding}: WER {percent(scored.wer, scored.wer_interval)}")
            measurements.append(Measurement(test, name, decoding, scored, seconds, elapsed))
    return measurements


def tell(
    experiment: Experiment,
    model: Path,
    onnx: Path,
    ngram: Path | None,
    measurements: Sequence[Measurement],
    say: Say,
) -> Story:
    """Return what the report says, with one held-out recording transcribed by the exported model."""
    from speechrnn.decoding.beam.tuned_weights import read_weights
    from speechrnn.model_folder import read_model_folder
    from speechrnn.runtime.transcriber import Transcriber
    from speechrnn.training.checkpoint import RunFolder, read_record
    from speechrnn.training.machine import machine

    chosen = next(iter(experiment.tests.values()))[0]
    text = Transcriber(onnx).transcribe(chosen.audio_filepath).text
    say(f"{chosen.audio_filepath.name}\n  said:       {chosen.text}\n  recognised: {text}")
    record = read_record(RunFolder(experiment.folder))
    assert record is not None, "training has ended, so its record is there"
    weights = read_model_folder(model).weights
    taught = None if experiment.writer is None else read_record(RunFolder(experiment.folder / WRITER))
    return Story(
        title=experiment.title,
        corpus=experiment.corpus,
        command=shlex.join(["python", *sys.argv]),
        run=record.settled,
        init=record.init.path if record.init else None,
        writer=None if taught is None else taught.settled,
        train_hours=sum(utterance.duration for utterance in experiment.train) / 3600,
        parameters=sum(weight.size for weight in weights.values()),
        measurements=measurements,
        weights=read_weights(ngram, output_for(experiment.lexicon)) if ngram else None,
        sample=Sample(chosen.audio_filepath, chosen.text, text),
        history=experiment.folder / "history.jsonl",
        machine=machine(),
    )


def _written(path: Path, utterances: Sequence[Utterance]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_manifest(path, utterances)
    return path
