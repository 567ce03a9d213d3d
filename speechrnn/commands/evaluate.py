"""`speechrnn evaluate`: how much of what a model writes down is wrong, and where.

A model folder is run with PyTorch, an `.onnx` with ONNX Runtime as in deployment; both decode greedily.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from speechrnn.errors import SpeechRnnError, missing_extra
from speechrnn.manifest import Utterance
from speechrnn.shipped import find_model

if TYPE_CHECKING:
    from speechrnn.scoring import Score


TOLERATED_SHORTFALL = 0.5  # seconds by which a recording may end before its manifest says


@dataclass(frozen=True)
class Evaluate:
    """Measure a model on manifests: error rates with intervals, speakers, the worst utterances.

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


@dataclass(frozen=True)
class Recognised:
    """The utterances that could be read, what was recognised in each, and what is wrong with the others."""

    utterances: Sequence[Utterance]
    texts: Sequence[str]
    problems: Sequence[str]


def run(options: Evaluate) -> int:
    """Recognise and report; return 1 where some utterances could not be read, else 0."""
    from speechrnn import scoring_report
    from speechrnn.manifest import read_manifests
    from speechrnn.scoring import score

    utterances = read_manifests(options.manifest)
    model = find_model(options.model).path
    if model.suffix == ".onnx":
        found = with_onnx(model, utterances)
    else:
        found = with_folder(model, utterances, options.device)
    for problem in found.problems:
        print(f"left out: {problem}", file=sys.stderr)
    if not found.utterances:
        raise SpeechRnnError(f"{options.manifest[0]}: none of its utterances can be read; see above")
    result = score(
        [utterance.text for utterance in found.utterances],
        found.texts,
        [utterance.speaker for utterance in found.utterances],
        [utterance.id for utterance in found.utterances],
    )
    print(scoring_report.summary(result))
    if options.by_speaker:
        print("\n" + scoring_report.speaker_table(result))
    if options.worst and result.worst(options.worst):
        print("\n" + scoring_report.worst_utterances(result, options.worst))
    if options.to:
        write_trn_files(options.to, result)
    return 1 if found.problems else 0


def with_folder(folder: Path, utterances: Sequence[Utterance], device: str) -> Recognised:
    """Return what the model folder makes of `utterances`, with PyTorch."""
    try:
        from speechrnn.training.evaluation import recognise_with_folder
    except ModuleNotFoundError as error:
        raise missing_extra(str(error.name), "train", f"{folder}: a model folder") from error

    texts, screening = recognise_with_folder(folder, utterances, device)
    problems = [f"{utterance.id}: {utterance.found}" for utterance in screening.left_out]
    return Recognised(screening.kept, [texts[utterance.id] for utterance in screening.kept], problems)


def with_onnx(file: Path, utterances: Sequence[Utterance]) -> Recognised:
    """Return what the `.onnx` makes of `utterances`, with ONNX Runtime, one utterance a core."""
    from speechrnn.audio import read_audio
    from speechrnn.runtime.transcriber import Transcriber

    transcriber = Transcriber(file)

    def recognise(utterance: Utterance) -> str | SpeechRnnError:
        try:
            samples = read_audio(
                utterance.audio_filepath,
                transcriber.sample_rate,
                offset=utterance.offset,
                duration=utterance.duration,
            )
            missing = utterance.duration - len(samples) / transcriber.sample_rate
            if missing > TOLERATED_SHORTFALL:
                return SpeechRnnError(
                    f"{utterance.audio_filepath}: ends {missing:.1f} s before the manifest says"
                )
            return transcriber.transcribe(samples).text
        except SpeechRnnError as error:
            return error

    with ThreadPoolExecutor(transcriber.threads) as pool:
        results = list(zip(utterances, pool.map(recognise, utterances), strict=True))
    read = [(utterance, text) for utterance, text in results if isinstance(text, str)]
    problems = [f"{utterance.id}: {text}" for utterance, text in results if not isinstance(text, str)]
    return Recognised([utterance for utterance, _ in read], [text for _, text in read], problems)


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
