"""Utterances of a table: CSV or TSV with a heading, such as Common Voice's, or LJSpeech's `metadata.csv`.

Common Voice's columns are `client_id`, `path` (in `clips/`) and `sentence`; DeepSpeech's are `wav_filename`
and `transcript`. LJSpeech's table has no heading: `id|text|text with numbers spelt out`; its sound is in
`wavs/`.
"""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

from speechrnn.corpora.listing import Entry, Listing, Problem, broken_line, lines_of, number_of, text_of
from speechrnn.errors import SpeechRnnError

COLUMNS = {
    "audio": ("audio_filepath", "path", "file", "file_name", "filename", "wav_filename", "wav", "audio"),
    "text": ("text", "sentence", "transcript", "transcription"),
    "speaker": ("speaker", "speaker_id", "client_id"),
    "id": ("id", "utterance_id"),
    "offset": ("offset", "start"),
    "duration": ("duration",),
}


def is_ljspeech(path: Path) -> bool:
    """Return whether `path` is LJSpeech's table: `metadata.csv` beside a folder `wavs`."""
    return path.name == "metadata.csv" and (path.parent / "wavs").is_dir()


def ljspeech_listing(path: Path) -> Listing:
    """Return what LJSpeech's `metadata.csv` at `path` lists; the spelt-out text where there is one."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    for place, line in lines_of(path):
        name, *texts = line.split("|")
        if not 1 <= len(texts) <= 2:
            problems.append(
                Problem("broken line", place, f"must be `id|text|spelt-out text`, found {line!r}")
            )
            continue
        text = texts[-1] if texts[-1].strip() else texts[0]
        entries.append(Entry(place, name, path.parent / "wavs" / f"{name}.wav", text))
    return Listing(entries, problems)


def table_listing(path: Path) -> Listing:
    """Return what the table with a heading at `path` lists; paths count from its folder or its `clips/`."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    rows = _rows(path)
    place, heading = next(rows, (str(path), []))
    columns = _columns(place, heading)
    for place, row in rows:
        if len(row) != len(heading):
            detail = f"has {len(row)} fields where the heading has {len(heading)}"
            problems.append(Problem("broken line", place, detail))
            continue
        cell = {name: row[column].strip() for name, column in columns.items()}
        try:
            entries.append(_entry(place, cell, path.parent))
        except SpeechRnnError as error:
            problems.append(broken_line(place, error))
    return Listing(entries, problems)


def _rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the table's rows with their places; quotes mean nothing in TSV (Common Voice)."""
    text = text_of(path)
    delimiter = max("\t,;|", key=text.partition("\n")[0].count)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL,
    )
    try:
        for row in reader:
            if row:
                yield f"{path}:{reader.line_num}", row
    except csv.Error as error:
        raise SpeechRnnError(
            f"{path}:{reader.line_num}: is not a table ({error}); correct the line"
        ) from None


def _columns(place: str, heading: list[str]) -> dict[str, int]:
    """Return in which column each thing stands that the heading names."""
    names = [name.strip().lower() for name in heading]
    columns = {}
    for wanted, accepted in COLUMNS.items():
        found = [name for name in accepted if name in names]
        if found:
            columns[wanted] = names.index(found[0])
    for wanted in ("audio", "text"):
        if wanted not in columns:
            raise SpeechRnnError(
                f"{place}: the heading has no column for the {wanted} (found {', '.join(names)[:200]}); "
                f"name one of its columns {' or '.join(COLUMNS[wanted])}"
            )
    return columns


def _entry(place: str, cell: dict[str, str], folder: Path) -> Entry:
    if not cell["audio"]:
        raise SpeechRnnError(f"{place}: names no audio file")
    offset = number_of(cell["offset"], place, "offset") if cell.get("offset") else 0.0
    path = folder / cell["audio"]
    in_clips = folder / "clips" / cell["audio"]
    if os.path.exists(in_clips) and not os.path.exists(path):
        path = in_clips
    return Entry(
        place=place,
        id=cell.get("id") or (f"{cell['audio']}@{offset}" if offset else cell["audio"]),
        audio=path,
        text=cell["text"],
        speaker=cell.get("speaker") or None,
        offset=offset,
        duration=number_of(cell["duration"], place, "duration") if cell.get("duration") else None,
    )
