"""How far the word times of a decoder are from those of forced alignment, in frames.

    python tools/measure_times.py MODEL.onnx --manifest test.jsonl
    python tools/measure_times.py MODEL.onnx --manifest test.jsonl --lm words.ngram

Each recording is decoded, and its transcript is aligned to the same log-probabilities. Words that were
recognised rightly are in both; the distances of their starts and of their ends are printed. This compares
two readings of one network. How far a network's own times are from a phonetician's is another question, and
needs recordings with times.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from speechrnn.commands.decoder_flags import GREEDY, Decoding, decoder
from speechrnn.decoding.alignment import align, frame_edges
from speechrnn.decoding.hypothesis import Hypothesis
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import read_manifest
from speechrnn.runtime import emissions
from speechrnn.runtime.acoustic_model import AcousticModel
from speechrnn.runtime.utterances import samples_of
from speechrnn.scoring import aligned_words
from speechrnn.text import Vocabulary, normalise

Distances = np.ndarray[tuple[int, int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Options:
    """Compare word times of a decoder with forced alignment."""

    model: Annotated[Path, tyro.conf.Positional]
    """The .onnx file."""
    manifest: Path
    """Recordings with transcripts."""
    decoding: Decoding = GREEDY


def main(options: Options) -> None:
    """Print median and quantiles of the distances of starts and ends."""
    distances = np.concatenate([np.zeros((0, 2)), *distances_of_all(options)])
    if not len(distances):
        sys.exit(f"{options.manifest}: no word was recognised rightly, so there is nothing to compare")
    frame = AcousticModel(options.model).metadata.frame_seconds
    print(f"{len(distances)} rightly recognised words, frames of {1000 * frame:.0f} ms; distance in frames:")
    for name, column in zip(("start", "end"), np.abs(distances).T, strict=True):
        low, high = np.percentile(column, [90, 99])
        within = 100 * (column <= 2).mean()
        print(
            f"{name:6} median {np.median(column):.1f}, mean {column.mean():.2f},"
            f" 90 % {low:.1f}, 99 % {high:.1f}; {within:.1f} % within two"
        )


def distances_of_all(options: Options) -> Iterator[Distances]:
    """Yield the distances of each recording; those that cannot be aligned are named and left out."""
    model = AcousticModel(options.model)
    vocabulary = model.metadata.vocabulary
    decode = decoder(options.decoding, vocabulary)
    for utterance in read_manifest(options.manifest):
        samples = samples_of(utterance, model.metadata.sample_rate)
        log_probs = emissions.of_samples(model, samples).log_probs
        found = decode(log_probs, 1.0)[0]
        try:
            yield distances_in_frames(found, utterance.text, log_probs, vocabulary)
        except SpeechRnnError as error:
            print(f"left out: {utterance.id}: {error}", file=sys.stderr)


def distances_in_frames(
    found: Hypothesis,
    text: str,
    log_probs: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    vocabulary: Vocabulary,
) -> Distances:
    """Return how much later the words of `found` (times in frames) start and end than aligned: [words, 2]."""
    aligned = align(log_probs, [text], vocabulary, frame_edges(len(log_probs), 1.0)).words
    said, recognised = iter(aligned), iter(found.words)
    rows = []
    for reference, hypothesis in aligned_words(normalise(text), normalise(found.text)):
        truth = next(said) if reference is not None else None
        word = next(recognised) if hypothesis is not None else None
        if truth and word and reference == hypothesis:
            rows.append((word.start - truth.start, word.end - truth.end))
    return np.array(rows, np.float64).reshape(-1, 2)


if __name__ == "__main__":
    try:
        main(tyro.cli(Options))
    except SpeechRnnError as error:
        sys.exit(str(error))
