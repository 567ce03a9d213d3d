"""Common Voice's, LJSpeech's and other people's tables become entries, and their broken rows are told."""

from pathlib import Path

import pytest

from speechrnn.corpora.listing import Entry
from speechrnn.corpora.tables import is_ljspeech, ljspeech_listing, table_listing
from speechrnn.errors import SpeechRnnError


def table(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_bytes(content.encode())
    return path


def test_common_voice_has_its_sound_in_clips_and_bare_quotes(tmp_path: Path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "en_1.mp3").touch()
    path = table(
        tmp_path,
        "validated.tsv",
        "client_id\tpath\tsentence_id\tsentence\tup_votes\n" + 'abc\ten_1.mp3\t99\t"Stop, he said.\t2\n',
    )
    assert table_listing(path).entries == [
        Entry(f"{path}:2", "en_1.mp3", tmp_path / "clips" / "en_1.mp3", '"Stop, he said.', "abc")
    ]


def test_csv_has_quoted_fields_over_several_lines_and_is_named_by_its_last(tmp_path: Path):
    path = table(tmp_path, "my.csv", 'file,text\r\na.wav,"one, ""two""\nthree"\r\nb.wav,four\r\n')
    assert [(e.place, e.text) for e in table_listing(path).entries] == [
        (f"{path}:3", 'one, "two"\nthree'),
        (f"{path}:4", "four"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
@pytest.mark.parametrize("audio", ["audio_filepath", "path", "file", "wav_filename", "Path"])
@pytest.mark.parametrize("text", ["text", "sentence", "transcript", "TEXT"])
def test_the_usual_names_and_delimiters_are_understood(tmp_path: Path, delimiter: str, audio: str, text: str):
    path = table(tmp_path, "t.csv", f"{text}{delimiter}{audio}\nhello{delimiter}a.wav\n")
    (entry,) = table_listing(path).entries
    assert (entry.audio, entry.text) == (tmp_path / "a.wav", "hello")


def test_offset_duration_speaker_and_id_are_taken_where_they_are_given(tmp_path: Path):
    path = table(
        tmp_path,
        "t.csv",
        "id,speaker,path,offset,duration,text\nu1,anna,/s/a.wav,1.5,2,hi\n,,/s/a.wav,4,,ho\n",
    )
    assert table_listing(path).entries == [
        Entry(f"{path}:2", "u1", Path("/s/a.wav"), "hi", "anna", 1.5, 2.0),
        Entry(f"{path}:3", "/s/a.wav@4.0", Path("/s/a.wav"), "ho", None, 4.0, None),
    ]


def test_rows_that_do_not_fit_the_heading_are_told_and_the_others_kept(tmp_path: Path):
    path = table(tmp_path, "t.csv", "path,text,offset\na.wav,a,\nb.wav,b\n,c,\nd.wav,d,soon\n\ne.wav,e,1\n")
    listing = table_listing(path)
    assert [entry.text for entry in listing.entries] == ["a", "e"]
    assert [(p.kind, p.place) for p in listing.problems] == [
        ("broken line", f"{path}:{line}") for line in (3, 4, 5)
    ]
    assert listing.problems[2].detail.startswith("offset must be a number")


@pytest.mark.parametrize("heading", ["", "path,words", "name,text", "a.wav,hello"])
def test_a_heading_without_audio_or_text_is_refused_with_the_names_to_use(tmp_path: Path, heading: str):
    path = table(tmp_path, "t.csv", f"{heading}\na.wav,hello\n")
    with pytest.raises(SpeechRnnError, match=r"audio_filepath or path|text or sentence"):
        table_listing(path)


def test_a_table_in_latin_1_is_refused_with_its_line(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_bytes("path,text\na.wav,a\nb.wav,café\n".encode("latin-1"))
    with pytest.raises(SpeechRnnError, match=r"t\.csv:3: is not UTF-8"):
        table_listing(path)


def test_ljspeech_prefers_the_text_that_is_spelt_out(tmp_path: Path):
    (tmp_path / "wavs").mkdir()
    path = table(
        tmp_path, "metadata.csv", 'LJ1|in "1900"|in nineteen hundred\nLJ2|only this|\nLJ3|or this\nLJ4\n'
    )
    assert is_ljspeech(path)
    listing = ljspeech_listing(path)
    assert [(entry.id, entry.text) for entry in listing.entries] == [
        ("LJ1", "in nineteen hundred"),
        ("LJ2", "only this"),
        ("LJ3", "or this"),
    ]
    assert listing.entries[0].audio == tmp_path / "wavs" / "LJ1.wav"
    assert [problem.place for problem in listing.problems] == [f"{path}:4"]
