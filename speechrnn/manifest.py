"""The manifest: which recordings there are and what is said in them, one JSON object a line.

This is where the way of the data begins: recordings -> `Utterance` -> samples. The keys are NeMo's:
`audio_filepath`, `text` and `duration` (seconds) must be there; `offset` (seconds into the file), `speaker`,
`label` and `id` may be; any other key is passed over. A relative path counts from the manifest's own folder,
so a folder with its manifest can be moved.

Reading is strict, because a slip here costs hours of training later: the first line that is wrong ends it
with `FILE:LINE: what is wrong; what to do`. Three rules deserve words:

- `text` passes `text.normalise` on reading, so that every `Utterance` in memory holds normal text;
- `id` names an utterance in every report and fixes the random draws made for it, so no two lines may share
  one; where it is missing it is the path as written, with the offset if there is one;
- a key that stands twice in one object counts as its last value, as in Python's own `json`.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import msgspec

from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.text import normalise

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
REQUIRED = "every line needs audio_filepath, text and duration"


@dataclass(frozen=True)
class Utterance:
    """One stretch of speech: where its sound is, what is said, who speaks; times in seconds."""

    audio_filepath: Path
    text: str
    duration: float
    offset: float = 0.0
    speaker: str | None = None
    label: str | None = None
    id: str = ""

    def __post_init__(self) -> None:
        """Name the utterance after its file and offset where it has no id."""
        if not self.id:
            object.__setattr__(self, "id", default_id(str(self.audio_filepath), self.offset))


def default_id(path: str, offset: float) -> str:
    """Return the id of an utterance that was given none: its path, and its offset unless that is zero."""
    return f"{path}@{offset}" if offset else path


def read_manifest(path: Path | str) -> list[Utterance]:
    """Return the utterances of the manifest at `path`, in its order; blank lines are passed over.

    Raises SpeechRnnError, naming the line, for anything that is not an utterance with audio that exists and
    an id of its own, and for a manifest without any.
    """
    path = Path(path)
    check_readable(path)
    first_line: dict[str, int] = {}
    utterances = []
    for number, line in enumerate(path.read_bytes().removeprefix(BYTE_ORDER_MARK).split(b"\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        utterance = parse_line(line, path.parent, place)
        _check_audio(utterance, place)
        if utterance.id in first_line:
            raise SpeechRnnError(
                f"{place}: has the id {utterance.id!r} of line {first_line[utterance.id]}; "
                "give each line an `id` of its own"
            )
        first_line[utterance.id] = number
        utterances.append(utterance)
    if not utterances:
        raise SpeechRnnError(f"{path}: holds no utterances; {REQUIRED}")
    return utterances


def read_manifests(paths: Iterable[Path | str]) -> list[Utterance]:
    """Return the utterances of several manifests, one after the other.

    Where two manifests use the same id, the later one's utterance gets its manifest's path before it.
    """
    seen: set[str] = set()
    utterances = []
    for path in paths:
        for utterance in read_manifest(path):
            if utterance.id in seen:
                utterance = replace(utterance, id=f"{path}:{utterance.id}")
            seen.add(utterance.id)
            utterances.append(utterance)
    return utterances


def parse_line(line: bytes, folder: Path, place: str) -> Utterance:
    """Return the utterance that a `line` of a manifest in `folder` describes, audio unseen.

    Raises SpeechRnnError that names `place` where the line describes none.
    """
    fields = _decode(line, place)
    offset = fields.offset or 0.0
    return Utterance(
        audio_filepath=folder / fields.audio_filepath,
        text=normalise(fields.text),
        duration=fields.duration,
        offset=offset,
        speaker=_name(fields.speaker),
        label=_name(fields.label),
        id=_name(fields.id) or default_id(fields.audio_filepath, offset),
    )


def write_manifest(path: Path | str, utterances: Iterable[Utterance]) -> None:
    """Write `utterances` to `path`, whole or not at all.

    Audio below the manifest's folder is written as a relative path, any other as an absolute one.
    """
    path = Path(path)
    half_written = path.with_name(path.name + ".partial")
    try:
        folder = Path(os.path.abspath(path.parent))
        with half_written.open("wb") as stream:
            stream.writelines(msgspec.json.encode(_line(u, folder)) + b"\n" for u in utterances)
        half_written.replace(path)
    except OSError as error:
        half_written.unlink(missing_ok=True)
        raise SpeechRnnError(f"{path}: cannot be written ({error.strerror}); name another place") from error
    except UnicodeEncodeError as error:
        half_written.unlink(missing_ok=True)
        raise SpeechRnnError(
            f"{path}: a file name is not UTF-8 ({error.object!r}); rename that file"
        ) from None


Seconds = Annotated[float, msgspec.Meta(ge=0)]


class _Line(msgspec.Struct, omit_defaults=True):
    """A manifest line as it is in the file."""

    audio_filepath: Annotated[str, msgspec.Meta(min_length=1)]
    text: str
    duration: Seconds
    offset: Seconds | None = None
    speaker: str | int | None = None
    label: str | int | None = None
    id: str | int | None = None


_decoder = msgspec.json.Decoder(_Line)


def _decode(line: bytes, place: str) -> _Line:
    try:
        return _decoder.decode(line)
    except msgspec.ValidationError as error:
        raise SpeechRnnError(f"{place}: {error}; {REQUIRED}") from None
    except UnicodeDecodeError:
        raise SpeechRnnError(f"{place}: is not UTF-8; save the manifest as UTF-8") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise SpeechRnnError(f"{place}: is not JSON ({error}); write one JSON object a line") from None


def _check_audio(utterance: Utterance, place: str) -> None:
    audio = utterance.audio_filepath
    if not os.path.isfile(audio):  # unlike Path.is_file, false and not an error for names no system allows
        raise SpeechRnnError(
            f"{place}: there is no audio file {str(audio)!r}; "
            "correct the path (relative ones count from the manifest's folder)"
        )


def _name(value: str | int | None) -> str | None:
    return None if value is None or value == "" else str(value)


def _line(utterance: Utterance, folder: Path) -> _Line:
    """Return `utterance` as it is written into a manifest in `folder`."""
    audio = Path(os.path.abspath(utterance.audio_filepath))  # and not resolve(): links stay links
    if audio.is_relative_to(folder):
        audio = audio.relative_to(folder)
    return _Line(
        audio_filepath=str(audio),
        text=utterance.text,
        duration=utterance.duration,
        offset=utterance.offset or None,
        speaker=utterance.speaker,
        label=utterance.label,
        id=utterance.id,
    )
