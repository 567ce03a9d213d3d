"""NIST's `.trn` files: one utterance a line, its words, then its id in parentheses.

References and hypotheses are written this way so that somebody else's scorer can check ours:

    sclite -r references.trn trn -h hypotheses.trn trn -i spu_id -e utf-8 -s

Some characters mean something to sclite: `{ a / b }` are alternatives, `@` is no word, what follows `;` is
a tag, `**` or `;;` opens a comment, a trailing `*` is dropped, `\\` escapes, `( )` hold the id. Left as they
are they would silently change the counts, so they are written as `%` and two hexadecimal digits, as in web
addresses; equal words stay equal and different ones different.

The totals agree with `scoring` but for a corner. We take the fewest edits; sclite takes the cheapest, with 4
for a substitution and 3 for a deletion or an insertion. It may therefore call the same errors by other names
(a deletion and an insertion for two substitutions), and where five substitutions in one utterance could also
be three deletions and three insertions, it counts six. That needs a hypothesis that is mostly wrong.
"""

from collections.abc import Callable
from pathlib import Path

from speechrnn.errors import SpeechRnnError
from speechrnn.scoring import UNKNOWN_SPEAKER, Score, UtteranceScore

REFERENCES = "references.trn"
HYPOTHESES = "hypotheses.trn"

_QUOTED = {code: f"%{code:02X}" for code in [*range(0x20), 0x7F, *map(ord, r"%{}/@;*\()")]}
_QUOTED_IN_ID = _QUOTED | {ord(" "): "%20"}
_QUOTED_IN_SPEAKER = _QUOTED_IN_ID | {ord("-"): "%2D", ord("_"): "%5F"}


def write_trn(folder: Path | str, score: Score) -> tuple[Path, Path]:
    """Write what `score` was counted on into `folder`; return the paths of references and hypotheses.

    sclite takes the part of an id before its first hyphen for the speaker, so ids that do not begin so are
    written with the speaker before them. Raises SpeechRnnError where the files cannot be written.
    """
    folder = Path(folder)
    name = _id if all(_begins_with_speaker(u) for u in score.utterances) else _speaker_and_id
    references, hypotheses = folder / REFERENCES, folder / HYPOTHESES
    _write(references, score, name, lambda utterance: utterance.reference)
    _write(hypotheses, score, name, lambda utterance: utterance.hypothesis)
    return references, hypotheses


def _write(
    path: Path, score: Score, name: Callable[[UtteranceScore], str], text: Callable[[UtteranceScore], str]
) -> None:
    lines = (f"{text(u).translate(_QUOTED)} ({name(u)})\n" for u in score.utterances)
    try:
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
    except OSError as error:
        raise SpeechRnnError(f"{path}: cannot be written ({error.strerror}); name another place") from error


def _begins_with_speaker(utterance: UtteranceScore) -> bool:
    return "-" in utterance.id and utterance.id.partition("-")[0] == utterance.speaker


def _id(utterance: UtteranceScore) -> str:
    return utterance.id.translate(_QUOTED_IN_ID)


def _speaker_and_id(utterance: UtteranceScore) -> str:
    speaker = utterance.speaker or UNKNOWN_SPEAKER
    return f"{speaker.translate(_QUOTED_IN_SPEAKER)}-{_id(utterance)}"
