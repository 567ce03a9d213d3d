"""Speech to measure with: recordings in LibriSpeech's layout where there are any, else synthetic ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechrnn.corpora import librispeech, synthetic
from speechrnn.corpora.librispeech_tree import librispeech_utterances
from speechrnn.manifest import Utterance

SPOKEN = Path("runs/corpora/synthetic")


@dataclass(frozen=True)
class Speech:
    """Utterances, and what they are in words."""

    name: str
    utterances: Sequence[Utterance]

    def __str__(self) -> str:
        hours = sum(utterance.duration for utterance in self.utterances) / 3600
        return f"{self.name}, {len(self.utterances)} utterances, {hours:.2f} h"


def find_speech(data_dir: Path | None, part: str, most: int) -> Speech:
    """Return up to `most` utterances, spread over `part` of a tree in `data_dir` or SPEECHRNN_DATA.

    Where no tree has that part, they are synthetic.
    """
    tree = librispeech.find_tree(data_dir, [part])
    if tree is None:
        tree, part = synthetic.make_corpus(SPOKEN), synthetic.TRAIN_PART
    utterances = librispeech_utterances(tree, part)
    return Speech(part, utterances[:: max(1, len(utterances) // most)][:most])
