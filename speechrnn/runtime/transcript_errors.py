"""Which utterances of a manifest have a transcript that does not fit their audio: each is aligned and judged.

    utterance -> samples -> log-probabilities (`emissions.py`) -> alignment -> misfit (`decoding/misfit.py`)

What is usual is known only when all have been aligned; then they are ranked. An utterance whose transcript
cannot be aligned at all comes first.
"""

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from speechrnn.audio import Channel, read_audio
from speechrnn.decoding.alignment import align
from speechrnn.decoding.greedy import greedy
from speechrnn.decoding.hypothesis import Word
from speechrnn.decoding.misfit import Misfit, Stretch, Unusual, misfit, unusual
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance
from speechrnn.runtime import emissions
from speechrnn.runtime.acoustic_model import AcousticModel


@dataclass(frozen=True)
class Examined:
    """An utterance, what was heard in it (times in its own seconds), and how badly its transcript fits."""

    utterance: Utterance
    heard: tuple[Word, ...]
    misfit: Misfit | str
    """A string says why the transcript cannot be aligned."""


@dataclass(frozen=True)
class Finding:
    """An utterance, where and how far its transcript is from what is usual, and what is heard there."""

    utterance: Utterance
    deviations: float
    """Above the corpus's median, see `decoding/misfit.py`; infinite where it cannot be aligned."""
    start: float
    end: float
    finding: str
    heard: str


def examine(
    model: AcousticModel, utterances: Iterable[Utterance], channel: Channel, threads: int
) -> Iterable[Examined | SpeechRnnError]:
    """Yield for each of `utterances`, in order, how its transcript fits, or why it cannot be read."""

    def one(utterance: Utterance) -> Examined | SpeechRnnError:
        try:
            return examined(model, utterance, channel)
        except SpeechRnnError as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(one, utterances)


def examined(model: AcousticModel, utterance: Utterance, channel: Channel) -> Examined:
    """Return how the transcript of `utterance` fits; raises SpeechRnnError where its audio cannot be read."""
    samples = read_audio(
        utterance.audio_filepath,
        model.metadata.sample_rate,
        channel,
        offset=utterance.offset,
        duration=utterance.duration,
    )
    vocabulary = model.metadata.vocabulary
    emitted = emissions.of_samples(model, samples)
    in_frames = greedy(emitted.log_probs, vocabulary, frame_seconds=1.0).words
    heard = tuple(
        Word(
            word.text,
            float(emitted.edges[round(word.start)]),
            float(emitted.edges[round(word.end)]),
            word.confidence,
        )
        for word in in_frames
    )
    try:
        alignment = align(emitted.log_probs, [utterance.text], vocabulary, emitted.edges)
    except SpeechRnnError as error:
        return Examined(utterance, heard, str(error))
    return Examined(utterance, heard, misfit(alignment))


def ranked(corpus: Sequence[Examined]) -> list[Finding]:
    """Return a finding for each utterance of `corpus`, the most unusual first."""
    judged = [(one, one.misfit) for one in corpus if isinstance(one.misfit, Misfit)]
    deviations = unusual([costs for _, costs in judged])
    findings = [_impossible(one, one.misfit) for one in corpus if isinstance(one.misfit, str)] + [
        _finding(one, costs, unlike) for (one, costs), unlike in zip(judged, deviations, strict=True)
    ]
    return sorted(findings, key=lambda finding: -finding.deviations)


def _impossible(one: Examined, why: str) -> Finding:
    duration = one.utterance.duration
    return Finding(one.utterance, math.inf, 0.0, duration, why, _words_in(one.heard, 0.0, duration))


def _finding(one: Examined, costs: Misfit, unlike: Unusual) -> Finding:
    stretch, what = _most_unusual(costs, unlike)
    heard = _words_in(one.heard, stretch.start, stretch.end)
    return Finding(one.utterance, unlike.most, stretch.start, stretch.end, what, heard)


def _most_unusual(costs: Misfit, unlike: Unusual) -> tuple[Stretch, str]:
    if unlike.most == unlike.whole:
        return costs.whole, "transcript and audio differ"
    if unlike.most == unlike.worst_word:
        return costs.worst_word, "a word of the transcript is not heard"
    return costs.worst_gap, "something is heard that the transcript lacks"


def _words_in(heard: Sequence[Word], start: float, end: float) -> str:
    """Return the words of `heard` that are said, in part at least, between `start` and `end`."""
    return " ".join(word.text for word in heard if word.end > start and word.start < end)
