"""Utterances of a folder in LibriSpeech's layout: `part/speaker/chapter/id.flac` and `*.trans.txt`.

The layout of V. Panayotov et al., "LibriSpeech: an ASR corpus based on public domain audio books", ICASSP
2015, and of everything made to look like it. Recordings may be FLAC, Opus or another format in the same
places.
"""

import logging
from pathlib import Path

from speechrnn.corpora.listing import Entry, Listing, Problem, pairs_of
from speechrnn.corpora.measuring import measure
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance

AUDIO_SUFFIXES = (".flac", ".opus", ".ogg", ".wav", ".mp3")  # where an utterance has several, the first wins


def librispeech_utterances(tree: Path | str, part: str) -> list[Utterance]:
    """Return the utterances of one `part` (such as `dev-clean-2`) of `tree`, in the order of their ids.

    What cannot be used is left out with one warning that counts it. Raises SpeechRnnError where the tree has
    no such part, or nothing in it can be used.
    """
    tree = Path(tree)
    if not (tree / part).is_dir():
        there = sorted(entry.name for entry in tree.iterdir() if entry.is_dir()) if tree.is_dir() else []
        raise SpeechRnnError(
            f"{tree}: has no part {part!r}; "
            + (f"it holds {', '.join(there)}" if there else "name a folder in LibriSpeech's layout")
        )
    corpus = measure(librispeech_listing(tree / part))
    left_out = [problem for problem in corpus.problems if problem.left_out]
    if left_out:
        first = f"{left_out[0].place}: {left_out[0].detail}"
        logging.getLogger("speechrnn").warning("%s: %d left out, first %s", part, len(left_out), first)
    return corpus.utterances


def librispeech_listing(folder: Path) -> Listing:
    """Return what the transcripts anywhere under `folder` list, in the order of their ids."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    for transcript in sorted(folder.rglob("*.trans.txt")):
        audio = _audio_files(transcript.parent)
        for place, name, text in pairs_of(transcript):
            path = audio.pop(name, transcript.parent / f"{name}.flac")
            entries.append(Entry(place, name, path, text, speaker=name.partition("-")[0]))
        problems += (
            Problem("no transcript", str(path), f"no line for it in {transcript.name}")
            for path in audio.values()
        )
    return Listing(entries, problems)


def _audio_files(folder: Path) -> dict[str, Path]:
    """Return the recordings in `folder` by their names without suffix."""
    found = {}
    for suffix in reversed(AUDIO_SUFFIXES):
        found.update({path.stem: path for path in sorted(folder.glob(f"*{suffix}"))})
    return found
