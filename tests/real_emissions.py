"""What a weak network made of real recordings, and what was said in them: for tests of decoding.

From the folder of recordings that SPEECHRNN_DATA names: `emissions/` and the transcripts of dev-clean-2.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from speechrnn.text import BLANK, Vocabulary

SECONDS_A_FRAME = 0.04
VOCABULARY = Vocabulary("characters", (BLANK, " ", "'", *(chr(number) for number in range(65, 91))))

needs_recordings = pytest.mark.skipif(
    "SPEECHRNN_DATA" not in os.environ, reason="SPEECHRNN_DATA names no folder with recordings"
)


@dataclass(frozen=True)
class RealEmissions:
    """Log-probabilities float32 [frames, tokens] and text in capitals, by the name of the utterance."""

    log_probs: dict[str, np.ndarray]
    texts: dict[str, str]


def real_emissions() -> RealEmissions:
    """Return 182 utterances of 26 speakers; the best paths have a WER of 68 %."""
    data = Path(os.environ["SPEECHRNN_DATA"])
    saved = np.load(data / "emissions" / "dev-clean-2.npz")
    texts = {
        name: text
        for file in (data / "librispeech-small" / "dev-clean-2").rglob("*.trans.txt")
        for name, _, text in (line.partition(" ") for line in file.read_text(encoding="utf-8").splitlines())
    }
    log_probs = {name: saved[name].astype(np.float32) for name in saved.files}
    return RealEmissions(log_probs, {name: texts[name] for name in log_probs})
