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

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

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
    if model.suffix != ".onnx":

        def texts(vocabulary: "Vocabulary") -> "Callable[[LogProbs], list[str]]":
            decode = decoder(flags, vocabulary)
            # Times are not looked at, so a frame may be a second long.
            return lambda log_probs: [one.text for one in decode(log_probs, 1.0)]

        return _with_folder(model, utterances, texts, device)
    from speechrnn.runtime.transcriber import Transcriber
    from speechrnn.runtime.utterances import of_each

    transcriber = Transcriber(model, decoder=lambda metadata: decoder(flags, metadata.vocabulary))
    found = of_each(
        utterances,
        transcriber.sample_rate,
        transcriber.threads,
        lambda samples: [one.text for one in transcriber.transcribe(samples).hypotheses],
    )
    return _sorted_out(utterances, list(found))


def emit(
    model: Path, utterances: Sequence[Utterance], device: str
) -> "tuple[Vocabulary, Recognised[LogProbs]]":
    """Return the vocabulary of `model`, and log-probabilities [frames, tokens] of each of `utterances`."""
    if model.suffix != ".onnx":
        from speechrnn.model_folder import read_model_folder

        found = _with_folder(model, utterances, lambda _: lambda log_probs: log_probs.copy(), device)
        return read_model_folder(model).vocabulary, found
    from speechrnn.runtime import emissions
    from speechrnn.runtime.transcriber import Transcriber
    from speechrnn.runtime.utterances import of_each

    transcriber = Transcriber(model)
    results = of_each(
        utterances,
        transcriber.sample_rate,
        transcriber.threads,
        lambda samples: emissions.of_samples(transcriber.model, samples).log_probs,
    )
    return transcriber.model.metadata.vocabulary, _sorted_out(utterances, list(results))


def _with_folder(
    folder: Path,
    utterances: Sequence[Utterance],
    work: "Callable[[Vocabulary], Callable[[LogProbs], Result]]",
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
