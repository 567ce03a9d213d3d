"""Compiled code: kept where it can be kept, never stale, and said when it takes time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import speechrnn
from speechrnn import compiled as module

PACKAGE_PARENT = Path(speechrnn.__file__).parent.parent
SCRIPT = """
from speechrnn.compiled import cache_root, compiled

@compiled
def twice(number):
    return 2 * number

assert twice(21) == 42
print(cache_root())
"""


@pytest.fixture
def run_script(tmp_path):
    """Runs a script in a new process; returns what it writes to stdout and to stderr."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def run(**environment):
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "SYSTEMROOT", "LANG")}
        finished = subprocess.run(
            [sys.executable, str(script)],
            env={**kept, "PYTHONPATH": str(PACKAGE_PARENT), **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return finished.stdout.strip(), finished.stderr

    return run


def test_the_first_process_says_that_it_compiles_and_the_second_finds_it_done(run_script, tmp_path):
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    place, said = run_script(**home)
    assert place == str(tmp_path / "cache" / "speechrnn")
    assert said.count("speechrnn: compiling") == 1
    assert place in said
    assert run_script(**home) == (place, "")


def test_loading_what_was_compiled_does_not_get_ready_to_compile(tmp_path):
    program = (
        "import sys, numpy as np\n"
        "from speechrnn.decoding.beam.search import BeamSearch\n"
        "from speechrnn.text import BLANK, Vocabulary\n"
        "search = BeamSearch(Vocabulary('characters', (BLANK, ' ', 'a', 'b')))\n"
        "log_probs = np.log(np.random.default_rng(0).dirichlet(np.ones(4), 9)).astype(np.float32)\n"
        "print(search.decode(log_probs, 0.04))\n"
        "print('numba.cpython.listobj' in sys.modules)\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (
        subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        for _ in range(2)
    )
    assert "compiling" in first.stderr
    assert second.stderr == ""
    hypotheses, ready = first.stdout.splitlines()
    assert ready == "True"
    assert second.stdout.splitlines() == [hypotheses, "False"]


def test_numbas_own_setting_is_obeyed(run_script, tmp_path):
    place, _ = run_script(NUMBA_CACHE_DIR=str(tmp_path / "mine"), HOME=str(tmp_path))
    assert place == str(tmp_path / "mine")
    assert list((tmp_path / "mine").rglob("*.nbi"))


def test_without_a_home_the_code_is_kept_among_the_users_temporary_files(run_script, tmp_path):
    (tmp_path / "no-folder").write_text("")
    unusable = {"HOME": str(tmp_path / "no-folder"), "XDG_CACHE_HOME": str(tmp_path / "no-folder")}
    (tmp_path / "temporary").mkdir()
    place, _ = run_script(TMPDIR=str(tmp_path / "temporary"), **unusable)
    assert Path(place).parent == tmp_path / "temporary"
    assert run_script(TMPDIR=str(tmp_path / "temporary"), **unusable) == (place, "")


def test_where_nothing_can_be_written_it_compiles_every_time_and_says_so(run_script, tmp_path):
    (tmp_path / "no-folder").write_text("")
    for _ in range(2):
        place, said = run_script(NUMBA_CACHE_DIR=str(tmp_path / "no-folder"))
        assert place == "None"
        assert "no folder to keep it in" in said


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs POSIX permissions")
def test_a_folder_that_others_may_write_is_not_trusted(tmp_path, monkeypatch):
    shared = tmp_path / "speechrnn"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setattr(module, "_candidates", lambda: iter([shared, tmp_path / "private"]))
    assert module.cache_root.__wrapped__() == tmp_path / "private"


def test_a_change_in_an_imported_file_makes_the_code_of_its_users_new(tmp_path):
    copy = tmp_path / "speechrnn" / "decoding"
    copy.mkdir(parents=True)
    for name in ("__init__.py", "decoding/__init__.py", "compiled.py"):
        (copy.parent / name).write_text((Path(speechrnn.__file__).parent / name).read_text())
    (tmp_path / "user.py").write_text(
        "from speechrnn.compiled import compiled\n"
        "from speechrnn.decoding.borrowed import borrowed\n\n\n"
        "@compiled\ndef answer():\n    return borrowed()\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for number in (1, 2):
        (copy / "borrowed.py").write_text(
            f"from speechrnn.compiled import compiled\n\n\n@compiled\ndef borrowed():\n    return {number}\n"
        )
        command = [sys.executable, "-c", "import user; print(user.answer())"]
        found = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert found.stdout == f"{number}\n"
