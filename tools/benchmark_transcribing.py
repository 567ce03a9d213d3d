"""How fast recordings become text, against the time that the network alone takes for the same windows.

    python tools/benchmark_transcribing.py                                       an untrained 3x320 BiLSTM
    python tools/benchmark_transcribing.py --models runs/x/model.onnx runs/x/model.int8.onnx --rounds 9

One recording of ten minutes and many short ones, FLAC, made of recordings in SPEECHRNN_DATA or else of
synthetic speech. Prints, side by side (`side_by_side.py`) and on the same cores: file to text; the network
alone on windows that are in memory; reading and cutting alone; decoding alone. Goal for the long recording
with int8 weights: 1.7 times as long as the network alone, reach for 1.3.
"""

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import tyro
from rich.console import Console
from side_by_side import Work, rate_table, side_by_side, stage, surroundings
from speech import Speech, find_speech
from untrained_model import write_untrained

from speechrnn import config
from speechrnn.audio import AudioStream, read_audio
from speechrnn.decoding.greedy import greedy
from speechrnn.runtime.transcriber import Transcriber
from speechrnn.runtime.windows import Window, windows
from speechrnn.training.machine import machine

PART = "dev-clean-2"
RATE = 16000


@dataclass(frozen=True)
class Options:
    """Time transcribing against the network alone."""

    models: tuple[Path, ...] = ()
    """Files to time; by default an untrained network, fp32 and int8."""
    data_dir: Path | None = None
    """A tree in LibriSpeech's layout; SPEECHRNN_DATA by default, else synthetic speech."""
    minutes: float = 10.0
    """Length of the long recording."""
    files: int = 60
    """Number of short recordings."""
    layers: int = 3
    """Recurrent layers of the untrained network."""
    width: int = 320
    """Units of each of its layers and directions."""
    stride: int = 3
    """Its subsampling in time."""
    threads: int | None = None
    """Processor cores; by default all."""
    rounds: int = 5
    """Rounds."""


def main() -> None:
    """Run the benchmark that the command line asks for."""
    options = tyro.cli(Options, description=__doc__)
    say = stage()
    speech = find_speech(options.data_dir, PART, most=200)
    say.print(f"machine: {machine()}; {surroundings()}")
    say.print(f"recordings: made of {speech}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        long = [long_recording(folder, speech, options.minutes)]
        short = short_recordings(folder, speech, options.files)
        encoder = config.Encoder(layers=options.layers, width=options.width, stride=options.stride)  # type: ignore[arg-type]
        for model in options.models or write_untrained(folder, encoder):
            transcriber = Transcriber(model, options.threads)
            say.rule(f"{model.name}, {transcriber.model.metadata.precision}, {transcriber.threads} threads")
            compare(f"one recording of {options.minutes:g} minutes", transcriber, long, options.rounds, say)
            compare(f"{len(short)} short recordings", transcriber, short, options.rounds, say)


def compare(title: str, transcriber: Transcriber, files: Sequence[Path], rounds: int, say: Console) -> None:
    """Print how long `files` take from file to text, and how long each part of that takes alone."""
    model = transcriber.model
    cut = [window for file in files for window in windows(AudioStream(file, RATE), RATE)]
    seconds = sum(len(window.samples) for window in cut) / RATE
    feeds = [feed_of(window) for window in cut]
    log_probs = [model.log_probs(window.samples) for window in cut]
    words = sum(len(transcriber.transcribe(file).words) for file in files)
    with ThreadPoolExecutor(transcriber.threads) as threads:

        def on_all_cores(work: Callable[..., object], items: Sequence[object]) -> Work:
            def run() -> float:
                list(threads.map(work, items))
                return seconds

            return run

        def file_to_text() -> float:
            list(transcriber.transcribe_files(files))
            return seconds

        rates = side_by_side(
            {
                "file to text": file_to_text,
                "network alone": on_all_cores(lambda feed: model.session.run(None, feed), feeds),
                "reading and cutting alone": on_all_cores(
                    lambda file: list(windows(AudioStream(file, RATE), RATE)), files
                ),
                "decoding alone": on_all_cores(
                    lambda frames: greedy(frames, model.metadata.vocabulary, model.metadata.frame_seconds),
                    log_probs,
                ),
            },
            rounds,
        )
    say.print(
        rate_table(f"{title}, {len(cut)} windows, {words} words", "x real time", rates, "network alone")
    )


def feed_of(window: Window) -> dict[str, object]:
    """Return the inputs of the graph for `window`."""
    return {"audio": window.samples[None], "lengths": np.array([len(window.samples)], np.int64)}


def long_recording(folder: Path, speech: Speech, minutes: float) -> Path:
    """Write utterances one after the other, again and again if need be, as one FLAC; return its path."""
    wanted = round(60 * minutes * RATE)
    parts = [read_audio(utterance.audio_filepath, RATE) for utterance in speech.utterances]
    path = folder / "long.flac"
    soundfile.write(path, np.resize(np.concatenate(parts), wanted), RATE, subtype="PCM_16")
    return path


def short_recordings(folder: Path, speech: Speech, count: int) -> list[Path]:
    """Write the first `count` utterances as FLAC; return their paths."""
    paths = []
    for utterance in speech.utterances[:count]:
        paths.append(folder / f"{utterance.id}.flac")
        soundfile.write(paths[-1], read_audio(utterance.audio_filepath, RATE), RATE, subtype="PCM_16")
    return paths


if __name__ == "__main__":
    main()
