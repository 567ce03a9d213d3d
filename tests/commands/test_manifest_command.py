"""`speechrnn manifest` converts every layout, prints figures to stdout and flaws to stderr."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechrnn.commands.manifest import Manifest, run
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import read_manifest


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Two recordings of one second beside which the tests put their lists."""
    for name in ("a", "b"):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(8000), 8000)
    return tmp_path


def converted(source: Path) -> list[tuple[str, str, float]]:
    """What stands in the manifest that the command makes of `source`."""
    to = source.parent / "converted.jsonl"
    assert run(Manifest(source, to)) == 0
    return [(u.audio_filepath.name, u.text, u.duration) for u in read_manifest(to)]


def test_a_librispeech_tree_is_converted(sound: Path):
    chapter = sound / "tree" / "dev" / "1" / "2"
    chapter.mkdir(parents=True)
    soundfile.write(chapter / "1-2-0000.flac", np.zeros(8000), 16000)
    (chapter / "1-2.trans.txt").write_text("1-2-0000 HELLO\n")
    for source in (sound / "tree", sound / "tree" / "dev"):
        assert converted(source) == [("1-2-0000.flac", "hello", 0.5)]


def test_a_kaldi_data_directory_is_converted(sound: Path):
    folder = sound / "kaldi"
    folder.mkdir()
    (folder / "wav.scp").write_text(f"r {sound}/a.wav\n")
    (folder / "segments").write_text("u r 0.25 0.75\n")
    (folder / "text").write_text("u HELLO\n")
    assert converted(folder) == [("a.wav", "hello", 0.5)]


def test_tables_are_converted(sound: Path):
    (sound / "t.csv").write_text("path,text\na.wav,Hello\n")
    (sound / "t.tsv").write_text("client_id\tpath\tsentence\nx\tb.wav\tHello\n")
    assert converted(sound / "t.csv") == [("a.wav", "hello", 1.0)]
    assert converted(sound / "t.tsv") == [("b.wav", "hello", 1.0)]


def test_ljspeech_is_converted_by_its_folder_or_its_table(sound: Path):
    wavs = sound / "lj" / "wavs"
    wavs.mkdir(parents=True)
    (sound / "a.wav").rename(wavs / "LJ1.wav")
    (sound / "lj" / "metadata.csv").write_text("LJ1|1|one\n")
    for source in (sound / "lj", sound / "lj" / "metadata.csv"):
        assert converted(source) == [("LJ1.wav", "one", 1.0)]


@pytest.mark.parametrize("packed", [False, True])
def test_lhotse_cuts_are_converted(sound: Path, packed: bool):
    cut = {
        "id": "c",
        "duration": 1.0,
        "supervisions": [{"id": "s", "start": 0.5, "duration": 0.5, "text": "Hello"}],
        "recording": {"sources": [{"type": "file", "channels": [0], "source": "a.wav"}]},
    }
    data = json.dumps(cut).encode()
    source = sound / ("cuts.jsonl.gz" if packed else "cuts.jsonl")
    source.write_bytes(gzip.compress(data) if packed else data)
    assert converted(source) == [("a.wav", "hello", 0.5)]


def test_figures_go_to_stdout_and_all_flaws_to_stderr_with_status_one(
    sound: Path, capsys: pytest.CaptureFixture[str]
):
    lines = [
        {"audio_filepath": "a.wav", "text": "Route 66", "duration": 1.0, "label": "road"},
        {"audio_filepath": "gone.wav", "text": "a", "duration": 1.0},
        {"audio_filepath": "b.wav", "text": "", "duration": 1.0},
        {"audio_filepath": "b.wav", "text": "a"},
    ]
    source = sound / "m.jsonl"
    source.write_text("\n".join([*map(json.dumps, lines), "not JSON"]))
    assert run(Manifest(source, sound / "to.jsonl")) == 1
    out, err = capsys.readouterr()
    assert out.startswith("1 utterances, 0.00 h, 2 words")
    assert "broken line: 2 left out" in err
    assert f"    {source}:5: is not JSON" in err
    assert f"missing sound: 1 left out\n    {source}:2: " in err
    assert "empty text: 1 left out" in err
    assert "character that is no letter: 1 kept\n    a.wav: 6 (U+0036 digit six)" in err
    assert [utterance.label for utterance in read_manifest(sound / "to.jsonl")] == ["road"]


def test_without_a_target_nothing_is_written(sound: Path, capsys: pytest.CaptureFixture[str]):
    (sound / "t.csv").write_text("path,text\na.wav,Hello\n")
    before = sorted(sound.iterdir())
    assert run(Manifest(sound / "t.csv")) == 0
    assert sorted(sound.iterdir()) == before
    assert "1 utterances" in capsys.readouterr().out


def test_many_flaws_of_a_kind_are_shortened_on_screen_and_whole_in_a_file(
    sound: Path, capsys: pytest.CaptureFixture[str]
):
    rows = "".join(f"gone{i}.wav,x\n" for i in range(20))
    (sound / "t.csv").write_text(f"path,text\na.wav,Hello\n{rows}")
    assert run(Manifest(sound / "t.csv", sound / "to.jsonl")) == 1
    err = capsys.readouterr().err
    assert "missing sound: 20 left out" in err
    assert "and 15 more" in err
    assert "gone19.wav" not in err
    assert "gone19.wav" in (sound / "to.jsonl.problems.txt").read_text()


@pytest.mark.parametrize("name", ["empty", "talk.mp3", "gone", "tables"])
def test_a_source_of_no_known_kind_is_refused_with_those_that_are_known(sound: Path, name: str):
    (sound / "empty").mkdir()
    (sound / "tables").mkdir()
    (sound / "tables" / "train.tsv").touch()
    (sound / "talk.mp3").write_bytes(b"x")
    with pytest.raises(SpeechRnnError, match=r"a table \(\.csv|no such file|name one of train\.tsv"):
        run(Manifest(sound / name))
