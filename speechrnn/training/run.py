"""A run, whole: from manifests and settings to a trained model.

    manifests -> utterances -> speller, screening -> data -> network -> measured choices -> `Training.go`

Everything that can be wrong with files and flags shows here, before the first update. `speechrnn train` and
the recipes call `train`.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance, read_manifests
from speechrnn.model_folder import TrainedModel, read_model_folder
from speechrnn.training.checkpoint import RunFolder, RunRecord, read_record, read_state, write_record
from speechrnn.training.data.audio_source import AudioSource, find_audio
from speechrnn.training.data.batch import Batch
from speechrnn.training.data.held_out import set_aside
from speechrnn.training.data.loader import EvaluationData, TrainingData
from speechrnn.training.data.screening import screen_for_evaluation, screen_for_training
from speechrnn.training.data.units import Speller
from speechrnn.training.evaluation import recognise, score_transcripts
from speechrnn.training.largest_batch import Extent, seconds_that_fit
from speechrnn.training.loop import Training
from speechrnn.training.measurement import Workload, settle
from speechrnn.training.model.ctc import blank_frames
from speechrnn.training.model.front_end import estimate_statistics
from speechrnn.training.model.initialise import Pretrained, load_pretrained, model_to_train, random_network
from speechrnn.training.model.losses import training_loss
from speechrnn.training.model.network import Network
from speechrnn.training.model.network_folder import write_network
from speechrnn.training.optimisation.distributed import Ranks, join, leave, of_first, threads_for
from speechrnn.training.optimisation.task import Task
from speechrnn.training.optimisation.update import Updates
from speechrnn.training.settings import check_settings, difference, settings_told

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
    read_init: Callable[[Path], TrainedModel] = read_model_folder
    """Reads `init` when a run begins: whoever takes other files than model folders brings a reader."""


@dataclass(frozen=True)
class Corpus:
    """The utterances of a run after screening, how they are spelt, and their sound."""

    train: Sequence[Utterance]
    valid: Sequence[Utterance]
    left_out: int
    speller: Speller
    audio: AudioSource

    @property
    def workload(self) -> Workload:
        """How much sound there is to train and to validate on."""
        return Workload(self._seconds(self.train), self._seconds(self.valid))

    def extent(self, run: config.Run) -> Extent:
        """How large the training set is at the speeds that `run` gives it."""
        longest = max(self.audio.samples(utterance) for utterance in self.train)
        tokens = max(len(self.speller.encode(utterance.text)) for utterance in self.train)
        seconds = self._seconds(self.train)
        return Extent(seconds, math.ceil(longest / min(run.augmentation.speeds)), tokens)

    def _seconds(self, utterances: Sequence[Utterance]) -> float:
        return sum(self.audio.samples(utterance) for utterance in utterances) / self.audio.sample_rate


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
    train_set, valid_set = read_utterances(request, say)
    fingerprint = fingerprint_of(train_set, valid_set)
    record = of_first(read_record(folder) if ranks.first else None, ranks)
    state = of_first(read_state(folder.state) if ranks.first and folder.state.exists() else None, ranks)
    if record is not None:
        check_same_run(request, record, fingerprint, folder)
    asked = request.run
    start = pretrained(request) if state is None else None
    if record is not None:
        model, vocabulary = record.settled.model, record.vocabulary
    else:
        model, vocabulary = model_to_train(asked.model, start, [utterance.text for utterance in train_set])
    request = replace(request, run=replace(asked, model=model))
    corpus = screened(train_set, valid_set, Speller(vocabulary), request.run, say)
    threads = record.settled.threads if record else request.run.threads or threads_for(ranks)
    torch.set_num_threads(threads)
    network = blank_network(request, corpus)
    batching = batches_of(request.run, record, corpus, network, threads, ranks)
    request = replace(request, run=replace(request.run, batching=batching))
    data = training_data(corpus, request.run, ranks, say)
    task = recognition(corpus, request.run, ranks, threads)
    if state is None:
        begin(network, request, corpus, start, say)
    network.to(ranks.device)
    if record is None:
        say(settings_told(request.run))
        settled = settle(request.run, corpus.workload, threads, data, network, task, ranks, say)
        record = RunRecord(asked, settled, fingerprint, vocabulary, _name(request.init))
        if ranks.first:
            write_record(folder, record)
    run = record.settled
    assert run.precision != "auto"  # settled
    updates = Updates(run, run.precision, threads, network, task, ranks)
    write_model = partial(write_network, network=network, model=run.model, vocabulary=vocabulary)
    training = Training(run, folder, updates, data, write_model, corpus.left_out)
    if state is not None:
        training.resume(state)
        say(f"continuing {folder.path} after update {updates.done} of {run.updates}")
    return training, data


def read_utterances(request: Request, say: Callable[[str], None]) -> tuple[list[Utterance], list[Utterance]]:
    """Return the utterances to train and to validate on, before screening."""
    train_set = read_manifests(request.train)
    if request.valid:
        return train_set, read_manifests(request.valid)
    train_set, valid_set, told = set_aside(train_set, request.run.seed)
    say(told)
    return train_set, valid_set


def screened(
    train_set: Sequence[Utterance],
    valid_set: Sequence[Utterance],
    speller: Speller,
    run: config.Run,
    say: Callable[[str], None],
) -> Corpus:
    """Return what of the utterances can be trained and measured on; tell what is left out, and why."""
    audio = find_audio([*train_set, *valid_set], run.model.front_end.sample_rate, say)
    for_training = screen_for_training(train_set, audio, speller, run)
    for_validation = screen_for_evaluation(valid_set, audio)
    for name, screening in (("training", for_training), ("validation", for_validation)):
        if not screening.kept:
            raise SpeechRnnError(f"{name} set: no utterance can be used; {screening.warning()}")
        if screening.left_out:
            say(f"{name} set: {screening.warning()}")
        hours = sum(audio.samples(u) for u in screening.kept) / audio.sample_rate / 3600
        say(f"{name} set: {len(screening.kept)} utterances, {hours:.2f} h")
    unknown = speller.unknown_characters(utterance.text for utterance in for_validation.kept)
    if unknown:
        say(
            "validation set: characters that the training text lacks count as errors: "
            + " ".join(sorted(unknown))
        )
    return Corpus(for_training.kept, for_validation.kept, len(for_training.left_out), speller, audio)


def training_data(corpus: Corpus, run: config.Run, ranks: Ranks, say: Callable[[str], None]) -> TrainingData:
    """Return this rank's part of the training data; tell how much of it is padding."""
    pinned = ranks.device.type == "cuda"
    data = TrainingData(corpus.train, corpus.audio, corpus.speller, run, ranks.rank, ranks.world, pinned)
    seconds, padding = run.batching.seconds, data.padding(0)
    say(f"batches: up to {seconds:g} s of audio, {100 * padding:.1f} % of it padding")
    return data


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


def pretrained(request: Request) -> Pretrained | None:
    """Return the trained model to start from, if any."""
    return None if request.init is None else Pretrained(request.init, request.read_init(request.init))


def begin(
    network: Network, request: Request, corpus: Corpus, start: Pretrained | None, say: Callable[[str], None]
) -> None:
    """Give the random `network` what it should have before its first update."""
    if start is not None:
        new = load_pretrained(network, corpus.speller.vocabulary, start)
        say(f"weights from {start.name}; tokens it did not have: {' '.join(new) or 'none'}")
    elif request.run.model.front_end.normalisation == "global":
        sample = corpus.train[:: max(1, len(corpus.train) // STATISTICS_UTTERANCES)]
        batches = EvaluationData(sample, corpus.audio, corpus.speller, request.run.batching.seconds)
        estimate_statistics(network.front_end.eval(), ((batch.audio, batch.lengths) for batch in batches))
    parameters = sum(p.numel() for p in network.parameters())
    say(f"network: {parameters / 1e6:.2f} million parameters, {len(corpus.speller.vocabulary)} tokens")


def blank_network(request: Request, corpus: Corpus) -> Network:
    """Return the network with random weights, on the CPU."""
    return random_network(request.run, len(corpus.speller.vocabulary))


def recognition(corpus: Corpus, run: config.Run, ranks: Ranks, threads: int) -> Task:
    """Return the task of writing down speech, measured on the validation set."""
    own_share = corpus.valid[ranks.rank :: ranks.world]
    batches: Iterable[Batch] = (
        EvaluationData(own_share, corpus.audio, corpus.speller, run.batching.seconds) if own_share else []
    )

    def error_rates(network: nn.Module) -> dict[str, float]:
        transcripts = recognise(network, batches, corpus.speller.vocabulary, ranks, threads)
        score = score_transcripts(corpus.valid, transcripts)
        return {"wer": score.wer, "cer": score.cer}

    loss = partial(training_loss, settings=run.loss)
    return Task(loss=loss, watched={"blanks": blank_frames}, metric=error_rates, criterion="wer")


def check_same_run(request: Request, record: RunRecord, fingerprint: str, folder: RunFolder) -> None:
    """Raise SpeechRnnError unless the run that `record` tells of is the one requested."""
    cure = "give --to another folder, or the same flags and manifests to continue it"
    different = difference(record.asked, request.run)
    if different is not None:
        raise SpeechRnnError(f"{folder.path}: holds a run with {different}; {cure}")
    if record.init != _name(request.init):
        raise SpeechRnnError(f"{folder.path}: holds a run with --init {record.init}; {cure}")
    if record.fingerprint != fingerprint:
        raise SpeechRnnError(f"{folder.path}: holds a run on other utterances; {cure}")


def fingerprint_of(train_set: Sequence[Utterance], valid_set: Sequence[Utterance]) -> str:
    """Return a number that stands for what is trained and validated on: ids, texts and lengths."""
    digest = hashlib.blake2b(digest_size=16)
    for kind, utterances in (("train", train_set), ("valid", valid_set)):
        for u in utterances:
            digest.update(repr((kind, u.id, u.text, u.offset, u.duration)).encode())
    return digest.hexdigest()


def _name(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _silent(text: str) -> None:
    """Take the place of printing on ranks that do not print."""
