"""The corpus of a run: which utterances are trained and validated on, how they are spelt, their sound.

    manifests -> utterances -> screening -> `Corpus` -> batches

First part of `run.py`'s way; what is wrong with manifests and recordings is told here.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance, read_manifests
from speechrnn.training.data.audio_source import AudioSource, find_audio
from speechrnn.training.data.held_out import set_aside
from speechrnn.training.data.loader import TrainingData
from speechrnn.training.data.screening import screen_for_evaluation, screen_for_training
from speechrnn.training.data.units import Speller
from speechrnn.training.largest_batch import Extent
from speechrnn.training.measurement import Workload
from speechrnn.training.optimisation.distributed import Ranks


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
        sounds = max(len(self.speller.encode_sounds(utterance.text)) for utterance in self.train)
        seconds = self._seconds(self.train)
        return Extent(seconds, math.ceil(longest / min(run.augmentation.speeds)), tokens, sounds)

    def _seconds(self, utterances: Sequence[Utterance]) -> float:
        return sum(self.audio.samples(utterance) for utterance in utterances) / self.audio.sample_rate


def read_utterances(
    train: Sequence[Path], valid: Sequence[Path], say: Callable[[str], None]
) -> tuple[list[Utterance], list[Utterance]]:
    """Return the utterances of the manifests to train and to validate on, before screening.

    Without any in `valid`, some of the training data is set aside.
    """
    train_set = read_manifests(train)
    if valid:
        return train_set, read_manifests(valid)
    train_set, valid_set, told = set_aside(train_set)
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
    if speller.pronouncer is not None and speller.pronouncer.pronunciations:
        unsaid = speller.pronouncer.unknown_words(utterance.text for utterance in for_training.kept)
        if unsaid:
            named = ", ".join(sorted(unsaid)[:5])
            say(
                f"lexicon: lacks {len(unsaid)} words of the training set ({named}, ...); utterances with them"
                " teach no sounds; `speechrnn lexicon` adds words"
            )
    return Corpus(for_training.kept, for_validation.kept, len(for_training.left_out), speller, audio)


def training_data(corpus: Corpus, run: config.Run, ranks: Ranks, say: Callable[[str], None]) -> TrainingData:
    """Return this rank's part of the training data; tell how much of it is padding."""
    pinned = ranks.device.type == "cuda"
    data = TrainingData(corpus.train, corpus.audio, corpus.speller, run, ranks.rank, ranks.world, pinned)
    seconds, padding = run.batching.seconds, data.padding(0)
    say(f"batches: up to {seconds:g} s of audio, {100 * padding:.1f} % of it padding")
    return data


def fingerprint_of(train_set: Sequence[Utterance], valid_set: Sequence[Utterance]) -> str:
    """Return a number that stands for what is trained and validated on: ids, texts and lengths."""
    digest = hashlib.blake2b(digest_size=16)
    for kind, utterances in (("train", train_set), ("valid", valid_set)):
        for u in utterances:
            digest.update(repr((kind, u.id, u.text, u.offset, u.duration)).encode())
    return digest.hexdigest()
