"""Utterances set aside for validation where the user names none.

Whole speakers are set aside where enough are known, because a model that has heard a speaker recognises him
better; single utterances where not. The choice depends on the utterances alone: runs with other seeds can be
compared, and averaged, because all of them leave the same ones out.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance

SHARE = 0.05  # of the audio
MOST_SECONDS = 1800.0
FEWEST_SPEAKERS = 5  # of whom one can be spared


def set_aside(utterances: Sequence[Utterance]) -> tuple[list[Utterance], list[Utterance], str]:
    """Return the utterances to train on, those to validate on, and what was set aside in words.

    Speakers (or utterances) are drawn until they make up 5 % of the audio or half an hour.
    """
    if len(utterances) < 2:
        raise SpeechRnnError("--train: one utterance cannot be split; give --valid a manifest")
    groups: dict[str, list[Utterance]] = defaultdict(list)
    speakers = {utterance.speaker for utterance in utterances}
    by_speaker = None not in speakers and len(speakers) >= FEWEST_SPEAKERS
    for utterance in utterances:
        groups[str(utterance.speaker) if by_speaker else utterance.id].append(utterance)
    wanted = min(SHARE * _seconds(utterances), MOST_SECONDS)
    names = sorted(groups)
    aside: list[str] = []
    for number in np.random.default_rng(0).permutation(len(names))[:-1]:
        aside.append(names[number])
        if sum(_seconds(groups[name]) for name in aside) >= wanted:
            break
    valid = {utterance.id for name in aside for utterance in groups[name]}
    kind = "speakers" if by_speaker else "utterances"
    told = f"{len(aside)} {kind}" + (f" ({', '.join(sorted(aside))})" if by_speaker else "")
    return (
        [utterance for utterance in utterances if utterance.id not in valid],
        [utterance for utterance in utterances if utterance.id in valid],
        f"no --valid: set aside {told}, {len(valid)} utterances, for validation",
    )


def _seconds(utterances: Sequence[Utterance]) -> float:
    return sum(utterance.duration for utterance in utterances)
