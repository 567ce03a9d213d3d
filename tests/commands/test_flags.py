"""Flags that do not fit are told in one line, with what to do."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from speechrnn.commands.flags import read_flags
from speechrnn.errors import SpeechRnnError


@dataclass(frozen=True)
class Flags:
    """Measure a thing."""

    manifest: Path
    """What to MEASURE.
    SECONDS are meant."""
    unit: Literal["words", "letters"] = "words"
    """What is counted."""
    rounds: int = 3
    """How often."""


def complaint(*arguments: str) -> str:
    with pytest.raises(SpeechRnnError) as raised:
        read_flags(Flags, "measure", arguments)
    line = str(raised.value)
    assert "\n" not in line
    assert "│" not in line
    return line


def test_flags_that_fit_become_their_dataclass() -> None:
    assert read_flags(Flags, "measure", ["--manifest", "a.jsonl", "--rounds", "5"]) == Flags(
        Path("a.jsonl"), rounds=5
    )


def test_a_misspelt_flag_names_the_nearest_one() -> None:
    line = complaint("--manifest", "a", "--ruonds", "5")
    assert "--ruonds" in line
    assert "did you mean --rounds?" in line


def test_a_missing_flag_is_named_without_its_help_text() -> None:
    assert complaint() == "missing: --manifest; --help lists all flags"


def test_a_value_of_the_wrong_kind_names_its_flag() -> None:
    assert "--rounds" in complaint("--manifest", "a", "--rounds", "many")


@pytest.mark.parametrize("width", ["40", "200"])
def test_a_wrong_choice_names_the_right_ones_however_wide_the_terminal(
    width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    line = complaint("--manifest", "a", "--unit", "sentences")
    assert "'words', 'letters'" in line


def test_a_terminal_without_unicode_gets_the_same_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert complaint() == "missing: --manifest; --help lists all flags"


def test_help_is_printed_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_flags(Flags, "measure", ["--help"])
    assert not ended.value.code
    assert "--rounds" in capsys.readouterr().out
