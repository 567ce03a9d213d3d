"""`speechrnn align`: when each word of a text was said, and which transcripts do not fit their audio."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from speechrnn.errors import SpeechRnnError
from speechrnn.shipped import find_model

if TYPE_CHECKING:
    from speechrnn.decoding.alignment import Alignment
    from speechrnn.runtime.transcript_errors import Finding

USAGE = "give AUDIO and TEXT, or --find-errors MANIFEST"


@dataclass(frozen=True)
class Align:
    """Find when each word of a text was said, or which transcripts of a manifest do not fit their audio.

    `align AUDIO TEXT` prints lines, words and letters with their times; each line of TEXT is a segment. The
    exit status is 1 where the audio breaks off.

    `align --find-errors MANIFEST` prints the utterances whose transcripts fit unusually badly, the worst
    first: by how much, where, why, and what is heard there instead, in columns with tabs between them. The
    exit status is 1 where some utterances could not be read.
    """

    audio: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="AUDIO")] = None
    """The recording."""
    text: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="TEXT")] = None
    """A text file (UTF-8) with what is said in it."""
    model: Path | None = None
    """An .onnx file, or a model that comes with the package: english, the default."""
    format: Literal["json", "ctm", "textgrid", "srt"] = "json"
    """JSON, NIST's CTM, Praat's TextGrid, or SubRip subtitles."""
    find_errors: Path | None = None
    """Manifest whose transcripts to check."""
    threshold: float = 3.0
    """How unusual a transcript must be to be listed: deviations by which its cost lies above the manifest's
    median, a deviation being 1.48 times the distance from the median to the upper quartile. Hardly a right
    transcript lies beyond 3, as long as fewer than a quarter are wrong. Lower values list more; -inf lists
    all, ranked."""
    channel: int | Literal["mix"] = "mix"
    """Number of the channel to listen to, from 0, or the mean of all."""
    threads: int | None = None
    """Windows or utterances recognised at a time; by default as many as there are cores."""


def run(options: Align) -> int:
    """Align, or look for errors; return the exit status."""
    if options.find_errors is not None:
        if options.audio is not None:
            raise SpeechRnnError(f"--find-errors: takes no AUDIO ({options.audio}) beside it; {USAGE}")
        return find_errors(options, options.find_errors)
    if options.audio is None or options.text is None:
        raise SpeechRnnError(f"{'AUDIO' if options.audio is None else 'TEXT'}: none given; {USAGE}")
    return align_one(options, options.audio, options.text)


def align_one(options: Align, audio: Path, text: Path) -> int:
    """Print the text in `text` with the times at which it is said in `audio`; return the exit status."""
    from speechrnn.audio import AudioStream
    from speechrnn.decoding.alignment import align
    from speechrnn.runtime import emissions
    from speechrnn.runtime.transcriber import Transcriber

    lines = read_lines(text)
    transcriber = Transcriber(find_model(options.model).path, options.threads)
    stream = AudioStream(audio, transcriber.sample_rate, options.channel)
    emitted = emissions.of_stream(transcriber.model, stream, transcriber.threads)
    try:
        alignment = align(emitted.log_probs, lines, transcriber.model.metadata.vocabulary, emitted.edges)
    except SpeechRnnError as error:
        raise SpeechRnnError(f"{text}: {str(error).removeprefix('transcript: ')}") from None
    print(formatted(options, str(audio), alignment), end="")
    if alignment.unwritable:
        complain(f"{text}: {unwritable_words(alignment.unwritable)}")
    if stream.broken_at is not None:
        complain(f"{audio}: breaks off after {stream.broken_at:.2f} s; all of the text was placed before it")
    return 0 if stream.broken_at is None else 1


def read_lines(text: Path) -> list[str]:
    """Return the lines of the file `text`; raises SpeechRnnError where it is not readable UTF-8."""
    from speechrnn.errors import check_readable

    check_readable(text)
    try:
        return text.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise SpeechRnnError(f"{text}: is not UTF-8; save the text as UTF-8") from None


def formatted(options: Align, name: str, alignment: "Alignment") -> str:
    """Return `alignment` in the format that is asked for, with the end of its last line."""
    from speechrnn.decoding.alignment_formats import as_ctm, as_json, as_textgrid
    from speechrnn.decoding.subtitles import as_srt

    if options.format == "json":
        return as_json(name, alignment) + "\n"
    if options.format == "ctm":
        return as_ctm(Path(name).stem, alignment)
    if options.format == "textgrid":
        return as_textgrid(alignment)
    return as_srt(segment.words for segment in alignment.segments)


def unwritable_words(words: tuple[str, ...]) -> str:
    """Return the warning about words that the model cannot write."""
    few = ", ".join(words[:5]) + (" and others" if len(words) > 5 else "")
    return f"the model cannot write {len(words)} of its words ({few}); their times are what is left for them"


def find_errors(options: Align, manifest: Path) -> int:
    """Print the utterances of `manifest` whose transcripts fit unusually badly; return the exit status."""
    from speechrnn.decoding.misfit import FEWEST_UTTERANCES
    from speechrnn.manifest import read_manifest
    from speechrnn.runtime.transcriber import Transcriber
    from speechrnn.runtime.transcript_errors import Examined, examine, ranked

    utterances = read_manifest(manifest)
    transcriber = Transcriber(find_model(options.model).path, options.threads)
    results = list(examine(transcriber.model, utterances, options.channel, transcriber.threads))
    unread = [result for result in results if isinstance(result, SpeechRnnError)]
    for error in unread:
        complain(f"left out: {error}")
    findings = ranked([result for result in results if isinstance(result, Examined)])
    if not findings:
        raise SpeechRnnError(f"{manifest}: none of its utterances can be read; see above")
    listed = [finding for finding in findings if finding.deviations > options.threshold]
    if len(findings) < FEWEST_UTTERANCES:
        complain(f"{manifest}: {len(findings)} utterances do not tell what is usual; all are listed, ranked")
        listed = findings
    print("deviations", "id", "start", "end", "finding", "heard", sep="\t")
    for finding in listed:
        print(row(finding))
    complain(f"{manifest}: {len(listed)} of {len(findings)} utterances listed")
    return 1 if unread else 0


def row(finding: "Finding") -> str:
    """Return `finding` as one line, with tabs between its columns."""
    numbers = f"{finding.deviations:.1f}", finding.utterance.id, f"{finding.start:.2f}", f"{finding.end:.2f}"
    return "\t".join([*numbers, finding.finding, finding.heard])


def complain(text: str) -> None:
    """Print one line to stderr."""
    print(f"speechrnn: {text}", file=sys.stderr)
