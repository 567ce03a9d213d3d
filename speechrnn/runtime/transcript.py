"""What a recording becomes, and the two ways to print it. The last arrow on the way of a recording."""

import dataclasses
import heapq
import json
from collections.abc import Sequence
from dataclasses import dataclass

from speechrnn.decoding.hypothesis import Hypothesis, Word


@dataclass(frozen=True)
class Transcript:
    """What was said in one recording; times in seconds from its start."""

    hypotheses: tuple[Hypothesis, ...]
    """The likeliest texts, the best first: one at least, as many as were asked for at most."""
    seconds: float
    """Length of what could be read."""
    broken_at: float | None = None
    """Second at which a truncated file breaks off; None for a whole one."""

    @property
    def text(self) -> str:
        """The likeliest text."""
        return self.hypotheses[0].text

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of the likeliest text."""
        return self.hypotheses[0].words

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the text should know about it, a line each."""
        if self.broken_at is None:
            return ()
        return (f"breaks off after {self.broken_at:.2f} s; the text ends there",)


def joined(windows: Sequence[Sequence[Hypothesis]]) -> tuple[Hypothesis, ...]:
    """Return the likeliest texts of a recording, of whose `windows` the likeliest texts are given.

    Windows are decoded each by itself, so the scores of their texts add up. There are as many as the window
    with the most has, fewer where two would be the same.
    """
    most = max(map(len, windows), default=1)
    picks: list[tuple[float, tuple[Hypothesis, ...]]] = [(0.0, ())]
    for window in windows:
        longer = ((score + one.score, (*pick, one)) for score, pick in picks for one in window)
        picks = heapq.nlargest(most, longer, key=lambda pick: pick[0])
    texts: dict[str, Hypothesis] = {}
    for score, pick in picks:
        words = tuple(word for one in pick for word in one.words)
        text = " ".join(word.text for word in words)
        texts.setdefault(text, Hypothesis(text, words, score))
    return tuple(texts.values())


def as_text(name: str | None, transcript: Transcript, nbest: bool = False) -> str:
    """Return the text as one line, after `name` if there is one; tabs stand between columns.

    With `nbest` every hypothesis has a line, and its score stands before its text.
    """
    before = [] if name is None else [name]
    if not nbest:
        return "\t".join([*before, transcript.text])
    return "\n".join("\t".join([*before, f"{one.score:.3f}", one.text]) for one in transcript.hypotheses)


def as_json(name: str, transcript: Transcript, nbest: bool = False) -> str:
    """Return one JSON object on one line: file, text, seconds, words with times and confidences, warnings.

    With `nbest` all hypotheses are there too, the best first, each with score, text and words.
    """
    entry: dict[str, object] = {
        "audio_filepath": name,
        "text": transcript.text,
        "seconds": round(transcript.seconds, 3),
        "words": _rounded(transcript.words),
        "warnings": list(transcript.warnings),
    }
    if nbest:
        entry["nbest"] = [
            {"score": round(one.score, 4), "text": one.text, "words": _rounded(one.words)}
            for one in transcript.hypotheses
        ]
    return json.dumps(entry, ensure_ascii=False)


def _rounded(words: Sequence[Word]) -> list[dict[str, object]]:
    """Return `words` with times in whole milliseconds."""
    return [
        dataclasses.asdict(word)
        | {
            "start": round(word.start, 3),
            "end": round(word.end, 3),
            "confidence": round(word.confidence, 4),
        }
        for word in words
    ]
