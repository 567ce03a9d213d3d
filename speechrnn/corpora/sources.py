"""Which layout a corpus has, by looking at it."""

from pathlib import Path

from speechrnn.corpora.kaldi_folder import kaldi_listing
from speechrnn.corpora.lhotse_cuts import lhotse_listing
from speechrnn.corpora.librispeech_tree import librispeech_listing
from speechrnn.corpora.listing import Entry, Listing, Problem, broken_line, lines_of
from speechrnn.corpora.tables import is_ljspeech, ljspeech_listing, table_listing
from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.manifest import parse_line

KINDS = (
    "a folder in LibriSpeech's layout, a Kaldi data directory, a table (.csv, .tsv), lhotse's cuts (.jsonl, "
    ".jsonl.gz) or a manifest (.jsonl)"
)


def listing_of(source: Path) -> Listing:
    """Return what `source` lists; SpeechRnnError where it is none of the layouts that are known."""
    if source.is_dir():
        return _listing_of_folder(source)
    check_readable(source)
    if is_ljspeech(source):
        return ljspeech_listing(source)
    if source.suffix.lower() in (".csv", ".tsv"):
        return table_listing(source)
    if source.name.endswith((".jsonl", ".jsonl.gz", ".json")):
        return _manifest_listing(source) if _is_manifest(source) else lhotse_listing(source)
    raise SpeechRnnError(f"{source}: is of no known kind; name {KINDS}")


def _listing_of_folder(folder: Path) -> Listing:
    if (folder / "wav.scp").exists():
        return kaldi_listing(folder)
    if is_ljspeech(folder / "metadata.csv"):
        return ljspeech_listing(folder / "metadata.csv")
    if next(folder.rglob("*.trans.txt"), None) is not None:
        return librispeech_listing(folder)
    tables = sorted(path.name for suffix in ("csv", "tsv") for path in folder.glob(f"*.{suffix}"))
    if tables:
        raise SpeechRnnError(
            f"{folder}: is of no known kind but holds tables; name one of {', '.join(tables)}"
        )
    raise SpeechRnnError(f"{folder}: is of no known kind; name {KINDS}")


def _is_manifest(path: Path) -> bool:
    """Return whether the first line looks like a manifest's; packed files are lhotse's."""
    with path.open("rb") as stream:
        return b'"audio_filepath"' in stream.readline(1_000_000)


def _manifest_listing(path: Path) -> Listing:
    """Return what a manifest lists, line by line, however many of them are wrong."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    for place, line in lines_of(path):
        try:
            found = parse_line(line.encode(), path.parent, place)
        except SpeechRnnError as error:
            problems.append(broken_line(place, error))
            continue
        entries.append(
            Entry(
                place,
                found.id,
                found.audio_filepath,
                found.text,
                found.speaker,
                found.offset,
                found.duration,
                found.label,
            )
        )
    return Listing(entries, problems)
