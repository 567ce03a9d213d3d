"""What a recording becomes, and the two ways to print it. The last arrow on the way of a recording."""

import dataclasses
import json
from dataclasses import dataclass

from speechrnn.decoding.hypothesis import Word


@dataclass(frozen=True)
class Transcript:
    """The words of one recording; times in seconds from its start."""

    text: str
    words: tuple[Word, ...]
    seconds: float
    """Length of what could be read."""
    broken_at: float | None = None
    """Second at which a truncated file breaks off; None for a whole one."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the text should know about it, a line each."""
        if self.broken_at is None:
            return ()
        return (f"breaks off after {self.broken_at:.2f} s; the text ends there",)


def as_text(name: str | None, transcript: Transcript) -> str:
    """Return the text, after `name` and a tab if there is a name, as one line."""
    return transcript.text if name is None else f"{name}\t{transcript.text}"


def as_json(name: str, transcript: Transcript) -> str:
    """Return one JSON object on one line: file, text, seconds, words with times and confidences, warnings."""
    return json.dumps(
        {
            "audio_filepath": name,
            "text": transcript.text,
            "seconds": round(transcript.seconds, 3),
            "words": [_rounded(word) for word in transcript.words],
            "warnings": list(transcript.warnings),
        },
        ensure_ascii=False,
    )


def _rounded(word: Word) -> dict[str, object]:
    """Return `word` with times in whole milliseconds."""
    numbers = {
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "confidence": round(word.confidence, 4),
    }
    return dataclasses.asdict(word) | numbers
