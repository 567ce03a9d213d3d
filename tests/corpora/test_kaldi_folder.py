"""A Kaldi data directory is read with its segments and speakers, and never starts a program."""

from pathlib import Path

import pytest

from speechrnn.corpora.kaldi_folder import kaldi_listing
from speechrnn.corpora.listing import Entry
from speechrnn.errors import SpeechRnnError


def kaldi(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("wav_scp", "wav.scp")).write_text(content)
    return folder


def test_whole_recordings_are_listed_in_the_order_of_the_text(tmp_path: Path):
    folder = kaldi(
        tmp_path, wav_scp="u1 /s/1.wav\nu2 /s/2.wav\n", text="u2 b c\nu1 A\n", utt2spk="u1 x\nu2 y\n"
    )
    listing = kaldi_listing(folder)
    assert listing.problems == []
    assert listing.entries == [
        Entry(f"{folder}/text:1", "u2", Path("/s/2.wav"), "b c", "y"),
        Entry(f"{folder}/text:2", "u1", Path("/s/1.wav"), "A", "x"),
    ]


def test_segments_give_offset_and_duration_and_minus_one_means_to_the_end(tmp_path: Path):
    folder = kaldi(
        tmp_path, wav_scp="r /s/r.wav\n", segments="u1 r 1.5 3.25\nu2 r 4 -1\n", text="u1 a\nu2 b\n"
    )
    found = [(entry.id, entry.offset, entry.duration) for entry in kaldi_listing(folder).entries]
    assert found == [("u1", 1.5, 1.75), ("u2", 4.0, None)]


def test_commands_are_refused_one_by_one_with_the_cure(tmp_path: Path):
    folder = kaldi(tmp_path, wav_scp="u1 touch /tmp/oh |\nu2 /s/2.wav\n", text="u1 a\nu2 b\n")
    listing = kaldi_listing(folder)
    assert [entry.id for entry in listing.entries] == ["u2"]
    assert listing.problems[0].place == f"{folder}/wav.scp:1"
    assert "commands are not run; write the path of a file" in listing.problems[0].detail


def test_text_without_sound_sound_without_text_and_missing_speakers_are_told(tmp_path: Path):
    folder = kaldi(tmp_path, wav_scp="u1 /s/1.wav\nu3 /s/3.wav\nu4\n", text="u1 a\nu2 b\n", utt2spk="u3 x\n")
    listing = kaldi_listing(folder)
    assert [(problem.kind, problem.left_out) for problem in listing.problems] == [
        ("missing sound", True),  # u4 has no path
        ("no speaker", False),  # u1
        ("missing sound", True),  # u2
        ("no transcript", True),  # u3
    ]


def test_relative_paths_count_from_the_experiment_or_the_working_folder(tmp_path: Path, monkeypatch):
    folder = kaldi(tmp_path / "data" / "train", wav_scp="u1 wavs/1.wav\n", text="u1 a\n")
    (tmp_path / "wavs").mkdir()
    (tmp_path / "wavs" / "1.wav").touch()
    (entry,) = kaldi_listing(folder).entries
    assert entry.audio.samefile(tmp_path / "wavs" / "1.wav")
    monkeypatch.chdir(tmp_path)
    (entry,) = kaldi_listing(folder).entries
    assert entry.audio == Path("wavs/1.wav")


@pytest.mark.parametrize("line", ["u1 r 1.5", "u1 r 1 2 3", "u1 r one 2", "u1 r 0 nan"])
def test_a_broken_segment_is_named_with_its_line(tmp_path: Path, line: str):
    folder = kaldi(tmp_path, wav_scp="r /s/r.wav\n", segments=f"u0 r 0 1\n{line}\n", text="u1 a\n")
    with pytest.raises(SpeechRnnError, match="segments:2"):
        kaldi_listing(folder)


def test_a_directory_without_text_is_refused(tmp_path: Path):
    with pytest.raises(SpeechRnnError, match="text: no such file"):
        kaldi_listing(kaldi(tmp_path, wav_scp="u1 /s/1.wav\n"))
