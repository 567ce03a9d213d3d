"""A real process, really killed."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from speechrnn.model_folder import read_model_folder
from speechrnn.training.checkpoint import RunFolder
from tests.training.tones import tone_request

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
from speechrnn.training.run import train
from tests.training.tones import tiny_run, tone_request

if __name__ == "__main__":
    run = tiny_run(updates=40, save_minutes=0.0, evaluate_every=7)
    train(tone_request(Path(sys.argv[1]), Path(sys.argv[2]), run), print)
"""


def start(program: Path, tones: Path, to: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, str(program), str(tones), str(to)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def updates_seen(to: Path) -> float:
    """How often the state has been written, as far as its time of change tells."""
    state = RunFolder(to).state
    return state.stat().st_mtime if state.exists() else 0.0


@pytest.mark.slow
def test_a_process_killed_at_any_moment_and_started_again_ends_bitwise_the_same(
    tones: Path, tmp_path: Path
) -> None:
    tone_request(tones, tmp_path)  # writes the corpus
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    assert start(program, tones, tmp_path / "whole").wait(timeout=300) == 0
    moments = random.Random(0)
    to = tmp_path / "killed"
    killed = 0
    while killed < 5:
        before = updates_seen(to)
        process = start(program, tones, to)
        while process.poll() is None and updates_seen(to) == before:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.5))
        if process.poll() is not None:  # it came to its end
            break
        process.kill()
        process.wait()
        killed += 1
    assert killed >= 2
    assert start(program, tones, to).wait(timeout=300) == 0
    expected = read_model_folder(RunFolder(tmp_path / "whole").model).weights
    found = read_model_folder(RunFolder(to).model).weights
    assert expected.keys() == found.keys()
    assert all((expected[name] == found[name]).all() for name in expected)
