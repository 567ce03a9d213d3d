"""`speechrnn corpus` brings a corpus and prints where it is."""

import pytest
import tyro

from speechrnn.commands.corpus import Corpus, run
from speechrnn.corpora.synthetic import Settings


def parsed(line):
    return tyro.cli(Corpus, args=line.split())


def test_a_tree_in_the_data_folder_is_named_without_any_download(tmp_path, capsys):
    chapter = tmp_path / "data" / "LibriSpeech" / "dev-clean" / "1" / "2"
    chapter.mkdir(parents=True)
    (chapter / "1-2.trans.txt").write_text("")
    options = parsed(f"librispeech --to {tmp_path / 'to'} --parts dev-clean --data-dir {tmp_path / 'data'}")
    assert run(options) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'data' / 'LibriSpeech'}\n"
    assert not (tmp_path / "to").exists()


def test_the_language_models_land_where_asked(tmp_path, capsys):
    (tmp_path / "4-gram.arpa.gz").write_bytes(b"fetched before")
    assert run(parsed(f"librispeech-lm --to {tmp_path} --files 4-gram.arpa.gz")) == 0
    assert capsys.readouterr().out == f"{tmp_path / '4-gram.arpa.gz'}\n"


def test_the_synthetic_corpus_takes_its_settings_from_flags(tmp_path, capsys):
    pytest.importorskip("espeakng_loader", reason="the extra [synthetic] is not installed")
    options = parsed(
        f"synthetic --to {tmp_path / 'to'} --hours 0.0005 --test-minutes 0.03 --speakers 1 --test-speakers 1"
    )
    assert options.corpus.settings == Settings(0.0005, 0.03, 1, 1)
    assert run(options) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'to'}\n"
    assert sorted(path.name for path in (tmp_path / "to").iterdir())[-2:] == [
        "test-synthetic",
        "train-synthetic",
    ]
