"""Machine code for the inner loops of decoding and of CTC's loss, without a compiler on the user's machine.

This is the only place where the package touches numba. A function is compiled at its first call, its machine
code is kept in a cache folder so that later processes start at once, and stderr is told about it, because
compiling takes seconds. The cache of a source file is keyed by the text of that file and of every file of
the package that it imports: numba alone looks at one file, and would go on using a search that was compiled
together with an older scorer. Before it loads machine code numba alone gets ready to compile, which takes
longer than the loading; here that waits until something has to be compiled.

Where the cache lies: `NUMBA_CACHE_DIR` if set, else the user's cache folder, else (no home, or one that
cannot be written) a private folder for temporary files, else nowhere: then every process compiles anew.
"""

import contextlib
import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import event
from numba.core.runtime.nrt import rtsys

Function = TypeVar("Function", bound=Callable[..., Any])

_settings: Any = numba.config
_njit: Any = numba.njit
_IMPORTS = re.compile(r"^(?:from|import) (speechrnn[\w.]*)", re.MULTILINE)


def compiled(function: Function) -> Function:
    """Return `function` compiled by numba at its first call, cached on disk, running without the GIL."""
    return _compiled(function)


def compiled_in_place(function: Function) -> Function:
    """Return `function` compiled as `compiled` does, for small functions of inner loops that make no arrays.

    They become part of whatever compiled function calls them, and do not count the references to the arrays
    they are given: handing over and counting a dozen arrays takes longer than their work.
    """
    return _compiled(function, _nrt=False, forceinline=True)


def _compiled(function: Function, **options: bool) -> Function:
    root = cache_root()
    if root is None:
        dispatcher = _njit(nogil=True, **options)(function)
    else:
        # numba reads the setting when a function is decorated; other packages' functions keep their place.
        before = _settings.CACHE_DIR
        _settings.CACHE_DIR = str(root / fingerprint(function.__module__))
        try:
            dispatcher = _njit(nogil=True, cache=True, **options)(function)
        finally:
            _settings.CACHE_DIR = before
        _load_at_once(dispatcher._cache)
    _announcement.watch(dispatcher)
    return cast(Function, dispatcher)


def _load_at_once(cache: Any) -> None:
    """Let numba's `cache` of a function load machine code without refreshing what only compiling needs.

    A compilation refreshes it by itself. Loaded code needs the runtime that counts references, and no more.
    """

    def load_overload(signature: Any, target: Any) -> Any:
        rtsys.initialize(target)
        with cache._guard_against_spurious_io_errors():
            return cache._load_overload(signature, target)

    cache.load_overload = load_overload


@cache
def cache_root() -> Path | None:
    """Return the folder for machine code, made if need be, or None where no folder can be written."""
    return next((folder for folder in _candidates() if _is_private_and_writable(folder)), None)


@cache
def fingerprint(module: str) -> str:
    """Return a digest of the source of `module` and of all modules of this package that it imports."""
    digest = hashlib.sha256()
    for source in sorted(_sources(module, set())):
        digest.update(Path(source).read_bytes())
    return digest.hexdigest()[:16]


def _sources(module: str, seen: set[str]) -> set[str]:
    """Add the source file of `module`, and those of its imports, to `seen`."""
    loaded = sys.modules.get(module)
    source = getattr(loaded, "__file__", None)
    if source is not None and source not in seen:
        seen.add(source)
        for imported in _IMPORTS.findall(Path(source).read_text(encoding="utf-8")):
            _sources(imported, seen)
    return seen


def _candidates() -> Iterator[Path]:
    """Yield the folders to try, the user's own wish first."""
    if _settings.CACHE_DIR:
        yield Path(_settings.CACHE_DIR)
        return
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        if os.environ.get(variable):
            yield Path(os.environ[variable]) / "speechrnn"
    with contextlib.suppress(RuntimeError):  # no home is known
        yield Path.home() / ".cache" / "speechrnn"
    user = os.getuid() if hasattr(os, "getuid") else "user"
    yield Path(tempfile.gettempdir()) / f"speechrnn-{user}"


def _is_private_and_writable(folder: Path) -> bool:
    """Return whether `folder` can be written, and by nobody else: what lies there is executed."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return True
    status = folder.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o002


class _Announcement(event.Listener):
    """Says once a process, on stderr, that something of ours is being compiled."""

    def __init__(self) -> None:
        self.dispatchers: set[int] = set()
        self.made = False
        register: Callable[..., None] = event.register
        register("numba:compile", self)

    def watch(self, dispatcher: object) -> None:
        """Announce the compilation of `dispatcher` when it comes."""
        self.dispatchers.add(id(dispatcher))

    def on_start(self, start: Any) -> None:
        """Print the announcement if the function that numba starts to compile is ours."""
        if self.made or id(start.data["dispatcher"]) not in self.dispatchers:
            return
        self.made = True
        root = cache_root()
        kept = f"kept in {root} for the next time" if root else "no folder to keep it in can be written"
        print(
            f"speechrnn: compiling inner loops for this processor ({kept}) ...", file=sys.stderr, flush=True
        )

    def on_end(self, end: Any) -> None:
        """Take no notice: the work that was asked for follows at once."""


_announcement = _Announcement()
