"""A manifest is read whole or refused with the line and the cure, whatever its bytes are."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance, read_manifest, read_manifests, write_manifest

GOOD = {"audio_filepath": "a.wav", "text": "hello", "duration": 1.5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two recordings (nothing reads them) and a folder."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "a.wav").touch()
    (folder / "deep").mkdir()
    (folder / "deep" / "b.wav").touch()
    return folder


def manifest(folder: Path, *lines: dict | str | bytes) -> Path:
    path = folder / "m.jsonl"
    encoded = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in encoded))
    return path


def test_all_keys_of_a_line_are_read(folder: Path):
    line = GOOD | {"offset": 0.5, "speaker": "anna", "label": "yes", "id": "u1"}
    (utterance,) = read_manifest(manifest(folder, line))
    assert utterance == Utterance(folder / "a.wav", "hello", 1.5, 0.5, "anna", "yes", "u1")


def test_relative_paths_count_from_the_manifest_and_not_from_the_working_folder(folder: Path, monkeypatch):
    monkeypatch.chdir(folder / "deep")
    (utterance,) = read_manifest(manifest(folder, GOOD))
    assert utterance.audio_filepath == folder / "a.wav"


def test_absolute_paths_are_taken_as_they_are(folder: Path):
    (utterance,) = read_manifest(manifest(folder, GOOD | {"audio_filepath": str(folder / "deep" / "b.wav")}))
    assert utterance.audio_filepath == folder / "deep" / "b.wav"


def test_text_is_normalised_on_reading(folder: Path):
    (utterance,) = read_manifest(manifest(folder, GOOD | {"text": " HELLO  Cafe\u0301 "}))
    assert utterance.text == "hello café"


def test_without_an_id_the_path_and_the_offset_are_the_id(folder: Path):
    utterances = read_manifest(manifest(folder, GOOD, GOOD | {"offset": 2.5}))
    assert [utterance.id for utterance in utterances] == ["a.wav", "a.wav@2.5"]


def test_numbers_as_names_nulls_and_foreign_keys_are_understood(folder: Path):
    line = GOOD | {"id": 7, "speaker": 12, "offset": None, "label": None, "lang": ["en"], "pnc": True}
    (utterance,) = read_manifest(manifest(folder, line))
    assert (utterance.id, utterance.speaker, utterance.offset, utterance.label) == ("7", "12", 0.0, None)


def test_a_key_that_stands_twice_counts_as_its_last_value(folder: Path):
    line = json.dumps(GOOD)[:-1] + ', "text": "goodbye"}'
    assert read_manifest(manifest(folder, line))[0].text == "goodbye"


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_are_tolerated(folder: Path):
    text = json.dumps(GOOD).encode()
    assert len(read_manifest(manifest(folder, b"\xef\xbb\xbf" + text + b"\r", b"  \r", b""))) == 1


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("hello", "is not JSON"),
        ('{"audio_filepath": "a.wav", ', "is not JSON"),
        ("[1]", "Expected `object`"),
        ({"audio_filepath": "a.wav", "duration": 1}, "missing required field `text`"),
        ({"text": "a", "duration": 1}, "missing required field `audio_filepath`"),
        ({"audio_filepath": "a.wav", "text": "a"}, "missing required field `duration`"),
        (GOOD | {"text": 7}, "Expected `str`, got `int` - at `$.text`"),
        (GOOD | {"duration": "1"}, "Expected `float`, got `str` - at `$.duration`"),
        (GOOD | {"duration": -1}, ">= 0.0 - at `$.duration`"),
        (GOOD | {"offset": -0.1}, ">= 0.0 - at `$.offset`"),
        ('{"audio_filepath": "a.wav", "text": "a", "duration": 1e999}', "out of range"),
        ('{"audio_filepath": "a.wav", "text": "a", "duration": NaN}', "is not JSON"),
        (GOOD | {"audio_filepath": "gone.wav"}, "there is no audio file"),
        (GOOD | {"audio_filepath": "deep"}, "there is no audio file"),
        (GOOD | {"audio_filepath": "a\0b"}, "there is no audio file"),
        (GOOD | {"audio_filepath": "x" * 5000}, "there is no audio file"),
        (GOOD | {"audio_filepath": ""}, "at `$.audio_filepath`"),
        (GOOD, "has the id 'a.wav' of line 1; give each line an `id` of its own"),
        (json.dumps(GOOD).encode().replace(b"hello", b"h\xe9llo"), "is not UTF-8"),
        (json.dumps(GOOD).encode("utf-16"), "is not"),
        ('{"x": ' + "[" * 5000 + "]" * 5000 + "}", "is not JSON"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_wrong(folder: Path, line: dict | str | bytes, complaint: str):
    path = manifest(folder, GOOD, "", line)
    with pytest.raises(SpeechRnnError) as refusal:
        read_manifest(path)
    assert str(refusal.value).startswith(f"{path}:3: ")
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_missing_empty_and_blank_manifests_and_folders_are_refused(folder: Path):
    for path in (folder / "none.jsonl", folder, manifest(folder), manifest(folder, " ", "\n")):
        with pytest.raises(SpeechRnnError, match=str(path)):
            read_manifest(path)


lines = st.one_of(
    st.binary(max_size=60),
    st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.dictionaries(
        st.sampled_from([*GOOD, "offset", "id", "speaker"]),
        st.one_of(st.none(), st.floats(), st.text(), st.integers(), st.lists(st.none()), st.just("a.wav")),
    ).map(lambda fields: json.dumps(GOOD | fields).encode()),
)


@given(st.lists(lines, max_size=4).map(b"\n".join))
@example(b"\xef\xbb\xbf")
@example(b"\xff\xfe{\x00")
def test_whatever_the_bytes_there_are_utterances_or_one_line_of_complaint(folder: Path, data: bytes):
    path = folder / "fuzz.jsonl"
    path.write_bytes(data)
    try:
        outcome = len(read_manifest(path))
    except SpeechRnnError as refusal:
        outcome = str(refusal)
    assert outcome
    assert "\n" not in str(outcome)


names = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))


@given(
    st.lists(
        st.builds(
            dict,
            text=st.text(st.sampled_from("abé '"), max_size=9).map(str.split).map(" ".join),
            duration=st.floats(0, 1e6),
            offset=st.floats(0, 1e6),
            speaker=names,
            label=names,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_was_written_is_read_again(folder: Path, described: list[dict]):
    utterances = [
        Utterance(folder / "deep" / "b.wav", id=f"u{number}", **fields)
        for number, fields in enumerate(described)
    ]
    write_manifest(folder / "again.jsonl", utterances)
    assert read_manifest(folder / "again.jsonl") == utterances


def test_a_folder_can_be_moved_together_with_its_manifest(tmp_path: Path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a.wav").touch()
    write_manifest(tmp_path / "old" / "m.jsonl", [Utterance(tmp_path / "old" / "a.wav", "a", 1.0)])
    (tmp_path / "old").rename(tmp_path / "new")
    assert read_manifest(tmp_path / "new" / "m.jsonl")[0].audio_filepath == tmp_path / "new" / "a.wav"


def test_relative_paths_are_written_so_that_they_are_found_from_the_manifest(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sound").mkdir()
    Path("sound/a.wav").touch()
    Path("lists").mkdir()
    write_manifest(Path("lists/m.jsonl"), [Utterance(Path("sound/a.wav"), "a", 1.0)])
    monkeypatch.chdir("/")
    assert read_manifest(tmp_path / "lists" / "m.jsonl")[0].audio_filepath == tmp_path / "sound" / "a.wav"


def test_a_manifest_that_cannot_be_written_is_named_and_an_old_one_stays(tmp_path: Path):
    with pytest.raises(SpeechRnnError, match="nowhere"):
        write_manifest(tmp_path / "nowhere" / "m.jsonl", [])
    path = manifest(tmp_path, GOOD)
    before = path.read_bytes()
    with pytest.raises(SpeechRnnError, match="not UTF-8"):
        write_manifest(path, [Utterance(Path(os.fsdecode(b"/caf\xe9.wav")), "a", 1.0)])
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.jsonl"]


def test_utterances_of_several_manifests_have_ids_of_their_own(tmp_path: Path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.wav").write_bytes(b"RIFF")
        line = {"audio_filepath": "a.wav", "text": name, "duration": 1}
        (tmp_path / name / "m.jsonl").write_text(json.dumps(line))
    manifests = [tmp_path / "one" / "m.jsonl", tmp_path / "two" / "m.jsonl"]
    both = read_manifests(manifests)
    assert [(u.id, u.text) for u in both] == [("a.wav", "one"), (f"{manifests[1]}:a.wav", "two")]
