"""The log-probabilities of a whole recording: its windows, recognised one by one and put together.

    samples -> windows (`windows.py`) -> log-probabilities (`acoustic_model.py`) -> one array, with times

For work that has to see a recording as a whole, such as alignment. The samples are never in memory all at
once; the log-probabilities are, which for an hour and 30 tokens is 15 MB.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechrnn.audio import AudioStream
from speechrnn.outputs import LOG_PROBS, SOUNDS
from speechrnn.runtime.acoustic_model import AcousticModel
from speechrnn.runtime.crew import Crew
from speechrnn.runtime.windows import Window, windows

Samples = npt.NDArray[np.float32]
LogProbs = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Emissions:
    """What the network makes of a recording: `log_probs` [frames, tokens], natural log."""

    log_probs: LogProbs
    edges: npt.NDArray[np.float64]
    """Float64 [frames + 1]: frame n lasts from edges[n] to edges[n + 1] seconds."""


def of_stream(model: AcousticModel, stream: AudioStream, threads: int) -> Emissions:
    """Return the emissions of `stream`, recognised in `threads` threads.

    Raises SpeechRnnError where it cannot be read; afterwards `stream.broken_at` tells whether it was whole.
    """
    with Crew(threads, lambda window: _recognised(model, window)) as crew:
        reading = crew.read(stream, model.metadata.sample_rate).result()
        return _joined(model, [result.result() for result in reading.results])


def of_samples(model: AcousticModel, samples: Samples, output: str = LOG_PROBS) -> Emissions:
    """Return the emissions of `samples` [samples], recognised in the calling thread.

    `output` is the graph's: what is written, or sounds.
    """
    cut: Iterable[Window] = windows([samples], model.metadata.sample_rate)
    return _joined(model, [_recognised(model, window, output) for window in cut], output)


@dataclass(frozen=True)
class _Recognised:
    """The log-probabilities of a window that lasts from `start` to `end` seconds."""

    log_probs: LogProbs
    start: float
    end: float


def _recognised(model: AcousticModel, window: Window, output: str = LOG_PROBS) -> _Recognised:
    rate = model.metadata.sample_rate
    end = (window.start + len(window.samples)) / rate
    return _Recognised(model.log_probs(window.samples, output), window.start / rate, end)


def _joined(model: AcousticModel, parts: Sequence[_Recognised], output: str = LOG_PROBS) -> Emissions:
    """Put windows together; the last frame of each reaches to the start of the next."""
    seconds = model.metadata.frame_seconds
    starts = [np.minimum(part.start + seconds * np.arange(len(part.log_probs)), part.end) for part in parts]
    end = parts[-1].end if parts else 0.0
    tokens = len((model.metadata.sounds if output == SOUNDS else None) or model.metadata.vocabulary)
    return Emissions(
        np.concatenate([np.zeros((0, tokens), np.float32), *(part.log_probs for part in parts)]),
        np.concatenate([*starts, [end]]),
    )
