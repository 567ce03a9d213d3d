"""Recordings decoded once, so that an epoch costs no decoding.

Training reads every recording dozens of times. The first run decodes each file into 16-bit samples at the
model's rate: shards of some dozens of recordings (`NAME.pcm`, memory-mapped when read), each with an index
(`NAME.json`), in a folder of their own for each sample rate and channel. A recording is found again by its
path, size and time of change; a file that changes is decoded anew. `audio_source.py` reads utterances from
here.

A lock makes one run wait while another decodes. Every file gets its name only when it is whole, so a run that
is killed leaves nothing that would be taken for good, and what it had finished counts.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import IO

import filelock
import msgspec
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import Progress

from speechrnn.audio import AudioStream, Channel, Samples
from speechrnn.cores import cores
from speechrnn.errors import SpeechRnnError
from speechrnn.training.data.child_processes import deaf_to

Samples16 = npt.NDArray[np.int16]
Key = tuple[str, int, int]  # absolute path, size in bytes, time of change in ns

FORMAT_VERSION = 1
FULL_SCALE = 32768  # 16-bit samples span [-1, 1)
SHARD_RECORDINGS = 64
OPEN_SHARDS = 256  # each map holds a file descriptor, of which a process often has 1024


class Recording(msgspec.Struct, frozen=True):
    """A decoded file: `samples` of shard `shard` from `start` on; `broken_at` seconds if it breaks off."""

    key: Key
    start: int
    samples: int
    broken_at: float | None
    shard: str = ""  # path of the data; left empty in the index, which lies next to it


def default_folder() -> Path:
    """Return the user's folder for decoded audio: below XDG_CACHE_HOME, else ~/.cache."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "speechrnn" / "audio"


def decode(
    paths: Iterable[Path],
    folder: Path,
    sample_rate: int,
    channel: Channel = None,
    processes: int | None = None,
) -> dict[Path, Recording | SpeechRnnError]:
    """Return for each of `paths` where its samples are in the cache in `folder`, or why it has none.

    What the cache lacks is decoded first, in `processes` (None: as many as there are cores), with a progress
    bar on stderr. Raises SpeechRnnError where the folder cannot be written or the disk is full.
    """
    paths = list(dict.fromkeys(paths))
    folder = _folder_of(folder, sample_rate, channel)
    found, missing = _look_up(paths, folder)
    if not missing:
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / "lock"):
            _, missing = _look_up(paths, folder)  # another run may have decoded them while this one waited
            _sweep(folder)
            failures = _decode_shards(missing, folder, sample_rate, channel, processes)
    except OSError as error:
        raise SpeechRnnError(
            f"{folder}: decoded audio cannot be written ({error.strerror}); "
            "make room there, or set XDG_CACHE_HOME to a folder on another disk"
        ) from error
    found, _ = _look_up(paths, folder)
    return found | failures


def read(recording: Recording, first: int, last: int) -> Samples:
    """Return samples `first` to `last` (exclusive) of `recording` as float32 in [-1, 1)."""
    return from_16_bits(_mapped(recording.shard)[recording.start + first : recording.start + last])


def to_16_bits(samples: Samples) -> Samples16:
    """Return `samples` as the cache keeps them: the nearest steps, clipped to [-1, 1)."""
    return np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def from_16_bits(steps: Samples16) -> Samples:
    """Return kept samples as float32 in [-1, 1)."""
    return steps.astype(np.float32) * np.float32(1 / FULL_SCALE)


def bytes_lacking(ends: Mapping[Path, float], folder: Path, sample_rate: int, channel: Channel = None) -> int:
    """Return how much the cache in `folder` would grow by recordings that last until `ends`, in seconds."""
    _, missing = _look_up(list(ends), _folder_of(folder, sample_rate, channel))
    return sum(2 * round(ends[path] * sample_rate) for path in missing)


def bytes_free(folder: Path) -> int:
    """Return how much room there is on the disk of `folder`, which need not exist yet."""
    return shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free


def _folder_of(folder: Path, sample_rate: int, channel: Channel) -> Path:
    return folder / f"{sample_rate}-{'mix' if channel is None else channel}"


class _Index(msgspec.Struct, frozen=True):
    """The content of a shard's index."""

    version: int
    recordings: list[Recording]


_index_decoder = msgspec.json.Decoder(_Index)


@lru_cache(OPEN_SHARDS)
def _mapped(shard: str) -> Samples16:
    return np.memmap(shard, np.int16, "r")


def _look_up(
    paths: Sequence[Path], folder: Path
) -> tuple[dict[Path, Recording | SpeechRnnError], dict[Path, Key]]:
    """Return what is known of `paths`, and the keys of those that have to be decoded."""
    cached = {recording.key: recording for recording in _indexed(folder)}
    found: dict[Path, Recording | SpeechRnnError] = {}
    missing = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError as error:
            found[path] = SpeechRnnError(f"{path}: cannot be read ({error.strerror}); check the path")
            continue
        name = os.fsencode(path.absolute()).decode("utf-8", "backslashreplace")  # names need not be UTF-8
        key = (name, status.st_size, status.st_mtime_ns)
        if key in cached:
            found[path] = cached[key]
        else:
            missing[path] = key
    return found, missing


def _indexed(folder: Path) -> Iterator[Recording]:
    """Yield the recordings of all shards in `folder` whose data is there."""
    for file in sorted(folder.glob("*.json")):
        shard = file.with_suffix(".pcm")
        try:
            index = _index_decoder.decode(file.read_bytes())
            available = shard.stat().st_size // 2
        except (msgspec.MsgspecError, UnicodeDecodeError, OSError):
            continue  # deleted in part, or not ours: what it held is decoded again
        if index.version != FORMAT_VERSION:
            continue
        for recording in index.recordings:
            if recording.start + recording.samples <= available:
                yield msgspec.structs.replace(recording, shard=str(shard))


def _sweep(folder: Path) -> None:
    """Delete what runs that were killed left half written in `folder`; the caller holds its lock."""
    for file in folder.glob("*.part"):
        file.unlink(missing_ok=True)


def _decode_shards(
    missing: dict[Path, Key], folder: Path, sample_rate: int, channel: Channel, processes: int | None
) -> dict[Path, SpeechRnnError]:
    """Decode the `missing` files into new shards; return what is wrong with those that cannot be decoded."""
    files = list(missing.items())
    shards = [dict(files[n : n + SHARD_RECORDINGS]) for n in range(0, len(files), SHARD_RECORDINGS)]
    processes = min(processes or cores(), len(shards))
    failures: dict[Path, SpeechRnnError] = {}
    stderr = Console(stderr=True)
    with Progress(console=stderr, disable=not stderr.is_terminal, transient=True) as progress:
        bar = progress.add_task("decoding audio", total=len(files))
        for shard, failed in _in_processes(shards, folder, sample_rate, channel, processes):
            failures |= failed
            progress.advance(bar, len(shard))
    return failures


def _in_processes(
    shards: Sequence[dict[Path, Key]], folder: Path, sample_rate: int, channel: Channel, processes: int
) -> Iterator[tuple[dict[Path, Key], dict[Path, SpeechRnnError]]]:
    """Decode `shards` and yield each with what is wrong with its files, in the order in which they end."""
    if processes <= 1:
        for shard in shards:
            yield shard, _decode_shard(shard, folder, sample_rate, channel)
        return
    pool = ProcessPoolExecutor(processes, get_context("spawn"))
    try:
        with deaf_to(signal.SIGINT):
            running = {
                pool.submit(_decode_shard, shard, folder, sample_rate, channel): shard for shard in shards
            }
        for future in as_completed(running):
            yield running[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _decode_shard(
    files: dict[Path, Key], folder: Path, sample_rate: int, channel: Channel
) -> dict[Path, SpeechRnnError]:
    """Decode `files` into one new shard; return what is wrong with those that cannot be decoded."""
    failures = {}
    recordings = []
    with _whole_file(folder, ".pcm") as data:
        for path, key in files.items():
            start = data.tell()
            stream = AudioStream(path, sample_rate, channel)
            try:
                for block in stream:
                    data.write(to_16_bits(block).tobytes())
            except SpeechRnnError as error:
                failures[path] = error
                data.seek(start)
                data.truncate()
            else:
                samples = (data.tell() - start) // 2
                recordings.append(Recording(key, start // 2, samples, stream.broken_at))
        name = Path(data.name).stem
    with _whole_file(folder, ".json", name) as index:
        index.write(msgspec.json.encode(_Index(FORMAT_VERSION, recordings)))
    return failures


@contextmanager
def _whole_file(folder: Path, suffix: str, name: str | None = None) -> Iterator[IO[bytes]]:
    """Open a file that is in `folder` as `name` (None: some new one) and `suffix` once it is whole."""
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
        part = Path(file.name)
        try:
            yield file
            file.flush()
            part.rename(folder / f"{name or part.stem}{suffix}")
        except BaseException:
            part.unlink()
            raise
