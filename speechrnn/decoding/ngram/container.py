"""Named arrays in one file that opens by memory mapping, however large they are.

The file starts with a line that says what it is, then a line of JSON: the format version, the facts that the
caller wants kept, and name, type, shape and place of every array. The arrays follow, each at a multiple of 64
bytes, in little-endian order.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechrnn.decoding.ngram.whole_file import whole_file
from speechrnn.errors import SpeechRnnError, check_readable

MAGIC = b"speechrnn n-gram model\n"
FORMAT_VERSION = 1
_ALIGNMENT = 64
_DTYPES = ("|u1", "<i4", "<i8", "<f4")
_LONGEST_HEADER = 1 << 20


@dataclass(frozen=True)
class Container:
    """What such a file holds: facts as JSON has them, and arrays that are mapped from the file."""

    facts: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def is_container(path: Path) -> bool:
    """Return whether the file starts as one of these does."""
    check_readable(path)
    with path.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def write_container(path: Path, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the file; it gets its name only when it is whole."""
    entries: list[dict[str, Any]] = []
    end = 0
    for name, array in arrays.items():
        offset = -(-end // _ALIGNMENT) * _ALIGNMENT
        stored = array.dtype.newbyteorder("<")
        entries.append({"name": name, "dtype": stored.str, "shape": array.shape, "offset": offset})
        end = offset + array.nbytes
    header = {"format_version": FORMAT_VERSION, "facts": dict(facts), "arrays": entries}
    start = MAGIC + json.dumps(header).encode("utf-8") + b"\n"

    body = _body_start(len(start))
    with whole_file(path) as unfinished, unfinished.open("wb") as stream:
        stream.write(start)
        for entry, array in zip(entries, arrays.values(), strict=True):
            stream.seek(body + entry["offset"])
            stream.write(np.ascontiguousarray(array, entry["dtype"]).data)
        stream.truncate(body + end)


def open_container(path: Path) -> Container:
    """Return the contents of the file; raise SpeechRnnError if it is not whole, or not of this version."""
    if not is_container(path):
        raise SpeechRnnError(f"{path}: is no n-gram model of speechrnn; make one with: speechrnn lm convert")
    with path.open("rb") as stream:
        stream.readline()
        line = stream.readline(_LONGEST_HEADER)
    try:
        header = json.loads(line)
        version = header["format_version"]
        if version != FORMAT_VERSION:
            raise SpeechRnnError(
                f"{path}: has format version {version}, this speechrnn reads {FORMAT_VERSION}; make it again "
                "with: speechrnn lm convert"
            )
        # Copy on write: nothing is ever written, but compiled code then sees the type of ordinary arrays.
        mapped = np.memmap(path, np.uint8, mode="c").view(np.ndarray)[_body_start(len(MAGIC) + len(line)) :]
        return Container(
            dict(header["facts"]), {entry["name"]: _array(mapped, entry) for entry in header["arrays"]}
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SpeechRnnError(f"{path}: is damaged or cut short; copy or make it again") from error


def _array(mapped: NDArray[np.uint8], entry: dict[str, Any]) -> NDArray[Any]:
    """Return the array that `entry` describes; raise ValueError if the file does not hold it."""
    size = math.prod(entry["shape"]) * np.dtype(entry["dtype"]).itemsize
    begin, end = entry["offset"], entry["offset"] + size
    if entry["dtype"] not in _DTYPES or begin % _ALIGNMENT or not 0 <= begin <= end <= len(mapped):
        raise ValueError(f"no room for array {entry['name']}")
    array: NDArray[Any] = mapped[begin:end].view(entry["dtype"])
    return array.reshape(entry["shape"])


def _body_start(start: int) -> int:
    """Return where the arrays begin in a file whose first lines take `start` bytes."""
    return -(-start // _ALIGNMENT) * _ALIGNMENT
