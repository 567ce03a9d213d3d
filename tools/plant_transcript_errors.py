"""How well `speechrnn align --find-errors` finds wrong transcripts: some are planted, and looked for.

    python tools/plant_transcript_errors.py MODEL.onnx --manifest test.jsonl

For each kind of error, a tenth of the utterances gets it, and all are ranked as the command ranks them.
Printed are the area under the ROC curve, and how many wrong and right ones lie beyond the usual threshold:

- swapped: the transcript of the utterance next in length, which is as hard to see as a swap can be;
- one word: one word is replaced by another of the corpus; one left out; one put in.
"""

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from speechrnn.decoding.confidence_quality import area_under_roc
from speechrnn.decoding.misfit import USUAL_THRESHOLD
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance, read_manifest
from speechrnn.runtime.acoustic_model import AcousticModel
from speechrnn.runtime.transcript_errors import Examined, examined, ranked

SHARE = 0.1


@dataclass(frozen=True)
class Options:
    """Plant errors in the transcripts of a manifest and look for them."""

    model: Annotated[Path, tyro.conf.Positional]
    """The .onnx file."""
    manifest: Path
    """Utterances whose transcripts are right."""
    seed: int = 0
    """Seed of the errors."""


Planter = Callable[[Sequence[Utterance], random.Random], dict[str, str]]


def main(options: Options) -> None:
    """Print a line for each kind of error."""
    utterances = read_manifest(options.manifest)
    model = AcousticModel(options.model)
    right = {utterance.id: examined(model, utterance, None) for utterance in utterances}
    print(
        f"{len(utterances)} utterances; beyond {USUAL_THRESHOLD} deviations, of the wrong and of the right:"
    )
    for name, plant in KINDS.items():
        wrong = plant(utterances, random.Random(options.seed))
        altered = [
            examined(model, replace(utterance, text=wrong[utterance.id]), None)
            for utterance in utterances
            if utterance.id in wrong
        ]
        kept = [one for name, one in right.items() if name not in wrong]
        print(f"{name:14} {found([*altered, *kept], set(wrong))}")


def found(corpus: Sequence[Examined], wrong: set[str]) -> str:
    """Return how the utterances `wrong` are ranked among `corpus`."""
    findings = ranked(corpus)
    deviations = np.array([finding.deviations for finding in findings])
    planted = np.array([finding.utterance.id in wrong for finding in findings])
    beyond = deviations > USUAL_THRESHOLD
    return (
        f"AUC {area_under_roc(deviations, planted):.4f}; {beyond[planted].sum()} of {planted.sum()} wrong,"
        f" {beyond[~planted].sum()} of {(~planted).sum()} right"
    )


def swapped(utterances: Sequence[Utterance], draws: random.Random) -> dict[str, str]:
    """Return pairs of neighbours by length, each with the transcript of the other."""
    by_length = sorted(utterances, key=lambda utterance: len(utterance.text))
    pairs = list(zip(by_length[::2], by_length[1::2], strict=False))
    chosen = draws.sample(pairs, max(1, round(SHARE * len(pairs))))
    return {a.id: b.text for pair in chosen for a, b in (pair, pair[::-1]) if a.text != b.text}


def with_word(change: Callable[[list[str], int, str], list[str]]) -> Planter:
    """Return what plants `change`, which gets the words, a place and a word of the corpus."""

    def plant(utterances: Sequence[Utterance], draws: random.Random) -> dict[str, str]:
        corpus = [word for utterance in utterances for word in utterance.text.split()]
        several = [utterance for utterance in utterances if len(utterance.text.split()) > 1]
        wrong = {}
        for utterance in draws.sample(several, max(1, round(SHARE * len(utterances)))):
            words = utterance.text.split()
            place = draws.randrange(len(words))
            other = draws.choice([word for word in corpus if word != words[place]])
            wrong[utterance.id] = " ".join(change(words, place, other))
        return wrong

    return plant


KINDS: dict[str, Planter] = {
    "swapped": swapped,
    "word replaced": with_word(lambda words, place, other: [*words[:place], other, *words[place + 1 :]]),
    "word left out": with_word(lambda words, place, _: [*words[:place], *words[place + 1 :]]),
    "word put in": with_word(lambda words, place, other: [*words[:place], other, *words[place:]]),
}


if __name__ == "__main__":
    try:
        main(tyro.cli(Options))
    except SpeechRnnError as error:
        sys.exit(str(error))
