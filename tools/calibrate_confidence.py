"""Fit the calibration of a model's confidences on held-out recordings, and say how good they are.

    python tools/calibrate_confidence.py MODEL.onnx --manifest held-out.jsonl
    python tools/calibrate_confidence.py MODEL.onnx --manifest held-out.jsonl --store
    python tools/calibrate_confidence.py MODEL.onnx --manifest held-out.jsonl --beam 25 --lm words.slm --store

Prints the expected calibration error and the area under the ROC curve (right against wrong words), as decoded
and calibrated. The latter is cross-fitted: each half of the speakers is rated by what the other half taught.
With --store the calibration fitted on all of them goes into the model's file, where `transcribe` finds it.
The recordings must be ones that neither the model nor the language model was trained on.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from speechrnn.audio import read_audio
from speechrnn.decoding.beam.search import BeamSearch
from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.decoding.calibration import Decoder, fit_calibration
from speechrnn.decoding.confidence_quality import (
    JudgedWords,
    area_under_roc,
    expected_calibration_error,
    judged_words,
)
from speechrnn.decoding.greedy import greedy
from speechrnn.decoding.hypothesis import Word
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.errors import SpeechRnnError
from speechrnn.export.store_calibration import store_calibration
from speechrnn.manifest import Utterance, read_manifest
from speechrnn.metadata import Metadata
from speechrnn.runtime.acoustic_model import AcousticModel
from speechrnn.runtime.transcriber import Transcriber


@dataclass(frozen=True)
class Options:
    """Fit and measure the calibration of a model's confidences."""

    model: Annotated[Path, tyro.conf.Positional]
    """The .onnx file."""
    manifest: Path
    """Held-out recordings with transcripts, of several speakers."""
    beam: int = 0
    """Width of the beam search; 0 decodes greedily."""
    lm: Path | None = None
    """Word n-gram for the beam search."""
    lm_weight: float = 1.0
    """Its weight."""
    word_bonus: float = 0.0
    """Added for every word in the beam search."""
    store: bool = False
    """Write the calibration into the model's file."""


def main(options: Options) -> None:
    """Decode, fit, print and store."""
    utterances = read_manifest(options.manifest)
    decode = decoder(options, AcousticModel(options.model).metadata)
    recognised = recognise(Transcriber(options.model, decode=decode), utterances)
    halves = [
        judged_words(
            (words, utterance.text)
            for utterance, words in zip(utterances, recognised, strict=True)
            if in_first_half(utterance, utterances) == first
        )
        for first in (True, False)
    ]
    both = JudgedWords(
        np.concatenate([half.confidences for half in halves]),
        np.concatenate([half.letters for half in halves]),
        np.concatenate([half.right for half in halves]),
    )
    crossed = np.concatenate([fitted_on(halves[1], halves[0]), fitted_on(halves[0], halves[1])])
    print(f"{len(both.right)} words, {100 * both.right.mean():.1f} % of them right")
    for name, confidences in ("as decoded", both.confidences), ("calibrated", crossed):
        error = expected_calibration_error(confidences, both.right)
        print(f"{name}: calibration error {error:.4f}, AUROC {area_under_roc(confidences, both.right):.4f}")
    calibration = fit_calibration(both.confidences, both.letters, both.right)
    print(f"fitted on all: {calibration}")
    if options.store:
        store_calibration(options.model, "beam" if options.beam else "greedy", calibration)
        print(f"stored in {options.model}")


def decoder(options: Options, metadata: Metadata) -> Decoder:
    """Return the decoder that `options` ask for, without any calibration."""
    if not options.beam:
        return greedy
    model = NgramModel.open(options.lm) if options.lm else None
    settings = BeamSettings(options.beam, options.lm_weight, options.word_bonus)
    search = BeamSearch(metadata.vocabulary, settings, model)
    return lambda log_probs, _, frame_seconds: search.decode(log_probs, frame_seconds)[0]


def recognise(transcriber: Transcriber, utterances: Sequence[Utterance]) -> list[tuple[Word, ...]]:
    """Return the words recognised in each of `utterances`, one utterance a core."""

    def words(utterance: Utterance) -> tuple[Word, ...]:
        samples = read_audio(
            utterance.audio_filepath,
            transcriber.sample_rate,
            offset=utterance.offset,
            duration=utterance.duration,
        )
        return transcriber.transcribe(samples).words

    with ThreadPoolExecutor(transcriber.threads) as pool:
        return list(pool.map(words, utterances))


def in_first_half(utterance: Utterance, utterances: Sequence[Utterance]) -> bool:
    """Return whether the speaker of `utterance` is in the first half; unknown ones are one each."""
    speakers = sorted({one.speaker or one.id for one in utterances})
    return (utterance.speaker or utterance.id) in speakers[::2]


def fitted_on(taught: JudgedWords, rated: JudgedWords) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the confidences of the words `rated`, calibrated by the words `taught`."""
    calibration = fit_calibration(taught.confidences, taught.letters, taught.right)
    confidences: np.ndarray[tuple[int], np.dtype[np.float64]] = calibration(rated.confidences, rated.letters)
    return confidences


if __name__ == "__main__":
    try:
        main(tyro.cli(Options))
    except SpeechRnnError as error:
        sys.exit(str(error))
