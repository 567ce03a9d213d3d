"""Fit the calibration of a model's confidences on held-out recordings, and say how good they are.

    python tools/calibrate_confidence.py MODEL.onnx --manifest held-out.jsonl
    python tools/calibrate_confidence.py MODEL.onnx --manifest held-out.jsonl --store
    python tools/calibrate_confidence.py MODEL.onnx --manifest held-out.jsonl --lm words.ngram --store

Prints the expected calibration error and the area under the ROC curve (right against wrong words), as decoded
and calibrated. The latter is cross-fitted: each half of the speakers is rated by what the other half taught.
With --store the calibration fitted on all of them goes into the model's file, where `transcribe` finds it.
The recordings must be ones that neither the model nor the language model was trained on.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from speechrnn.commands.decoder_flags import GREEDY, Decoding, decoder, kind
from speechrnn.decoding.calibration import fit_calibration
from speechrnn.decoding.confidence_quality import (
    JudgedWords,
    area_under_roc,
    expected_calibration_error,
    judged_words,
)
from speechrnn.decoding.hypothesis import Word
from speechrnn.errors import SpeechRnnError
from speechrnn.export.store_calibration import store_calibration
from speechrnn.manifest import Utterance, read_manifest
from speechrnn.runtime.transcriber import Transcriber
from speechrnn.runtime.utterances import of_each


@dataclass(frozen=True)
class Options:
    """Fit and measure the calibration of a model's confidences."""

    model: Annotated[Path, tyro.conf.Positional]
    """The .onnx file."""
    manifest: Path
    """Held-out recordings with transcripts, of several speakers."""
    store: bool = False
    """Write the calibration into the model's file."""
    decoding: Decoding = GREEDY


def main(options: Options) -> None:
    """Decode, fit, print and store."""
    utterances = read_manifest(options.manifest)
    recognised = recognise(options, utterances)
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
        store_calibration(options.model, kind(options.decoding), calibration)
        print(f"stored in {options.model}")


def recognise(options: Options, utterances: Sequence[Utterance]) -> list[tuple[Word, ...]]:
    """Return the words recognised in each of `utterances`, with confidences as the decoder gives them."""
    transcriber = Transcriber(
        options.model,
        decoder=lambda metadata: decoder(options.decoding, metadata.vocabulary, metadata.sounds),
    )
    results = of_each(
        utterances,
        transcriber.sample_rate,
        transcriber.threads,
        lambda samples: transcriber.transcribe(samples).words,
    )
    recognised = []
    for words in results:
        if isinstance(words, SpeechRnnError):
            raise words
        recognised.append(words)
    return recognised


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
