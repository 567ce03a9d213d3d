"""When the words of a hypothesis were said: the likeliest path through the frames, among those searched.

The search adds up the paths that write a prefix and so forgets when its tokens were written. It remembers
between which frames each prefix was in the beam. The likeliest path that keeps to these spans is found here
by Viterbi, for the hypotheses that are returned and no others. It is the exact alignment of what was searched
(with a beam that drops nothing: the exact alignment, as `viterbi.py` finds it), but since a prefix stays in
the beam for a moment only, it costs time and memory in proportion to the length of the recording.

Sizes: frames, tokens (of the vocabulary), prefixes (on the way from the empty one to the hypothesis).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled
from speechrnn.decoding.beam.records import NONE, Records
from speechrnn.decoding.beam.writing import Writing
from speechrnn.decoding.hypothesis import Word

# A path is at a prefix, either in a blank or in its last token (its label). It came there from the same side,
# from the other side of the same prefix, or from one side of the prefix before.
BLANK, LABEL = 0, 1
STAYED, OTHER_OF_PREFIX, BLANK_BEFORE, TOKEN_BEFORE = 0, 1, 2, 3


@dataclass(frozen=True)
class TokenTimes:
    """For each token of a prefix: its code, its first and last frame, its highest log-probability there."""

    codes: NDArray[np.int32]
    first: NDArray[np.int32]
    last: NDArray[np.int32]
    peaks: NDArray[np.float32]


def token_times(prefixes: Records, prefix: int, log_probs: NDArray[np.float32], separator: int) -> TokenTimes:
    """Return when the tokens of `prefix`, a row of `prefixes`, are written in `log_probs`."""
    chain = prefixes[lineage(prefixes, prefix)]
    codes, first, last = chain["token"].copy(), chain["first"].copy(), chain["last"].copy()
    tokens = codes % log_probs.shape[1]
    first[0], last[-1] = 0, len(log_probs) - 1
    tokens[0] = separator
    # Whoever is to enter a later prefix in time has left the earlier ones by then. The space at the end of a
    # sentence need not be entered.
    depths = np.arange(len(last))
    depths[-1] -= len(last) > 1 and tokens[-1] == separator
    last = np.minimum.accumulate((last - depths)[::-1])[::-1] + depths
    first_frames = np.full(len(chain), NONE, np.int32)
    last_frames = np.full(len(chain), NONE, np.int32)
    peaks = np.full(len(chain), -np.inf, np.float32)
    if len(log_probs):
        _trace(log_probs, tokens, first, last.astype(np.int32), separator, first_frames, last_frames, peaks)
    return TokenTimes(codes[1:], first_frames[1:], last_frames[1:], peaks[1:])


def words(
    times: TokenTimes, texts: Sequence[str], writing: Writing, frame_seconds: float
) -> tuple[Word, ...]:
    """Return the words that the tokens write (`texts`, in order), timed and rated as greedy decoding does it.

    A word lasts from the first frame of its first token to the last frame of its last one; its confidence is
    the product of its tokens' highest probabilities.
    """
    first, last, peaks = (column.tolist() for column in (times.first, times.last, times.peaks))
    return tuple(
        Word(
            text,
            first[start] * frame_seconds,
            (last[end - 1] + 1) * frame_seconds,
            min(1.0, math.exp(sum(peaks[start:end]))),
        )
        for text, (start, end) in zip(texts, writing.spans(times.codes), strict=True)
    )


@compiled
def lineage(prefixes: Records, prefix: int) -> NDArray[np.int64]:
    """Return the rows from the empty prefix to `prefix`."""
    depth, row = 0, prefix
    while row != NONE:
        depth += 1
        row = prefixes[row].parent
    rows = np.empty(depth, np.int64)
    row = prefix
    for place in range(depth - 1, -1, -1):
        rows[place] = row
        row = prefixes[row].parent
    return rows


@compiled
def _trace(
    log_probs: NDArray[np.float32],
    tokens: NDArray[np.int32],
    first: NDArray[np.int32],
    last: NDArray[np.int32],
    separator: int,
    first_frames: NDArray[np.int32],
    last_frames: NDArray[np.int32],
    peaks: NDArray[np.float32],
) -> None:
    """Fill the last three, [prefixes], from the likeliest path; `first` and `last` span each prefix's frames.

    Both rise from prefix to prefix. Row 0 is the empty prefix, with which the path starts.
    """
    lows, starts, pointers = _windows(len(log_probs), first, last)
    blanks, labels = np.full(len(tokens), -np.inf), np.full(len(tokens), -np.inf)
    blanks[0] = 0.0
    for frame in range(len(log_probs)):
        low, high = lows[frame], lows[frame] + starts[frame + 1] - starts[frame] - 1
        # Downwards, so that the prefix before still holds the values of the frame before.
        for k in range(high, low - 1, -1):
            label, came = labels[k], STAYED
            if tokens[k] == separator and blanks[k] > label:
                label, came = blanks[k], OTHER_OF_PREFIX
            if k > 0 and blanks[k - 1] > label:
                label, came = blanks[k - 1], BLANK_BEFORE
            if k > 0 and labels[k - 1] > label and tokens[k - 1] != tokens[k]:
                label, came = labels[k - 1], TOKEN_BEFORE
            cell = starts[frame] + k - low
            pointers[cell, LABEL] = came
            pointers[cell, BLANK] = OTHER_OF_PREFIX if labels[k] > blanks[k] else STAYED
            blanks[k] = max(labels[k], blanks[k]) + log_probs[frame, 0]
            labels[k] = label + log_probs[frame, tokens[k]] if tokens[k] != NONE else -np.inf
        if low > 0:
            blanks[low - 1], labels[low - 1] = -np.inf, -np.inf
    k = len(tokens) - 1
    if k > 0 and tokens[k] == separator and max(labels[k - 1], blanks[k - 1]) > max(labels[k], blanks[k]):
        k -= 1
    side = LABEL if labels[k] > blanks[k] else BLANK
    for frame in range(len(log_probs) - 1, -1, -1):
        if side == LABEL:
            first_frames[k] = frame
            last_frames[k] = max(last_frames[k], frame)
            peaks[k] = max(peaks[k], log_probs[frame, tokens[k]])
        came = pointers[starts[frame] + k - lows[frame], side]
        if came == OTHER_OF_PREFIX:
            side = LABEL + BLANK - side
        elif came != STAYED:
            k -= 1
            side = BLANK if came == BLANK_BEFORE else LABEL


@compiled
def _windows(
    frames: int, first: NDArray[np.int32], last: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Return the lowest prefix of each frame, where its cells start [frames + 1], and room for all cells."""
    lows, starts = np.empty(frames, np.int64), np.zeros(frames + 1, np.int64)
    low, high = 0, 0
    for frame in range(frames):
        while last[low] < frame:
            low += 1
        while high + 1 < len(first) and first[high + 1] <= frame:
            high += 1
        lows[frame] = low
        starts[frame + 1] = starts[frame] + high - low + 1
    return lows, starts, np.empty((starts[frames], 2), np.uint8)
