"""Files from the internet: resumed where they broke off, checked before they get their name.

A file is written as `NAME.part` and renamed when it is whole and has the published checksum, so a file with
its final name is always good. `NAME.part.version` holds the server's name of the version that was begun (its
ETag or date): a half is continued only if the server still has that very version (HTTP Range and If-Range,
RFC 9110), else from the start. Broken connections and busy servers are tried again after growing pauses.
"""

import errno
import hashlib
import http.client
import shutil
import socket
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from speechrnn.corpora.progress import progress_bar
from speechrnn.errors import SpeechRnnError

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Source:
    """Where a file is published, and what is known of it beforehand."""

    url: str
    md5: str | None = None
    size: int | None = None
    """Length in bytes."""


@dataclass(frozen=True)
class Patience:
    """How long to bear with a server."""

    attempts: int = 6
    """Attempts in a row that bring nothing new before giving up."""
    first_pause_seconds: float = 1.0
    """Pause after the first failure; each further one is twice as long."""
    timeout_seconds: float = 60.0
    """Silence of the server that counts as a broken connection."""


def download(source: Source, destination: Path, patience: Patience | None = None) -> Path:
    """Bring `source` to the file `destination` unless it is there already; return `destination`.

    Raises SpeechRnnError, naming the address and the cure, when the server refuses, keeps failing or sends
    wrong bytes, or when the disk is full. What has arrived is kept for the next call, wrong bytes are not.
    """
    if destination.exists():
        return destination
    part = destination.with_name(destination.name + ".part")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        _fetch_whole(source, part, patience or Patience())
        if not _is_right(source, part):
            # Perhaps halves of two versions: once more, from the start.
            _discard(part)
            _fetch_whole(source, part, patience or Patience())
        if not _is_right(source, part):
            _discard(part)
            raise SpeechRnnError(
                f"{source.url}: sends other bytes than were published (wrong checksum or length); "
                "try again later or bring the file by hand"
            )
        part.replace(destination)
        _version_file(part).unlink(missing_ok=True)
    except OSError as error:
        raise _disk_error(destination, error) from error
    return destination


class _TryAgainError(Exception):
    """An attempt failed in a way that may pass; the text says how."""


class _UnreachableError(_TryAgainError):
    """The server's name cannot be resolved: most often, there is no network."""


def _fetch_whole(source: Source, part: Path, patience: Patience) -> None:
    """Continue `part` until it is whole, in as many attempts as it takes while each brings something new."""
    farthest, failures, something_came = _length(part), 0, False
    while True:
        try:
            _fetch_rest(source, part, patience.timeout_seconds)
            return
        except _TryAgainError as error:
            if _length(part) > farthest:
                farthest, failures, something_came = _length(part), 0, True
            failures += 1
            no_network = isinstance(error, _UnreachableError) and not something_came
            if no_network or failures >= patience.attempts:
                raise SpeechRnnError(
                    f"{source.url}: cannot be fetched ({error}); check the network and run it again: "
                    "what has arrived is kept"
                ) from error
        time.sleep(patience.first_pause_seconds * 2 ** (failures - 1))


def _fetch_rest(source: Source, part: Path, timeout: float) -> None:
    """Ask once for what is missing of `part` and append it, or write it anew if the server says so."""
    start = _length(part) if _version_file(part).exists() else 0
    request = urllib.request.Request(source.url, headers={"User-Agent": "speechrnn"})
    if start:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", _version_file(part).read_text(encoding="utf-8"))
    try:
        response = _ask(request, timeout)
    except urllib.error.HTTPError as error:
        with error:
            return _judge_status(error, source, part, start)
    with response:
        if response.status != http.client.PARTIAL_CONTENT:
            start = 0
        elif not (response.headers["Content-Range"] or "").startswith(f"bytes {start}-"):
            _discard(part)
            raise _TryAgainError("the server sent another piece than was asked for")
        _write_version(part, response.headers)
        _write_body(response, part, start)


def _ask(request: urllib.request.Request, timeout: float) -> http.client.HTTPResponse:
    """Return the server's answer; raise HTTPError for a refusal, _TryAgainError where there is no answer."""
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=timeout)
        return response
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        kind = _UnreachableError if isinstance(reason, socket.gaierror) else _TryAgainError
        raise kind(getattr(reason, "strerror", None) or str(reason) or type(error).__name__) from error


def _judge_status(error: urllib.error.HTTPError, source: Source, part: Path, start: int) -> None:
    """Return if the file is whole after all; raise _TryAgainError if it may come later."""
    if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
        if error.headers["Content-Range"] == f"bytes */{start}":
            return
        _discard(part)
        raise _TryAgainError("the server's file became shorter") from error
    passing = (http.client.REQUEST_TIMEOUT, http.client.TOO_MANY_REQUESTS)
    if error.code >= 500 or error.code in passing:
        raise _TryAgainError(f"HTTP status {error.code} {error.reason}") from error
    raise SpeechRnnError(
        f"{source.url}: the server refuses it (HTTP status {error.code} {error.reason}); "
        "look whether it has moved, or bring the file by hand"
    ) from error


def _write_body(response: http.client.HTTPResponse, part: Path, start: int) -> None:
    """Write what `response` sends into `part` from byte `start` on; raise _TryAgainError if it breaks off."""
    announced = int(response.headers["Content-Length"] or -1)
    _check_space(part, announced)
    total = start + announced if announced >= 0 else None
    received = 0
    with part.open("ab" if start else "wb") as stream, progress_bar(part.stem, total) as advance:
        advance(start)
        while block := _read(response):
            stream.write(block)
            received += len(block)
            advance(len(block))
    # http.client says nothing when the connection closes early.
    if announced >= 0 and received < announced:
        raise _TryAgainError(f"the connection closed {announced - received} bytes early")


def _read(response: http.client.HTTPResponse) -> bytes:
    """Return the next bytes; a broken connection is no OSError here, as a full disk is."""
    try:
        return response.read(BLOCK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _TryAgainError(str(error) or type(error).__name__) from error


def _write_version(part: Path, headers: http.client.HTTPMessage) -> None:
    """Note which version `part` is of; without a strong name of it, it cannot be continued (RFC 9110)."""
    version = headers["ETag"] or headers["Last-Modified"] or ""
    if version and not version.startswith("W/"):
        _version_file(part).write_text(version, encoding="utf-8")
    else:
        _version_file(part).unlink(missing_ok=True)


def _is_right(source: Source, path: Path) -> bool:
    """Return whether `path` has the length and the checksum that are known of `source`."""
    if source.size is not None and _length(path) != source.size:
        return False
    return source.md5 is None or md5_of(path) == source.md5


def md5_of(path: Path) -> str:
    """Return the MD5 checksum of the file `path` in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _check_space(part: Path, needed: int) -> None:
    if needed > shutil.disk_usage(part.parent).free:
        raise OSError(errno.ENOSPC, f"{needed} bytes are to come")


def _disk_error(destination: Path, error: OSError) -> SpeechRnnError:
    if error.errno == errno.ENOSPC:
        return SpeechRnnError(
            f"{destination}: the disk is full; make room and run it again, what has arrived is kept"
        )
    return SpeechRnnError(f"{destination}: cannot be written ({error.strerror}); name another folder")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)


def _version_file(part: Path) -> Path:
    return part.with_name(part.name + ".version")


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
