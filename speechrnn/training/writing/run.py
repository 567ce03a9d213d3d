"""A writer's education, whole: from a trained network, its recordings and texts to a network that spells.

    network, recordings -> what is heard (`listening.py`) -> imitation (`imitation.py`)
    texts, imitation, what is heard -> lessons (`lessons.py`) -> `Training.go`

The encoder stays as it is, only the writer learns; loop, checkpoints, averaging and history are those of
every run. What is heard is not stored: a run that is continued listens again, and hears the same.
`speechrnn writer` and the recipes call `teach`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speechrnn import config, dsp
from speechrnn.decoding.ngram.sentences import sentences_in, without
from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.manifest import Utterance
from speechrnn.model_folder import TrainedModel
from speechrnn.pronunciation import Pronunciations, read_pronunciations
from speechrnn.text import Vocabulary, normalise
from speechrnn.training.checkpoint import RunFolder, RunRecord, write_record
from speechrnn.training.continuing import begun, check_same_run, taken_up
from speechrnn.training.corpus import Corpus, fingerprint_of, read_utterances, screened, training_data
from speechrnn.training.data.batch import Batch
from speechrnn.training.data.child_processes import deaths_told
from speechrnn.training.data.loader import EvaluationData
from speechrnn.training.data.units import Pronouncer, Speller, learn
from speechrnn.training.evaluation import BATCH_SECONDS
from speechrnn.training.given import given
from speechrnn.training.loop import Training
from speechrnn.training.measurement import Workload, settle
from speechrnn.training.model.ctc import blank_frames, summed_loss_of_scores
from speechrnn.training.model.initialise import carry_rows
from speechrnn.training.model.network import Network
from speechrnn.training.model.network_folder import network_of
from speechrnn.training.model.writer import Writer
from speechrnn.training.optimisation.distributed import Ranks, join, leave
from speechrnn.training.optimisation.precision import candidates, unavailable
from speechrnn.training.optimisation.task import Task
from speechrnn.training.optimisation.update import Updates
from speechrnn.training.settings import check_settings
from speechrnn.training.validation import validate
from speechrnn.training.writing.imitation import Imitation
from speechrnn.training.writing.lessons import Lessons, Prose
from speechrnn.training.writing.listening import Heard, listen
from speechrnn.training.writing.shared_parts import SharedParts

LISTENING_SECONDS = 160.0
"""Audio in the batches that the network listens to."""
SENTENCES_FOR_UNITS = 100_000
"""Sentences that pieces are learnt from, at most; more take minutes and yield the same."""


@dataclass(frozen=True)
class Request:
    """Who is to be taught, and with what."""

    run: config.Run
    """Its model says how many layers the writer has, its dropout and units; all else is that of `model`."""
    model: Path
    """A trained model that hears sounds."""
    train: tuple[Path, ...]
    """Manifests of recordings, best those it was trained on."""
    texts: tuple[Path, ...]
    """Text besides the transcripts, a sentence a line."""
    lexicon: Path
    """How words are said."""
    to: Path
    """Run folder; a run that has begun there is continued."""
    read_model: Callable[[Path], TrainedModel]
    """Reads `model`."""
    valid: tuple[Path, ...] = ()
    """Manifests to watch the writer with; without any, some of the recordings are set aside."""


class Pupil(nn.Module):
    """The writer as the training loop sees a network: what is heard takes the place of audio."""

    def __init__(self, writer: Writer, parts: SharedParts) -> None:
        super().__init__()
        self.writer = writer
        self.parts = parts

    def forward(
        self, heard: Tensor, lengths: Tensor, seeds: Tensor | None = None, mask: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return scores [batch, frames, tokens] and `lengths`; nothing is masked any more."""
        read, head = self.writer.read(heard, lengths, seeds), self.writer.head
        return F.linear(read, head.weight + self.parts(), head.bias), lengths

    @torch.no_grad()
    def fold(self) -> None:
        """Add to the rows of the writer's head what their parts do, so that it writes alone."""
        self.writer.head.weight += self.parts()


def teach(request: Request, say: Callable[[str], None]) -> int | None:
    """Teach as requested, or go on with a run that has begun; tell through `say`.

    Returns None at the end of the run, or the number of the signal that stopped it: the same request then
    continues. Raises SpeechRnnError for whatever is wrong with files and settings.
    """
    check_settings(request.run)
    if request.run.batching.seconds == 0:
        raise SpeechRnnError(
            "--batching.seconds 0: is for networks that hear; give a writer's in seconds, such as 640"
        )
    ranks = join(request.run.device)
    folder = RunFolder(request.to)
    try:
        if ranks.first:
            folder.create()
        with deaths_told():
            training = prepare(request, folder, ranks, say if ranks.first else _silent)
            try:
                return training.go()
            finally:
                training.updates.close()
    finally:
        leave(ranks)


def prepare(request: Request, folder: RunFolder, ranks: Ranks, say: Callable[[str], None]) -> Training:
    """Return the run, at its start or where it was left."""
    train_set, valid_set = read_utterances(request.train, request.valid, say)
    for path in request.texts:
        check_readable(path)
    fingerprint = fingerprint_of(train_set, valid_set) + _sizes_of(request.texts)
    found = begun(folder, ranks)
    check_same_run(found, request.run, fingerprint, request.model, request.lexicon, init_flag="model")
    record = found.record
    trained = request.read_model(request.model)
    if trained.sounds is None:
        raise SpeechRnnError(f"{request.model}: hears no sounds; train it with --lexicon first")
    pronouncer = Pronouncer(trained.sounds, read_pronunciations(request.lexicon))
    texts = partial(sentences_to_read, train_set, valid_set, request.texts)
    run = replace(request.run, model=with_writer(trained.model, request.run.model))
    vocabulary = record.vocabulary if record else units_of(texts(), pronouncer, run.model.units)
    corpus = screened(train_set, valid_set, Speller(vocabulary, pronouncer), run, say)
    threads = found.threads(run, ranks)
    torch.set_num_threads(threads)
    listener = network_of(trained, request.model).to(ranks.device)
    heard = hear(listener, corpus, run, threads, ranks, say)
    lessons = lessons_of(heard, corpus.speller, texts(), run, ranks, say)
    network = writing_network(listener, run, vocabulary, trained.vocabulary)
    writer = network.to(ranks.device).writer
    assert writer is not None
    known = kept_rows(listener, network, vocabulary, trained.vocabulary)
    pupil = Pupil(writer, parts_in_common(writer, vocabulary, pronouncer.pronunciations, known))
    task = spelling(network, corpus, run, threads, ranks)
    if record is None:
        workload = Workload(lessons.frames_per_epoch / task.rate, 0.0)
        settled = settle(run, workload, threads, lessons, pupil, task, ranks, say)
        lexicon, model = given(request.lexicon), given(request.model)
        record = RunRecord(request.run, settled, fingerprint, vocabulary, trained.sounds, lexicon, model)
        if ranks.first:
            write_record(folder, record)
    run = record.settled
    assert run.precision != "auto"  # settled
    updates = Updates(run, run.precision, threads, pupil, task, ranks)
    return taken_up(found, record, updates, lessons, network, corpus.left_out, say)


def with_writer(trained: config.Model, wanted: config.Model) -> config.Model:
    """Return the model `trained` with the writer, the dropout and the units that are `wanted`."""
    encoder = replace(trained.encoder, dropout=wanted.encoder.dropout)
    return replace(trained, encoder=encoder, writer=wanted.writer, units=wanted.units)


def sentences_to_read(
    train_set: Sequence[Utterance], valid_set: Sequence[Utterance], texts: Sequence[Path]
) -> Iterator[str]:
    """Yield transcripts and `texts`, sentence by sentence, without what the validation set says."""
    held_out = [normalise(utterance.text) for utterance in valid_set]
    transcripts = (normalise(utterance.text) for utterance in train_set)
    return without(held_out, chain(transcripts, sentences_in(texts)))


def units_of(sentences: Iterable[str], pronouncer: Pronouncer, settings: config.Units) -> Vocabulary:
    """Return what the writer writes, learnt from its text: of every sentence, or of a sample of very many.

    Fewer pieces than are asked for if the text has not words enough for them.
    """
    readable = [one for one in sentences if all(word in pronouncer.pronunciations for word in one.split())]
    if not readable:
        raise SpeechRnnError(
            "texts: no sentence has only words that the lexicon says; see `speechrnn lexicon`"
        )
    sample = readable[:: -(-len(readable) // SENTENCES_FOR_UNITS)]
    characters = len({*"".join(sample)})
    try:
        return learn(sample, settings).vocabulary
    except SpeechRnnError:
        if settings.kind != "bpe" or settings.pieces <= characters:
            raise
        pieces, different = settings.pieces // 2, len({word for one in sample for word in one.split()})
        words = max(0, min(settings.words // 2, different // 2, pieces - characters))
        return units_of(sample, pronouncer, replace(settings, pieces=pieces, words=words))


def writing_network(
    listener: Network, run: config.Run, vocabulary: Vocabulary, listeners: Vocabulary
) -> Network:
    """Return the network of `run` with the weights of `listener`, also those of its writer where they fit.

    Of its head it has the rows of the pieces that are in `vocabulary` and among the `listeners`.
    """
    torch.manual_seed(run.seed)
    assert listener.sound_head is not None
    network = Network(run.model, len(vocabulary), run.augmentation, sounds=listener.sound_head.out_features)
    found, weights = listener.state_dict(), network.state_dict()
    weights |= {
        name: found[name]
        for name, own in weights.items()
        if _shape(found, name) == own.shape and not name.startswith("writer.head.")
    }
    if kept_rows(listener, network, vocabulary, listeners):
        carry_rows("writer.head", weights, found, vocabulary, listeners)
    network.load_state_dict(weights)
    return network


def kept_rows(
    listener: Network, network: Network, vocabulary: Vocabulary, listeners: Vocabulary
) -> list[int]:
    """Return which rows of the head of `network` are those of the writer of `listener`."""
    if listener.writer is None or listener.text_head().in_features != network.text_head().in_features:
        return []
    theirs = {*listeners.symbols}
    return [row for row, symbol in enumerate(vocabulary.symbols) if symbol in theirs]


def parts_in_common(
    writer: Writer, vocabulary: Vocabulary, pronunciations: Pronunciations, known: Sequence[int]
) -> SharedParts:
    """Return what the tokens of `writer` have in common, and leave its head the rest of its `known` rows."""
    parts = SharedParts(vocabulary, pronunciations, writer.head.in_features).to(writer.head.weight.device)
    if known:
        parts.explain(writer.head.weight.detach(), known)
    return parts


def hear(
    network: Network,
    corpus: Corpus,
    run: config.Run,
    threads: int,
    ranks: Ranks,
    say: Callable[[str], None],
) -> list[Heard]:
    """Return what `network` hears of the training set, once under masks and once without."""
    network.augmentation = run.augmentation
    say("listening to the training set, twice ...")
    texts = {utterance.id: normalise(utterance.text) for utterance in corpus.train}
    batching = replace(run.batching, seconds=LISTENING_SECONDS)
    data = training_data(corpus, replace(run, batching=batching), Ranks(0, 1, ranks.device), say)
    formats = [one for one in candidates(ranks.device) if unavailable(one, ranks.device) is None]
    try:
        return [
            heard
            for epoch, mask in enumerate((True, False))
            for heard in listen(network, data.epoch(epoch), texts, mask, formats[-1], threads)
        ]
    finally:
        data.close()


def lessons_of(
    heard: Sequence[Heard],
    speller: Speller,
    sentences: Iterable[str],
    run: config.Run,
    ranks: Ranks,
    say: Callable[[str], None],
) -> Lessons:
    """Return lessons of what was `heard` and of `sentences`."""
    pronouncer = speller.pronouncer
    assert pronouncer is not None
    imitation = Imitation(heard, pronouncer)
    sayable = imitation.sayable(pronouncer.pronunciations)
    prose = Prose.of(sentences, sayable)
    frames = round(run.batching.seconds * frame_rate(run.model))
    lessons = Lessons(heard, imitation, prose, sayable, speller, frames, run.seed, ranks.rank, ranks.world)
    say(f"texts: {len(prose.numbers) / 1e6:.2f} million words; {lessons.batches_per_epoch(0)} batches")
    return lessons


def spelling(network: Network, corpus: Corpus, run: config.Run, threads: int, ranks: Ranks) -> Task:
    """Return the task of spelling what is heard, measured on the validation set."""
    vocabulary = corpus.speller.vocabulary
    own_share = corpus.valid[ranks.rank :: ranks.world]
    batches: Iterable[Batch] = (
        EvaluationData(own_share, corpus.audio, corpus.speller, BATCH_SECONDS) if own_share else []
    )

    def error_rates(pupil: nn.Module) -> dict[str, float]:
        assert isinstance(pupil, Pupil)
        pupil.fold()
        return validate(network, batches, corpus.valid, vocabulary, ranks, threads)

    return Task(
        loss=summed_loss_of_scores,
        watched={"blanks": blank_frames},
        metric=error_rates,
        rate=frame_rate(run.model),
        criterion="wer",
    )


def frame_rate(model: config.Model) -> float:
    """Return how many frames a second of audio becomes."""
    return model.front_end.sample_rate / (dsp.analysis(model.front_end).hop * model.encoder.stride)


def _sizes_of(files: Sequence[Path]) -> str:
    """Return what stands for `files`: text is long, so it is not read for this."""
    return "".join(f" {path.stat().st_size}" for path in files)


def _shape(weights: dict[str, Tensor], name: str) -> torch.Size | None:
    return weights[name].shape if name in weights else None


def _silent(text: str) -> None:
    """Take the place of printing on ranks that do not print."""
