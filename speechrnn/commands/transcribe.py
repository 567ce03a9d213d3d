"""`speechrnn transcribe`: recordings in, text out.

The flags say `tuple` and `Optional[X]` where the rest of the package says `tuple[X, ...]` and `X | None`:
of the latter tyro checks defaults with a library whose import takes longer than a short recording.
"""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional, TypeVar, Union

import tyro

from speechrnn.commands.decoder_flags import GREEDY, Decoding, calibrated_decoder, completed
from speechrnn.errors import SpeechRnnError
from speechrnn.shipped import find_model

if TYPE_CHECKING:
    from speechrnn.decoding.hypothesis import Decoder
    from speechrnn.metadata import Metadata

STDIN = "-"
Item = TypeVar("Item")


@dataclass(frozen=True)
class Transcribe:
    """Write down what is said in recordings.

    Of one recording the text is printed, of several a line each: the path, a tab, the text. With --format
    json it is always one JSON object a line. With --nbest a recording takes a line for each hypothesis, the
    best first, with the score (natural log) and a tab before the text; in JSON they are the list `nbest`. The
    exit status is 1 if some recordings failed or break off, and 2 if all failed.
    """

    recordings: Annotated[tuple, tyro.conf.Positional, tyro.conf.arg(metavar="RECORDING ...")]  # type: ignore[type-arg]
    """Files, folders (searched to the bottom), patterns such as 'talks/*.mp3', or - for standard input."""
    model: Optional[Path] = None  # noqa: UP045
    """An .onnx file, or a model that comes with the package: english, the default."""
    format: Literal["txt", "json"] = "txt"
    """Text, or JSON with the times and confidences of words."""
    channel: Union[int, Literal["mix"]] = "mix"  # noqa: UP007
    """Number of the channel to listen to, from 0, or the mean of all."""
    threads: Optional[int] = None  # noqa: UP045
    """Windows recognised at a time; by default as many as there are cores."""
    decoding: Decoding = GREEDY


def run(options: Transcribe) -> int:
    """Transcribe and print each recording; return the exit status."""
    from speechrnn.runtime.recordings import find_recordings
    from speechrnn.runtime.transcriber import Transcriber
    from speechrnn.runtime.transcript import as_json, as_text

    names = find_recordings(options.recordings)

    def decoder(metadata: "Metadata") -> "Decoder":
        flags = completed(options.decoding, find_model(options.model))
        return calibrated_decoder(flags, metadata)

    transcriber = Transcriber(options.model, options.threads, options.channel, decoder)
    nbest = options.decoding.nbest is not None
    failed = broken = 0
    with spooled_stdin(wanted=STDIN in names) as spool:
        paths = [spool if name == STDIN else name for name in names]
        outcomes = zip(names, transcriber.transcribe_files(paths), strict=True)
        for name, (path, outcome) in with_progress(outcomes, len(names)):
            if isinstance(outcome, SpeechRnnError):
                failed += 1
                complain(str(outcome).replace(str(path), name))
                continue
            if options.format == "json":
                print(as_json(name, outcome, nbest), flush=True)
            else:
                print(as_text(name if len(names) > 1 else None, outcome, nbest), flush=True)
            broken += outcome.broken_at is not None
            for warning in outcome.warnings:
                complain(f"{name}: {warning}")
    if failed == len(names):
        return 2
    return 1 if failed or broken else 0


def complain(text: str) -> None:
    """Print one line to stderr."""
    print(f"speechrnn: {text}", file=sys.stderr)


@contextlib.contextmanager
def spooled_stdin(wanted: bool) -> Iterator[str]:
    """Give the name of a temporary file with all of standard input, or `-` unless it is `wanted`.

    Formats of audio are read back and forth, which a pipe does not allow.
    """
    if not wanted:
        yield STDIN
        return
    with tempfile.NamedTemporaryFile(prefix="speechrnn-") as spool:
        try:
            shutil.copyfileobj(sys.stdin.buffer, spool)
            spool.flush()
        except OSError as error:
            raise SpeechRnnError(
                f"-: standard input cannot be kept in {spool.name} ({error.strerror})"
            ) from error
        yield spool.name


def with_progress(outcomes: Iterable[Item], total: int) -> Iterator[Item]:
    """Yield `outcomes`, with a bar on stderr if that is a terminal and there are several."""
    if total < 2 or not sys.stderr.isatty():
        yield from outcomes
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    # On one terminal with the bar, lines go above it; a file or a pipe gets them as they are.
    with Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        yield from bar.track(outcomes, total=total, description="transcribing")
