"""Whatever stands in the files of a source, there is a listing or one line that says why not."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.corpora.measuring import measure
from speechrnn.corpora.sources import listing_of
from speechrnn.errors import SpeechRnnError

TABLES = ("t.csv", "t.tsv", "metadata.csv", "m.jsonl", "cuts.jsonl.gz")

scraps = st.sampled_from(
    [
        *("path", "text", "id", "offset", "start", "a.wav", "u1", "u2", "-1", "1e999", "nan", "cat x |"),
        *('"', "'", "\t", ",", "|", " ", "\n", "\r", "\0", "\ufeff", "é", "\u2028", "{", "}", "[", ":"),
        *('{"audio_filepath": "a.wav", "text": "a", "duration": 1}', '{"id": "c", "recording": null}'),
    ]
)
contents = st.one_of(st.binary(max_size=80), st.lists(scraps, max_size=20).map(lambda s: "".join(s).encode()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    for name in ("wavs", "kaldi", "tree/1"):
        (folder / name).mkdir(parents=True)
    return folder


def outcome(source: Path) -> str:
    try:
        return f"{len(measure(listing_of(source)).utterances)} utterances"
    except SpeechRnnError as refusal:
        return str(refusal)


@pytest.mark.parametrize("name", TABLES)
@given(content=contents)
def test_any_bytes_in_a_table_a_manifest_or_cuts(folder: Path, name: str, content: bytes):
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert "\n" not in outcome(folder / name)


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(["wav.scp", "text", "segments", "utt2spk"], contents))
)
def test_any_bytes_in_a_kaldi_data_directory(folder: Path, files: dict[str, bytes]):
    for path in (folder / "kaldi").iterdir():
        path.unlink()
    for name, content in files.items():
        (folder / "kaldi" / name).write_bytes(content)
    assert "\n" not in outcome(folder / "kaldi")


@given(contents)
def test_any_bytes_in_a_transcript(folder: Path, content: bytes):
    (folder / "tree" / "1" / "1.trans.txt").write_bytes(content)
    assert "\n" not in outcome(folder / "tree")
