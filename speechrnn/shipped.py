"""The models that come with the package: what lies in `models/`, and what names such as `english` stand for.

A model that ships is NAME.onnx. Beside it may lie NAME.ngram.xz, the language model it is decoded with,
NAME.lexicon.xz, how the words of that are said, and NAME.md, its model card. Wherever a model is wanted, such
a name will do as well as a path.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from speechrnn.errors import SpeechRnnError

FOLDER = Path(__file__).parent / "models"
DEFAULT = "english"


@dataclass(frozen=True)
class ModelFiles:
    """A model on disk: its `.onnx` or model folder, and what ships with it: n-gram, card, lexicon."""

    path: Path
    ngram: Path | None = None
    card: Path | None = None
    lexicon: Path | None = None


def shipped_models() -> dict[str, ModelFiles]:
    """Return the models that this installation brings, by name."""
    return {path.stem: _with_companions(path) for path in sorted(FOLDER.glob("*.onnx"))}


def find_model(named: str | Path | None) -> ModelFiles:
    """Return the model of a path or of a name; None stands for the one that is taken by default.

    What lies on disk goes before a name. Raises SpeechRnnError for a name that stands for nothing; whether
    the file of a path is there shows when it is opened.
    """
    shipped = shipped_models()
    if named is None:
        if DEFAULT not in shipped:
            raise SpeechRnnError(
                "--model: none given, and this installation brings none; give --model FILE.onnx"
                " (`speechrnn train` and `speechrnn export` make one)"
            )
        return shipped[DEFAULT]
    path = Path(named)
    if os.path.exists(path) or path.suffix or len(path.parts) > 1:
        return ModelFiles(path)
    if path.name not in shipped:
        raise SpeechRnnError(
            f"{named}: is no file, no folder and no model of this installation;"
            " correct it (`speechrnn models` lists what is there)"
        )
    return shipped[path.name]


def _with_companions(path: Path) -> ModelFiles:
    beside = [path.with_suffix(suffix) for suffix in (".ngram.xz", ".md", ".lexicon.xz")]
    return ModelFiles(path, *(file if file.exists() else None for file in beside))
