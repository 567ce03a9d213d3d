"""Flags of a command, read from its dataclass; one that does not fit is told in one line.

tyro explains itself in a framed page with the help text of whatever comes near. Here the page is read back
and its findings become the line that all mistakes get; the page with everything is `--help`.
"""

import contextlib
import io
import re
from collections.abc import Sequence
from typing import TypeVar

import tyro

from speechrnn.errors import SpeechRnnError

Flags = TypeVar("Flags")

FRAME = "│ "
RULE = "─-│ "  # the second where the terminal has no Unicode
FLAG = re.compile(r"[│ ] {5}\[?(--[\w.-]+|[A-Z]+)")  # deeper ones are words of help texts
HELP = ("For full helptext", "Argument helptext")


def read_flags(
    kind: type[Flags], program: str | None = None, arguments: Sequence[str] | None = None
) -> Flags:
    """Return `arguments` (by default those of the process) as a `kind`; `--help` prints it and ends.

    Raises SpeechRnnError with what is wrong and the nearest flag there is.
    """
    page = io.StringIO()
    try:
        with contextlib.redirect_stderr(page):
            return tyro.cli(kind, prog=program, args=arguments, config=(tyro.conf.FlagCreatePairsOff,))
    except SystemExit as stop:
        if not stop.code:
            raise
    raise SpeechRnnError(f"{findings(page.getvalue())}; --help lists all flags")


def findings(page: str) -> str:
    """Return what tyro's `page` about wrong flags says, in one line."""
    told = []
    for paragraph in paragraphs(page):
        title, *details = (line.strip(FRAME) for line in paragraph)
        flags = ", ".join(match.group(1) for line in paragraph if (match := FLAG.match(line)))
        if title.startswith("Missing from"):
            told.append(f"missing: {flags}")
        elif title.startswith("Perhaps you meant"):
            told.append(f"did you mean {flags}?")
        elif not title.startswith(HELP):
            told.append(" ".join([title, *details]).rstrip("."))
    return "; ".join(told)


def paragraphs(page: str) -> list[list[str]]:
    """Return the lines of `page` between its frame and its rules, paragraph by paragraph."""
    found: list[list[str]] = [[]]
    for line in page.splitlines()[1:-1]:
        if line.strip(RULE):
            found[-1].append(line)
        else:
            found.append([])
    return [paragraph for paragraph in found if paragraph]
