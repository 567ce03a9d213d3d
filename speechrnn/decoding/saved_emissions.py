"""Log-probabilities of recordings in one `.npz`, by id: recognised once, decoded as often as one likes.

Any file of arrays `[frames, tokens]` will do, from whatever network. Ours also say which tokens these are,
under a name that no recording has.
"""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from speechrnn.decoding.ngram.whole_file import whole_file
from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.text import Vocabulary

LogProbs = npt.NDArray[np.float32]
VOCABULARY_KEY = "<vocabulary>"
DAMAGED = (ValueError, OSError, EOFError, RuntimeError, KeyError, zlib.error, zipfile.BadZipFile)
"""What reading a damaged .npz may raise."""


@dataclass(frozen=True)
class SavedEmissions:
    """Log-probabilities [frames, tokens], natural log, by id, and the tokens, if the file says."""

    log_probs: dict[str, LogProbs]
    vocabulary: Vocabulary | None


def save_emissions(path: Path, log_probs: Mapping[str, LogProbs], vocabulary: Vocabulary) -> None:
    """Write `log_probs` of `vocabulary` to `path`, whole or not at all."""
    tokens = np.frombuffer(msgspec.json.encode(vocabulary), np.uint8)
    arrays = {**log_probs, VOCABULARY_KEY: tokens}
    with whole_file(path) as unfinished, unfinished.open("wb") as stream, zipfile.ZipFile(stream, "w") as npz:
        for name, array in arrays.items():
            # As np.savez does it, which has no room for a recording called `file`.
            with npz.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(array), allow_pickle=False)


def load_emissions(path: Path) -> SavedEmissions:
    """Return what is in the `.npz` at `path`; raises SpeechRnnError where it is none, or is damaged."""
    check_readable(path)
    try:
        npz = np.load(path, allow_pickle=False)
        if not isinstance(npz, np.lib.npyio.NpzFile):
            raise ValueError("a single array")
        with npz:
            arrays = {name: npz[name] for name in npz.files}
        tokens = arrays.pop(VOCABULARY_KEY, None)
        vocabulary = None if tokens is None else msgspec.json.decode(tokens.tobytes(), type=Vocabulary)
    except (*DAMAGED, msgspec.MsgspecError):
        raise SpeechRnnError(
            f"{path}: is no whole .npz of log-probabilities; make or copy it again"
        ) from None
    for name, array in arrays.items():
        if array.ndim != 2 or array.dtype.kind != "f":
            raise SpeechRnnError(
                f"{path}: {name} is {array.dtype} {list(array.shape)}, wanted floats [frames, tokens]"
            )
    return SavedEmissions(
        {name: array.astype(np.float32, copy=False) for name, array in arrays.items()}, vocabulary
    )
