"""The utterances of a manifest, each read and worked on in a thread, one a core."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from speechrnn.audio import read_audio
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance

Samples = npt.NDArray[np.float32]
Result = TypeVar("Result")

TOLERATED_SHORTFALL = 0.5
"""Seconds by which a recording may end before its manifest says."""


def of_each(
    utterances: Iterable[Utterance], sample_rate: int, threads: int, work: Callable[[Samples], Result]
) -> Iterator[Result | SpeechRnnError]:
    """Yield, in order, what `work` makes of the samples [samples] of each of `utterances`.

    What is wrong with one that cannot be read, or that `work` refuses, comes in its place.
    """

    def one(utterance: Utterance) -> Result | SpeechRnnError:
        try:
            return work(samples_of(utterance, sample_rate))
        except SpeechRnnError as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(one, utterances)


def samples_of(utterance: Utterance, sample_rate: int) -> Samples:
    """Return the samples [samples] of `utterance`, the mean of all channels.

    Raises SpeechRnnError where they cannot be read, or end long before the manifest says.
    """
    samples = read_audio(
        utterance.audio_filepath, sample_rate, offset=utterance.offset, duration=utterance.duration
    )
    missing = utterance.duration - len(samples) / sample_rate
    if missing > TOLERATED_SHORTFALL:
        raise SpeechRnnError(f"{utterance.audio_filepath}: ends {missing:.1f} s before the manifest says")
    return samples
