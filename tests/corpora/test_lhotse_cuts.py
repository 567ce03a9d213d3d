"""Cuts of lhotse become entries where they are stretches of files, and are told where they are not."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from speechrnn.corpora.lhotse_cuts import lhotse_listing
from speechrnn.corpora.listing import Entry
from speechrnn.errors import SpeechRnnError


def cut(supervisions: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """A cut as lhotse 1.2x writes it, the second to the eighth of a recording of ten."""
    recording = {
        "id": "rec",
        "sources": [{"type": "file", "channels": [0], "source": "/s/rec.flac"}],
        "sampling_rate": 16000,
        "num_samples": 160000,
        "duration": 10.0,
        "channel_ids": [0],
    }
    return {
        "id": "cut",
        "start": 2.0,
        "duration": 6.0,
        "channel": 0,
        "supervisions": supervisions,
        "recording": recording | changes.pop("recording", {}),
        "type": "MonoCut",
        **changes,
    }


def said(name: str = "s1", start: float = 0.0, duration: float = 6.0, **more: Any) -> dict[str, Any]:
    base = {"id": name, "recording_id": "rec", "start": start, "duration": duration, "channel": 0}
    return base | {"text": "Hello", "speaker": "anna", "language": "English"} | more


def cuts(folder: Path, *found: dict[str, Any]) -> Path:
    path = folder / "cuts.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in found))
    return path


def test_supervisions_count_from_the_start_of_their_cut(tmp_path: Path):
    path = cuts(tmp_path, cut([said("s1", 0.0, 2.5), said("s2", 3.0, 3.0, text="there", speaker=None)]))
    assert lhotse_listing(path).entries == [
        Entry(f"{path}:1", "s1", Path("/s/rec.flac"), "Hello", "anna", 2.0, 2.5),
        Entry(f"{path}:1", "s2", Path("/s/rec.flac"), "there", None, 5.0, 3.0),
    ]


def test_packed_cuts_are_read_as_plain_ones(tmp_path: Path):
    path = cuts(tmp_path, cut([said()]))
    packed = tmp_path / "cuts.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert [entry.id for entry in lhotse_listing(packed).entries] == ["s1"]


def test_a_channel_in_a_file_of_its_own_is_found(tmp_path: Path):
    sources = [{"type": "file", "channels": [c], "source": f"/s/{c}.wav"} for c in (0, 1)]
    path = cuts(tmp_path, cut([said()], channel=1, recording={"sources": sources}))
    assert lhotse_listing(path).entries[0].audio == Path("/s/1.wav")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "MixedCut"}, "computed"),
        ({"type": "MultiCut", "channel": [0, 1]}, "computed"),
        ({"recording": {"transforms": [{"name": "Speed", "kwargs": {"factor": 1.1}}]}}, "changed"),
        ({"recording": {"sources": [{"type": "command", "channels": [0], "source": "cat x"}]}}, "command"),
        (
            {"recording": {"sources": [{"type": "file", "channels": [0, 1], "source": "x"}]}},
            "channel 0 alone",
        ),
        ({"recording": {"sources": []}}, "channel 0 alone"),
    ],
)
def test_what_would_have_to_be_computed_is_told_with_the_reason(tmp_path: Path, changes: Any, reason: str):
    listing = lhotse_listing(cuts(tmp_path, cut([said()], **changes)))
    assert listing.entries == []
    assert reason in listing.problems[0].detail


def test_a_cut_without_text_and_text_that_reaches_beyond_its_cut_are_told(tmp_path: Path):
    path = cuts(tmp_path, cut([]), cut([said(start=-1.0, duration=3.0)]), cut([said(duration=7.0)]))
    listing = lhotse_listing(path)
    assert listing.entries == []
    assert [problem.place for problem in listing.problems] == [f"{path}:{line}" for line in (1, 2, 3)]


def test_what_is_not_lhotse_is_refused_with_its_line(tmp_path: Path):
    path = tmp_path / "cuts.jsonl"
    for content in (b"{}", b"hello", b'{"id": 7}', b"\xff\xfe"):
        path.write_bytes(b"\n" + content)
        with pytest.raises(SpeechRnnError, match=r"cuts\.jsonl:2"):
            lhotse_listing(path)


def test_a_packed_file_that_is_cut_short_is_refused(tmp_path: Path):
    packed = tmp_path / "cuts.jsonl.gz"
    packed.write_bytes(gzip.compress(b"x" * 1000)[:-12])
    with pytest.raises(SpeechRnnError, match="cannot be unpacked"):
        lhotse_listing(packed)
