"""`speechrnn export`: a trained model becomes one `.onnx` file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import tyro

from speechrnn.errors import SpeechRnnError, check_readable, missing_extra


@dataclass(frozen=True)
class Export:
    """Make a model folder one .onnx file that takes waveforms and runs without PyTorch.

    The file gets its name once it has been checked against PyTorch.
    """

    model: Annotated[Path, tyro.conf.Positional]
    """The model folder, such as RUN_FOLDER/model."""
    to: Path
    """The .onnx file to write."""
    int8: bool = False
    """Store weights in eight bits: a quarter of the size, LSTMs more than twice as fast."""
    card: Path | None = None
    """JSON object with what the file should say about itself, such as data, licence and limits. `info` shows
    all of it, `models` what stands under "use" (a text) and "wer" (a text for each test set)."""


def run(options: Export) -> int:
    """Write the file and print what it is; return the exit status."""
    if options.to.suffix != ".onnx":
        raise SpeechRnnError(f"--to {options.to}: must end in .onnx; name a file")
    try:
        from speechrnn.export.write import export_model
    except ModuleNotFoundError as error:
        raise missing_extra(str(error.name), "export", "writing an .onnx") from error

    card = {} if options.card is None else read_card(options.card)
    exported = export_model(options.model, options.to, options.int8, card)
    measure = "log-probabilities" if not options.int8 else "probability moved, in the mean"
    print(
        f"{options.to}: {exported.metadata.precision}, {exported.bytes / 1e6:.1f} MB,"
        f" from PyTorch {exported.distance:.1e} ({measure})"
    )
    return 0


def read_card(path: Path) -> dict[str, Any]:
    """Return the JSON object in `path`; raises SpeechRnnError where it holds none."""
    check_readable(path)
    try:
        card: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SpeechRnnError(f"--card {path}: is not a JSON object ({error}); correct it") from None
    return card
