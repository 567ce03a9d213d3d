"""A `Score` in words: the line with both rates, the table of speakers, the worst utterances word by word.

Where `scoring` ends, this begins: everything here returns text and decides nothing. `speechrnn evaluate` and
the recipes' reports print it.
"""

import unicodedata

from speechrnn.scoring import Interval, Score, UtteranceScore, aligned_words

GAP = "*"  # fills the place of a word that the other side does not have, as in NIST's reports
LABELS: tuple[str, ...] = ("REF:", "HYP:", "    ")
LINE = 100  # columns of a line of aligned words


def summary(score: Score) -> str:
    """Return the line for every report: both rates, their intervals, what they were counted on."""
    return (
        f"WER {percent(score.wer, score.wer_interval)}, CER {percent(score.cer, score.cer_interval)}; "
        f"95 % intervals over {score.resampled}; {score.words} words, {score.substitutions} substituted, "
        f"{score.deletions} deleted, {score.insertions} inserted"
    )


def percent(rate: float, interval: Interval) -> str:
    """Return a rate with its interval as text, such as `12.3 % (10.9 to 13.8)`."""
    return f"{100 * rate:.2f} % ({100 * interval[0]:.2f} to {100 * interval[1]:.2f})"


def speaker_table(score: Score) -> str:
    """Return a table of the speakers, one a line, highest word error rate first."""
    totals = score.by_speaker
    width = max(_columns(name) for name in (*totals, "speaker"))
    lines = [f"{_padded('speaker', width)}     WER   words    sub    del    ins"]
    for speaker, counts in totals.items():
        lines.append(
            f"{_padded(speaker, width)} {100 * counts.rate:6.1f}% {counts.length:7d} "
            f"{counts.substitutions:6d} {counts.deletions:6d} {counts.insertions:6d}"
        )
    return "\n".join(lines)


def worst_utterances(score: Score, number: int) -> str:
    """Return the `number` utterances with the most errors, each aligned word by word."""
    return "\n\n".join(aligned_text(utterance) for utterance in score.worst(number))


def aligned_text(utterance: UtteranceScore) -> str:
    """Return reference over hypothesis in columns, with S, D or I under each edit, in lines that fit."""
    counts = utterance.words
    speaker = f", speaker {utterance.speaker}" if utterance.speaker else ""
    text = f"{utterance.id}{speaker}: {counts.errors} errors in {counts.length} words\n"
    rows = LABELS
    for said, read in aligned_words(utterance.reference, utterance.hypothesis):
        width = max(_columns(said or ""), _columns(read or ""))
        if _columns(rows[0]) + width >= LINE and rows != LABELS:
            text += _stacked(rows)
            rows = LABELS
        cells = (said or GAP * width, read or GAP * width, _mark(said, read))
        rows = tuple(f"{row} {_padded(cell, width)}" for row, cell in zip(rows, cells, strict=True))
    return (text + _stacked(rows)).rstrip("\n")


def _stacked(rows: tuple[str, ...]) -> str:
    return "".join(row.rstrip() + "\n" for row in rows)


def _mark(said: str | None, read: str | None) -> str:
    if said is None:
        return "I"
    if read is None:
        return "D"
    return "" if said == read else "S"


def _columns(text: str) -> int:
    """Return how many columns of a terminal `text` takes: two for a wide character, none for an accent."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))
