"""A run, whole: from manifests and settings to a trained model.

    manifests -> corpus (`corpus.py`) -> network -> measured choices -> `Training.go`

Everything that can be wrong with files and flags shows here, before the first update. `speechrnn train` and
the recipes call `train`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.model_folder import TrainedModel, read_model_folder
from speechrnn.pronunciation import read_pronunciations, sounds_of
from speechrnn.training.checkpoint import RunFolder, RunRecord, write_record
from speechrnn.training.continuing import begun, check_same_run, taken_up
from speechrnn.training.corpus import Corpus, fingerprint_of, read_utterances, screened, training_data
from speechrnn.training.data.batch import Batch
from speechrnn.training.data.child_processes import deaths_told
from speechrnn.training.data.loader import EvaluationData, TrainingData
from speechrnn.training.data.units import Pronouncer, Speller
from speechrnn.training.given import given
from speechrnn.training.largest_batch import seconds_that_fit
from speechrnn.training.loop import Training
from speechrnn.training.measurement import settle
from speechrnn.training.model.ctc import blank_frames
from speechrnn.training.model.front_end import estimate_statistics
from speechrnn.training.model.initialise import Pretrained, load_pretrained, model_to_train, random_network
from speechrnn.training.model.losses import training_loss
from speechrnn.training.model.network import Network
from speechrnn.training.optimisation.distributed import Ranks, join, leave
from speechrnn.training.optimisation.task import Task
from speechrnn.training.optimisation.update import Updates
from speechrnn.training.settings import check_settings, settings_told
from speechrnn.training.validation import validate

STATISTICS_UTTERANCES = 500  # for global normalisation


@dataclass(frozen=True)
class Request:
    """What somebody wants trained."""

    run: config.Run
    train: tuple[Path, ...]
    """Manifests to train on."""
    to: Path
    """Run folder; a run that has begun there is continued."""
    valid: tuple[Path, ...] = ()
    """Manifests to validate on; without any, some of the training data is set aside."""
    init: Path | None = None
    """Trained model to start from."""
    lexicon: Path | None = None
    """How words are said; with it the network learns to write sounds as well."""
    read_init: Callable[[Path], TrainedModel] = read_model_folder
    """Reads `init` when a run begins: whoever takes other files than model folders brings a reader."""


def train(request: Request, say: Callable[[str], None]) -> int | None:
    """Train as requested, or go on with a run that has begun; tell through `say`.

    Returns None at the end of the run, or the number of the signal that stopped it: the same request then
    continues. Raises SpeechRnnError for whatever is wrong with files and settings.
    """
    check_settings(request.run)
    ranks = join(request.run.device)
    say = say if ranks.first else _silent
    folder = RunFolder(request.to)
    try:
        if ranks.first:
            folder.create()
        with deaths_told():
            training, data = prepare(request, folder, ranks, say)
            try:
                return training.go()
            finally:
                training.updates.close()
                data.close()
    finally:
        leave(ranks)


def prepare(
    request: Request, folder: RunFolder, ranks: Ranks, say: Callable[[str], None]
) -> tuple[Training, TrainingData]:
    """Return the run, at its start or where it was left, and its data."""
    train_set, valid_set = read_utterances(request.train, request.valid, say)
    fingerprint = fingerprint_of(train_set, valid_set)
    found = begun(folder, ranks)
    check_same_run(found, request.run, fingerprint, request.init, request.lexicon)
    asked, record = request.run, found.record
    start = pretrained(request) if found.state is None else None
    if record is not None:
        model, vocabulary = record.settled.model, record.vocabulary
    else:
        model, vocabulary = model_to_train(asked.model, start, [utterance.text for utterance in train_set])
    request = replace(request, run=replace(asked, model=model))
    speller = Speller(vocabulary, pronouncer_of(request.lexicon, model, record, start))
    corpus = screened(train_set, valid_set, speller, request.run, say)
    threads = found.threads(asked, ranks)
    torch.set_num_threads(threads)
    network = blank_network(request, corpus)
    batching = batches_of(request.run, record, corpus, network, threads, ranks)
    request = replace(request, run=replace(request.run, batching=batching))
    data = training_data(corpus, request.run, ranks, say)
    task = recognition(corpus, request.run, ranks, threads)
    if found.state is None:
        begin(network, request, corpus, start, say)
    network.to(ranks.device)
    if record is None:
        say(settings_told(request.run))
        settled = settle(request.run, corpus.workload, threads, data, network, task, ranks, say)
        lexicon, init = given(request.lexicon), given(request.init)
        record = RunRecord(asked, settled, fingerprint, vocabulary, speller.sounds, lexicon, init)
        if ranks.first:
            write_record(folder, record)
    run = record.settled
    assert run.precision != "auto"  # settled
    updates = Updates(run, run.precision, threads, network, task, ranks)
    return taken_up(found, record, updates, data, network, corpus.left_out, say), data


def batches_of(
    run: config.Run,
    record: RunRecord | None,
    corpus: Corpus,
    network: Network,
    threads: int,
    ranks: Ranks,
) -> config.Batching:
    """Return how batches are made: as asked, of as many seconds as the run began with, or as fit."""
    if record is not None:
        return replace(run.batching, seconds=record.settled.batching.seconds)
    if run.batching.seconds > 0:
        return run.batching
    task = recognition(corpus, run, ranks, threads)
    return replace(
        run.batching, seconds=seconds_that_fit(run, corpus.extent(run), network, task, threads, ranks)
    )


def pronouncer_of(
    lexicon: Path | None, model: config.Model, record: RunRecord | None, start: Pretrained | None
) -> Pronouncer | None:
    """Return what says how words sound, if anything does.

    A run that has begun keeps its sounds, and a writer those that it reads. Raises SpeechRnnError where a
    writer has none to read.
    """
    sounds = None
    if record is not None:
        sounds = record.sounds
    elif start is not None and model.writer.layers:
        sounds = start.trained.sounds
    if lexicon is not None:
        pronunciations = read_pronunciations(lexicon)
        return Pronouncer(sounds or sounds_of(pronunciations), pronunciations)
    if not model.writer.layers:
        return None
    if sounds is None:
        raise SpeechRnnError("--model.writer.layers: a writer reads sounds; give --lexicon as well")
    return Pronouncer(sounds, {})


def pretrained(request: Request) -> Pretrained | None:
    """Return the trained model to start from, if any."""
    return None if request.init is None else Pretrained(request.init, request.read_init(request.init))


def begin(
    network: Network, request: Request, corpus: Corpus, start: Pretrained | None, say: Callable[[str], None]
) -> None:
    """Give the random `network` what it should have before its first update."""
    if start is not None:
        new = load_pretrained(network, corpus.speller.vocabulary, start, corpus.speller.sounds)
        say(f"weights from {start.name}; tokens it did not have: {' '.join(new) or 'none'}")
    elif request.run.model.front_end.normalisation == "global":
        sample = corpus.train[:: max(1, len(corpus.train) // STATISTICS_UTTERANCES)]
        batches = EvaluationData(sample, corpus.audio, corpus.speller, request.run.batching.seconds)
        estimate_statistics(network.front_end.eval(), ((batch.audio, batch.lengths) for batch in batches))
    parameters = sum(p.numel() for p in network.parameters())
    tokens, sounds = len(corpus.speller.vocabulary), corpus.speller.sounds
    with_sounds = f", {len(sounds)} sounds" if sounds else ""
    say(f"network: {parameters / 1e6:.2f} million parameters, {tokens} tokens{with_sounds}")


def blank_network(request: Request, corpus: Corpus) -> Network:
    """Return the network with random weights, on the CPU."""
    return random_network(request.run, len(corpus.speller.vocabulary), len(corpus.speller.sounds or ()))


def recognition(corpus: Corpus, run: config.Run, ranks: Ranks, threads: int) -> Task:
    """Return the task of writing down speech, measured on the validation set."""
    own_share = corpus.valid[ranks.rank :: ranks.world]
    batches: Iterable[Batch] = (
        EvaluationData(own_share, corpus.audio, corpus.speller, run.batching.seconds) if own_share else []
    )

    vocabulary = corpus.speller.vocabulary

    def error_rates(network: nn.Module) -> dict[str, float]:
        assert isinstance(network, Network)
        return validate(network, batches, corpus.valid, vocabulary, ranks, threads)

    tokens = len(vocabulary)
    writes = run.model.writer.layers > 0
    loss = partial(training_loss, settings=run.loss, tokens=tokens, scores=writes)
    watched = {"blanks": partial(blank_frames, tokens=tokens)}
    rate = run.model.front_end.sample_rate
    return Task(loss=loss, watched=watched, metric=error_rates, rate=rate, criterion="wer")


def _silent(text: str) -> None:
    """Take the place of printing on ranks that do not print."""
