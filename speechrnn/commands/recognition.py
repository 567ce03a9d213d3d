"""What a model makes of the utterances of manifests, be it a model folder or an `.onnx`.

`evaluate`, `lm tune` and the recipes ask for it. A model folder is run with PyTorch, an `.onnx` with ONNX
Runtime as in deployment. Utterances that cannot be read do not stop the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from speechrnn.commands.decoder_flags import DecoderFlags, decoder
from speechrnn.errors import SpeechRnnError, missing_extra
from speechrnn.manifest import Utterance
from speechrnn.outputs import LOG_PROBS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from speechrnn.metadata import Metadata
    from speechrnn.model_folder import TrainedModel
    from speechrnn.text import Vocabulary

    LogProbs = npt.NDArray[np.float32]

Result = TypeVar("Result")


@dataclass(frozen=True)
class Recognised(Generic[Result]):
    """The utterances that could be read, what was made of each, and what is wrong with the others."""

    utterances: Sequence[Utterance]
    results: Sequence[Result]
    problems: Sequence[str]


def recognise(
    model: Path, utterances: Sequence[Utterance], flags: DecoderFlags, device: str
) -> Recognised[list[str]]:
    """Return the hypotheses for each of `utterances`, the likeliest first.

    `device` is where a model folder runs: "auto", "cpu" or "cuda".
    """
    from speechrnn.runtime.transcriber import Transcriber, output_for

    if model.suffix != ".onnx":

        def texts(trained: "TrainedModel") -> "Callable[[LogProbs], list[str]]":
            decode = decoder(flags, trained.vocabulary, trained.sounds)
            part = part_of(trained, output_for(decode))
            # Times are not looked at, so a frame may be a second long.
            return lambda log_probs: [one.text for one in decode(log_probs[:, part], 1.0)]

        return _with_folder(model, utterances, texts, device)
    from speechrnn.runtime.utterances import of_each

    transcriber = Transcriber(
        model, decoder=lambda metadata: decoder(flags, metadata.vocabulary, metadata.sounds)
    )
    found = of_each(
        utterances,
        transcriber.sample_rate,
        transcriber.threads,
        lambda samples: [one.text for one in transcriber.transcribe(samples).hypotheses],
    )
    return _sorted_out(utterances, list(found))


def emit(
    model: Path, utterances: Sequence[Utterance], device: str, output: str = LOG_PROBS
) -> "tuple[Vocabulary, Recognised[LogProbs]]":
    """Return the vocabulary of `model`, and log-probabilities [frames, tokens] of each of `utterances`.

    `output` is that of the network: what is written, or sounds. Raises SpeechRnnError where it knows none.
    """
    if model.suffix != ".onnx":
        from speechrnn.model_folder import read_model_folder

        trained = read_model_folder(model)
        part = part_of(trained, output)
        found = _with_folder(model, utterances, lambda _: lambda both: both[:, part].copy(), device)
        return symbols_of(trained, output, model), found
    from speechrnn.runtime import emissions
    from speechrnn.runtime.transcriber import Transcriber
    from speechrnn.runtime.utterances import of_each

    transcriber = Transcriber(model)
    symbols = symbols_of(transcriber.model.metadata, output, model)
    results = of_each(
        utterances,
        transcriber.sample_rate,
        transcriber.threads,
        lambda samples: emissions.of_samples(transcriber.model, samples, output).log_probs,
    )
    return symbols, _sorted_out(utterances, list(results))


def symbols_of(known: "TrainedModel | Metadata", output: str, model: Path) -> "Vocabulary":
    """Return what the tokens of a network's `output` stand for; raises SpeechRnnError where there is none."""
    if output == LOG_PROBS:
        return known.vocabulary
    if known.sounds is None:
        raise SpeechRnnError(f"{model}: knows no sounds; train it with --lexicon, or search without them")
    return known.sounds


def part_of(trained: "TrainedModel", output: str) -> slice:
    """Return where in a frame of the network, [tokens + sounds], the `output` stands."""
    tokens = len(trained.vocabulary)
    return slice(tokens) if output == LOG_PROBS else slice(tokens, None)


def _with_folder(
    folder: Path,
    utterances: Sequence[Utterance],
    work: "Callable[[TrainedModel], Callable[[LogProbs], Result]]",
    device: str,
) -> Recognised[Result]:
    try:
        from speechrnn.training.evaluation import recognise_with_folder
    except ModuleNotFoundError as error:
        raise missing_extra(str(error.name), "train", f"{folder}: a model folder") from error

    results, screening = recognise_with_folder(folder, utterances, work, device)
    problems = [f"{utterance.id}: {utterance.found}" for utterance in screening.left_out]
    return Recognised(screening.kept, [results[utterance.id] for utterance in screening.kept], problems)


def _sorted_out(
    utterances: Sequence[Utterance], results: Sequence[Result | SpeechRnnError]
) -> Recognised[Result]:
    pairs = list(zip(utterances, results, strict=True))
    read = [(utterance, result) for utterance, result in pairs if not isinstance(result, SpeechRnnError)]
    problems = [f"{utterance.id}: {error}" for utterance, error in pairs if isinstance(error, SpeechRnnError)]
    return Recognised([utterance for utterance, _ in read], [result for _, result in read], problems)
