"""Who may import whom: the house of the architecture, read off the source, and what starting up may load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import speechrnn

PACKAGE = Path(speechrnn.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
MAY_IMPORT = {
    "ground": {"ground"},
    "decoding": {"ground", "decoding"},
    "runtime": {"ground", "decoding", "runtime"},
    "training": {"ground", "decoding", "training"},
    "export": {"ground", "decoding", "export"},
    "corpora": {"ground", "corpora"},
}
ONLY_IN = {
    "torch": {"training"},
    "tensorboard": {"training"},
    "sentencepiece": {"training"},
    "onnx": {"export"},
    "onnxruntime": {"runtime", "export"},
    "numba": {"ground"},
    "tyro": {"commands"},
    "espeakng_loader": {"corpora"},
}
PYTORCH_CHECK = (
    PACKAGE / "export" / "parity.py"
)  # imports torch and training, inside the function that needs them


TOP = {"commands", "recipe"}  # import what they need inside the function that needs it


def floor_of(path: Path) -> str:
    if path.name == "__main__.py":
        return "commands"
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else "ground"


def imports(path: Path, everywhere: bool) -> set[str]:
    """The modules that `path` imports at the top, or `everywhere` in it; not those for types alone."""
    found = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
        elif everywhere or not isinstance(node, ast.FunctionDef):
            waiting += ast.iter_child_nodes(node)
    return found


def floors_imported(path: Path, everywhere: bool) -> set[str]:
    found = set()
    for name in imports(path, everywhere):
        parts = name.split(".")
        if parts[0] == "speechrnn" and len(parts) > 1:
            found.add(parts[1] if (PACKAGE / parts[1]).is_dir() else "ground")
    return found


def test_there_is_a_house_to_look_at():
    assert {floor_of(path) for path in FILES} == MAY_IMPORT.keys() | TOP
    assert floors_imported(PACKAGE / "runtime" / "transcriber.py", everywhere=True) == {
        "ground",
        "decoding",
        "runtime",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_floor_imports_only_those_below_it(path):
    floor = floor_of(path)
    if floor in TOP:
        assert "training" not in floors_imported(path, everywhere=False)
    elif path == PYTORCH_CHECK:
        assert floors_imported(path, everywhere=False) <= MAY_IMPORT[floor]
        assert floors_imported(path, everywhere=True) <= {*MAY_IMPORT[floor], "training"}
    else:
        assert floors_imported(path, everywhere=True) <= MAY_IMPORT[floor]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_library_stays_on_its_floors(path):
    floor = floor_of(path)
    for name in {name.split(".")[0] for name in imports(path, everywhere=path != PYTORCH_CHECK)}:
        assert floor in ONLY_IN.get(name, {floor}), f"{path} imports {name}"
    if path.name == "__init__.py" and floor == "commands":
        assert "tyro" not in imports(path, everywhere=False)


HEAVY = {
    "numpy",
    "onnxruntime",
    "torch",
    "numba",
    "msgspec",
    "soundfile",
    "soxr",
    "jiwer",
    "rich",
    "tyro",
    "onnx",
}


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("speechrnn", set()),
        ("speechrnn.commands", set()),
        ("speechrnn.decoding.greedy", {"numpy"}),
        ("speechrnn.runtime.transcriber", {"numpy", "onnxruntime", "msgspec", "soundfile", "soxr"}),
        ("speechrnn.commands.transcribe", {"tyro"}),
    ],
)
def test_starting_up_loads_no_more_than_it_needs(module, allowed):
    program = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(loaded.stdout.split()) <= allowed


def test_reading_the_flags_of_transcribe_loads_no_type_checker():
    program = (
        "import sys, speechrnn.commands as c;"
        "c.main(['transcribe', 'a.wav', '--threads', '0', '--model', 'm.onnx', '--channel', '1']);"
        "print(*sorted({'typeguard', 'rich', 'torch', 'numba', 'jiwer'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "--threads: must be 1 or more" in loaded.stderr
    assert loaded.stdout.split() == []


def test_public_names_are_there():
    for name in ("Transcriber", "Transcript", "Word", "Hypothesis", "SpeechRnnError", "read_audio"):
        assert getattr(speechrnn, name).__name__ == name
        assert name in dir(speechrnn)
    with pytest.raises(AttributeError, match="no attribute 'Transcribe'"):
        _ = speechrnn.Transcribe
