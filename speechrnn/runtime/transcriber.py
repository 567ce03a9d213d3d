"""The `Transcriber`: recordings in, transcripts out, on all cores, with numpy and ONNX Runtime alone.

    file -> blocks (`audio.py`) -> windows (`windows.py`) -> log-probabilities (`acoustic_model.py`)
         -> words (`decoding/`) -> transcript

Files are read ahead in threads of their own while windows are recognised in others, each window by itself. So
the text of a file does not depend on the files beside it, on the number of threads, or on their timing.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from speechrnn.audio import AudioStream, Channel
from speechrnn.cores import cores
from speechrnn.decoding.hypothesis import Decoder, Hypothesis, SoundDecoder, Word
from speechrnn.errors import SpeechRnnError
from speechrnn.metadata import Metadata
from speechrnn.outputs import LOG_PROBS, SOUNDS
from speechrnn.runtime.acoustic_model import AcousticModel
from speechrnn.runtime.crew import Crew, Reading
from speechrnn.runtime.default_decoder import default_decoder
from speechrnn.runtime.transcript import Transcript, joined
from speechrnn.runtime.windows import Window
from speechrnn.shipped import find_model

Samples = npt.NDArray[np.float32]
FILES_A_THREAD = 2
"""Files begun for each thread: one being read, one waiting."""


class Transcriber:
    """Turns recordings into transcripts with one model.

    - `model`: an `.onnx` file that `speechrnn export` wrote, or the name of a model that comes with the
      package; None takes the English one.
    - `threads`: how many windows are recognised at a time; None takes as many as there are cores.
    - `channel`: the channel to listen to, from 0; None or "mix" for the mean of all.
    - `decoder`: gets what the model's file says about itself and returns the decoder of its windows, such as
      `lambda metadata: BeamSearch(metadata.vocabulary).decode`, which is called from several threads at a
      time. None takes the model's own (`default_decoder.py`).

    Raises SpeechRnnError where the model cannot be opened.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        threads: int | None = None,
        channel: Channel = None,
        decoder: Callable[[Metadata], Decoder] | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise SpeechRnnError(f"--threads: must be 1 or more, not {threads}")
        files = find_model(model)
        self.model = AcousticModel(files.path)
        self.sample_rate = self.model.metadata.sample_rate
        self.threads = threads or cores()
        self.channel = channel
        self.decode = (decoder or partial(default_decoder, files))(self.model.metadata)
        self.output = output_for(self.decode)

    def transcribe(self, recording: str | Path | Samples) -> Transcript:
        """Return the transcript of a file, or of float samples [samples] in [-1, 1] at `sample_rate`.

        Raises SpeechRnnError where the recording cannot be read.
        """
        blocks = self._stream(recording) if isinstance(recording, str | Path) else [_checked(recording)]
        with Crew(self.threads, self._recognise) as crew:
            return self._transcript(blocks, crew.read(blocks, self.sample_rate))

    def transcribe_files(
        self, paths: Iterable[str | Path]
    ) -> Iterator[tuple[str | Path, Transcript | SpeechRnnError]]:
        """Yield each of `paths`, in order, with its transcript, or the error where it cannot be read.

        Several files are worked on at a time; a few beyond the one that is waited for have been begun.
        """
        with Crew(self.threads, self._recognise) as crew:
            streams = ((path, self._stream(path)) for path in paths)
            readings = ((path, stream, crew.read(stream, self.sample_rate)) for path, stream in streams)
            begun = deque(islice(readings, FILES_A_THREAD * self.threads))
            while begun:
                path, stream, reading = begun.popleft()
                begun.extend(islice(readings, 1))
                yield path, self._outcome(stream, reading)

    def _stream(self, path: str | Path) -> AudioStream:
        return AudioStream(path, self.sample_rate, self.channel)

    def _recognise(self, window: Window) -> list[Hypothesis]:
        """Return the hypotheses of `window`, with times in the recording."""
        log_probs = self.model.log_probs(window.samples, self.output)
        start = window.start / self.sample_rate
        end = start + len(window.samples) / self.sample_rate
        return [
            replace(hypothesis, words=tuple(_moved(word, start, end) for word in hypothesis.words))
            for hypothesis in self.decode(log_probs, self.model.metadata.frame_seconds)
        ]

    def _outcome(
        self, stream: AudioStream, reading: Future[Reading[list[Hypothesis]]]
    ) -> Transcript | SpeechRnnError:
        try:
            return self._transcript(stream, reading)
        except SpeechRnnError as error:
            return error

    def _transcript(
        self, blocks: AudioStream | list[Samples], reading: Future[Reading[list[Hypothesis]]]
    ) -> Transcript:
        """Wait for the windows of `blocks` and put their hypotheses one after the other."""
        whole = reading.result()
        return Transcript(
            hypotheses=joined([result.result() for result in whole.results]),
            seconds=whole.samples / self.sample_rate,
            broken_at=blocks.broken_at if isinstance(blocks, AudioStream) else None,
        )


def output_for(decode: Decoder) -> str:
    """Return the output of the network that `decode` wants."""
    return SOUNDS if isinstance(decode, SoundDecoder) else LOG_PROBS


def _moved(word: Word, start: float, end: float) -> Word:
    """Return `word` of a window as a word of the recording, in which it lasts from `start` to `end`."""
    return replace(word, start=start + word.start, end=min(end, start + word.end))


def _checked(samples: Samples) -> Samples:
    """Return `samples` as float32; raises SpeechRnnError unless they are finite floats [samples]."""
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.dtype.kind != "f":
        raise SpeechRnnError(
            f"samples: are {samples.dtype} {list(samples.shape)}, wanted floats [samples] in [-1, 1];"
            " pick a channel, and divide 16-bit integers by 32768"
        )
    if not np.isfinite(samples).all():
        raise SpeechRnnError("samples: are not all finite; record or read them again")
    return samples.astype(np.float32)
