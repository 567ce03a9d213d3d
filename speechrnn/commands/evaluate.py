"""`speechrnn evaluate`: how much of what a model writes down is wrong, and where.

A model folder is run with PyTorch, an `.onnx` with ONNX Runtime as in deployment (`recognition.py`).
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from speechrnn.commands.decoder_flags import GREEDY, Decoding, completed
from speechrnn.errors import SpeechRnnError
from speechrnn.shipped import find_model

if TYPE_CHECKING:
    from speechrnn.scoring import Score


@dataclass(frozen=True)
class Evaluate:
    """Measure a model on manifests: error rates with intervals, speakers, the worst utterances.

    With --nbest the rates of the best of the hypotheses are printed too: what a better choice could reach.
    Utterances whose sound cannot be read are named and left out; the exit status is 1 then.
    """

    model: Annotated[Path, tyro.conf.Positional]
    """A model folder, an .onnx file, or a model that comes with the package, such as english."""
    manifest: tuple[Path, ...]
    """Manifests to measure on, all of them together."""
    by_speaker: bool = False
    """Print the error rate of each speaker."""
    worst: int = 5
    """How many of the worst utterances to print, aligned word by word."""
    to: Path | None = None
    """Folder for references and hypotheses as .trn files, which NIST's sclite reads."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to run a model folder; `auto` takes a GPU where there is one. An .onnx runs on the CPU."""
    decoding: Decoding = GREEDY


def run(options: Evaluate) -> int:
    """Recognise and report; return 1 where some utterances could not be read, else 0."""
    from speechrnn import scoring_report
    from speechrnn.commands.recognition import recognise
    from speechrnn.manifest import read_manifests
    from speechrnn.scoring import closest, score_utterances

    utterances = read_manifests(options.manifest)
    model = find_model(options.model)
    found = recognise(model.path, utterances, completed(options.decoding, model), options.device)
    for problem in found.problems:
        print(f"left out: {problem}", file=sys.stderr)
    if not found.utterances:
        raise SpeechRnnError(f"{options.manifest[0]}: none of its utterances can be read; see above")
    result = score_utterances(found.utterances, [texts[0] for texts in found.results])
    print(scoring_report.summary(result))
    if options.decoding.nbest is not None:
        pairs = zip(found.utterances, found.results, strict=True)
        best = score_utterances(found.utterances, [closest(one.text, texts) for one, texts in pairs])
        print(f"best of {options.decoding.nbest}: {scoring_report.summary(best)}")
    if options.by_speaker:
        print("\n" + scoring_report.speaker_table(result))
    if options.worst and result.worst(options.worst):
        print("\n" + scoring_report.worst_utterances(result, options.worst))
    if options.to:
        write_trn_files(options.to, result)
    return 1 if found.problems else 0


def write_trn_files(folder: Path, result: "Score") -> None:
    """Write references and hypotheses into `folder`, as `.trn` files."""
    from speechrnn.trn import write_trn

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpeechRnnError(
            f"--to {folder}: cannot be made ({error.strerror}); name another place"
        ) from error
    write_trn(folder, result)
