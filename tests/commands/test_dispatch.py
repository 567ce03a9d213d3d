"""`speechrnn`: lists its commands, imports the one asked for, and ends with a status and no traceback."""

import os
import signal
import subprocess
import sys
import time

import pytest

from speechrnn import commands
from speechrnn.commands import COMMANDS, main
from speechrnn.errors import SpeechRnnError


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_without_a_command_all_are_listed(arguments, capsys):
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert all(name in shown and summary in shown for name, summary in COMMANDS.items())


def test_listing_imports_none_of_them():
    program = (
        "import sys, speechrnn.commands as c; c.main([]);"
        "print([name for name in sys.modules if name.startswith('speechrnn.commands.')], file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stderr.strip() == "[]"


@pytest.mark.parametrize(("misspelt", "meant"), [("transcibe", "transcribe"), ("exprot", "export")])
def test_a_misspelt_command_names_the_nearest(misspelt, meant, capsys):
    assert main([misspelt]) == 2
    assert capsys.readouterr().err == f"speechrnn: {misspelt}: no such command; did you mean {meant}?\n"


def test_a_command_like_no_other_names_the_list(capsys):
    assert main(["xyzzy"]) == 2
    assert "`speechrnn --help` lists the commands" in capsys.readouterr().err


def test_a_misspelt_flag_names_the_nearest_in_one_line(capsys):
    assert main(["transcribe", "a.wav", "--modle", "x.onnx"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "did you mean --model?" in line


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_tells_its_flags(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: speechrnn {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (
            SpeechRnnError("a.wav: no such file; check the path"),
            2,
            "speechrnn: a.wav: no such file; check the path\n",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_the_user_can_cure_or_wants_has_no_traceback(error, status, line, monkeypatch, capsys):
    def failing(*_):
        raise error

    monkeypatch.setattr(commands, "run", failing)
    assert main(["info", "x"]) == status
    assert capsys.readouterr().err == line


def test_a_bug_keeps_its_traceback(monkeypatch):
    def failing(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(commands, "run", failing)
    with pytest.raises(ZeroDivisionError):
        main(["info", "x"])


def program(body: str) -> list[str]:
    """A process in which every command is `body`, which may use `sys` and `time`."""
    return [
        sys.executable,
        "-c",
        f"import sys, time\nfrom speechrnn import commands\ndef run(name, flags):\n    {body}\n    return 0\n"
        "commands.run = run\nsys.exit(commands.main(['transcribe']))",
    ]


def test_a_reader_that_has_seen_enough_ends_it_quietly():
    process = subprocess.Popen(
        program("[print('line', flush=True) for _ in range(100_000)]"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait() == 141


@pytest.mark.skipif(os.name == "nt", reason="no such signal on Windows")
def test_ctrl_c_ends_it_quietly():
    process = subprocess.Popen(
        program(
            # What runs in the background of a shell inherits that the signal is ignored.
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
            " print('ready', flush=True); time.sleep(60)"
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.communicate() == (b"", b"")
    assert process.returncode == 130
