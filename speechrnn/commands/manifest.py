"""`speechrnn manifest`: somebody's corpus becomes a manifest, and its figures and flaws are told."""

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from speechrnn.corpora.listing import Problem

EXAMPLES = 5  # of each kind of problem; the rest goes to a file


@dataclass(frozen=True)
class Manifest:
    """Convert a corpus to a manifest; print hours, speakers, lengths, characters and every problem."""

    source: Annotated[Path, tyro.conf.Positional]
    """A folder in LibriSpeech's layout, a Kaldi data directory, a table (.csv, .tsv; Common Voice, LJSpeech),
    lhotse's cuts (.jsonl, .jsonl.gz) or a manifest."""
    to: Path | None = None
    """The manifest to write (.jsonl); without it the corpus is only looked at."""


def run(options: Manifest) -> int:
    """Convert and report; return 1 where some of the source could not be used, else 0."""
    from speechrnn.corpora.measuring import measure
    from speechrnn.corpora.sources import listing_of
    from speechrnn.corpora.survey import odd_characters, survey
    from speechrnn.manifest import write_manifest

    corpus = measure(listing_of(options.source))
    problems = corpus.problems + odd_characters(corpus.utterances)
    if options.to:
        write_manifest(options.to, corpus.utterances)
    if problems:
        print(report(problems, EXAMPLES), file=sys.stderr)
    if options.to and _any_hidden(problems):
        whole = options.to.with_name(options.to.name + ".problems.txt")
        whole.write_text(report(problems, len(problems)) + "\n", encoding="utf-8")
        print(f"all problems: {whole}", file=sys.stderr)
    print(survey(corpus.utterances))
    return 1 if any(problem.left_out for problem in problems) else 0


def report(problems: "Sequence[Problem]", examples: int) -> str:
    """Return `problems` as text, by kind, those that cost utterances first, with up to `examples` of each."""
    lines = []
    for (kept, kind), found in sorted(_by_kind(problems).items()):
        lines.append(f"{kind}: {len(found)} {'kept' if kept else 'left out'}")
        lines += [f"    {problem.place}: {problem.detail}" for problem in found[:examples]]
        if len(found) > examples:
            lines.append(f"    and {len(found) - examples} more")
    return "\n".join(lines)


def _by_kind(problems: "Sequence[Problem]") -> "dict[tuple[bool, str], list[Problem]]":
    kinds: dict[tuple[bool, str], list[Problem]] = defaultdict(list)
    for problem in problems:
        kinds[not problem.left_out, problem.kind].append(problem)
    return kinds


def _any_hidden(problems: "Sequence[Problem]") -> bool:
    return any(len(found) > EXAMPLES for found in _by_kind(problems).values())
