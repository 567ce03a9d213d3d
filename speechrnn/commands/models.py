"""`speechrnn models`: which models come with the package, what they are for, and how good they are."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechrnn.shipped import ModelFiles, shipped_models


@dataclass(frozen=True)
class Models:
    """List the models that come with the package; their names go wherever a model is wanted."""


def run(options: Models) -> int:
    """Print what is known of each model, a fact a line; return the exit status."""
    models = shipped_models()
    if not models:
        print("speechrnn: no model comes with this installation; train and export one", file=sys.stderr)
    for name, files in models.items():
        print(name)
        for fact, value in facts_about(files).items():
            print(f"  {fact + ':':<16}{value}")
    return 0


def facts_about(files: ModelFiles) -> dict[str, str]:
    """Return what a model is for, its error rates, sizes and places; the first two if its card tells them."""
    from speechrnn.runtime.acoustic_model import AcousticModel

    card = AcousticModel(files.path).metadata.card
    told = {"for": card.get("use"), "WER": _listed(card.get("wer"))}
    places = {
        "file": files.path,
        "language model": files.ngram,
        "lexicon": files.lexicon,
        "card": files.card,
    }
    return {
        **{fact: str(value) for fact, value in told.items() if value},
        **{fact: _sized(path) for fact, path in places.items() if path},
    }


def _listed(rates: Any) -> Any:
    """Return error rates, a text or a text for each test set, on one line."""
    return "; ".join(f"{on} {rate}" for on, rate in rates.items()) if isinstance(rates, dict) else rates


def _sized(path: Path) -> str:
    return f"{path} ({path.stat().st_size / 1e6:.1f} MB)"
