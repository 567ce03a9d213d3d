"""The likeliest way to write a given text: Viterbi over CTC's states, exact, in bounded memory.

Log-probabilities and the tokens of a transcript go in; which token is written in which frame comes out. This
is the inner loop of `alignment.py`. The states are those of Graves et al., "Connectionist temporal
classification", 2006: the tokens, with a blank before, between and after them.

An hour of speech has 120,000 frames and 50,000 tokens. The pointers back would need gigabytes, so they are
not kept: the pass forward only saves the scores at the start of each block of frames, and on the way back a
block is computed once more, with pointers. Within a block of n frames a path passes at most n tokens, so this
second time only the n tokens up to the known end of the path are looked at. The result is exactly that of the
full table. Memory grows as (frames x tokens)^(2/3), and the second pass costs little beside the first.

A row of scores holds -inf in front of its first token, so that row[k] is the token before token k.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechrnn.compiled import compiled

LogProbs = npt.NDArray[np.float32]
Tokens = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]
Pointers = npt.NDArray[np.uint8]

BLANK = 0
NO_TOKEN = -1
# A pointer tells how the best path came to a token and to the blank in front of it.
FROM_BLANK = 1  # to the token, from the blank in front of it
FROM_TOKEN = 2  # to the token, from the token before, without a blank
BLANK_FROM_TOKEN = 4  # to the blank, from the token before; without any mark, each comes from itself


@dataclass(frozen=True)
class BestPath:
    """The likeliest path that writes a given sequence of tokens."""

    positions: npt.NDArray[np.int64]
    """Int64 [frames]: the place in the sequence of the token written in each frame, -1 where it is blank."""
    score: float
    """Log-probability of the path, natural log; -inf where no path writes the sequence."""


def best_path(log_probs: LogProbs, tokens: Tokens, block: int | None = None) -> BestPath:
    """Return the likeliest path through `log_probs` [frames, tokens] that writes `tokens` [length].

    `block` is the number of frames between saved scores; None takes the number that needs least memory. The
    result does not depend on it.
    """
    frames, length = len(log_probs), len(tokens)
    log_probs = np.ascontiguousarray(log_probs, np.float32)
    tokens = np.ascontiguousarray(tokens, np.int64)
    block = block or block_frames(frames, length)
    skips = np.zeros(length)
    skips[1:][tokens[1:] == tokens[:-1]] = -np.inf  # equal neighbours need a blank between them
    saved = np.full((-(-frames // block), 2, length + 1), -np.inf)
    blank, token = _forward(log_probs, tokens, skips, block, saved)
    positions = np.full(frames, NO_TOKEN)
    if max(blank, token) > -np.inf:
        _backward(log_probs, tokens, skips, block, saved, token > blank, positions)
    return BestPath(positions, max(blank, token))


def block_frames(frames: int, length: int) -> int:
    """Return the block for which saved scores (16 bytes a token) and pointers together are smallest."""
    least: int = round(math.cbrt(8 * frames * length))
    return max(1, min(frames, least))


@compiled
def _step(here: LogProbs, tokens: Tokens, skips: Scores, old: Scores, new: Scores) -> None:
    """Compute the scores `new` [2, length + 1] of blanks and tokens from those of the frame before."""
    blanks, before, same = old[0], old[1, :-1], old[1, 1:]
    new_blanks, new_tokens = new[0], new[1, 1:]
    for k in range(len(tokens)):  # comparisons, because max() is not turned into vector instructions
        blank = blanks[k]
        new_blanks[k] = (blank if blank > before[k] else before[k]) + here[BLANK]
        best = same[k]
        best = blank if blank > best else best
        skipped = before[k] + skips[k]
        best = skipped if skipped > best else best
        new_tokens[k] = best + here[tokens[k]]
    end = len(tokens)
    new_blanks[end] = max(blanks[end], old[1, end]) + here[BLANK]


@compiled
def _forward(
    log_probs: LogProbs, tokens: Tokens, skips: Scores, block: int, saved: Scores
) -> tuple[float, float]:
    """Fill `saved` [blocks, 2, length + 1] with the scores of blanks and tokens before each block.

    Returns the scores of the best paths that end in the last blank and in the last token. A frame is only
    computed for tokens that a path can have reached, and from which it can still reach the end.
    """
    frames, length = len(log_probs), len(tokens)
    old = np.full((2, length + 1), -np.inf)
    new = old.copy()
    old[0, 0] = 0.0  # before the first frame nothing has been written
    for frame in range(frames):
        if frame % block == 0:
            saved[frame // block] = old
        first, end = max(0, length - frames + frame), min(length, frame + 1)
        _step(
            log_probs[frame],
            tokens[first:end],
            skips[first:end],
            old[:, first : end + 1],
            new[:, first : end + 1],
        )
        old, new = new, old
    return old[0, length], old[1, length]


@compiled
def _fill_pointers(
    frames: LogProbs, tokens: Tokens, skips: Scores, start: Scores, pointers: Pointers
) -> None:
    """Fill `pointers` [frames, length + 1] from the scores `start` [2, length + 1] before the first frame.

    What lies below the lower edge is missing. So scores there come out too low, one token further with each
    frame; no path that is at the upper edge in the end has been that low.
    """
    length = len(tokens)
    blanks, labels = start[0].copy(), start[1].copy()
    for frame in range(len(frames)):
        here = frames[frame]
        for k in range(length, -1, -1):  # downwards: what is below k still belongs to the frame before
            pointer = 0
            before = labels[k]
            if k < length:
                best = labels[k + 1]
                if blanks[k] > best:
                    best, pointer = blanks[k], FROM_BLANK
                if before + skips[k] > best:
                    best, pointer = before + skips[k], FROM_TOKEN
                labels[k + 1] = best + here[tokens[k]]
            if before > blanks[k]:
                blanks[k] = before
                pointer |= BLANK_FROM_TOKEN
            blanks[k] += here[BLANK]
            pointers[frame, k] = pointer
        labels[0] = -np.inf


@compiled
def _backward(
    log_probs: LogProbs,
    tokens: Tokens,
    skips: Scores,
    block: int,
    saved: Scores,
    in_token: bool,
    positions: npt.NDArray[np.int64],
) -> None:
    """Fill `positions` [frames] block by block from the end; `in_token`: the path ends in the last token."""
    pointers = np.empty((block, block + 2), np.uint8)
    k = len(tokens) - 1 if in_token else len(tokens)
    for number in range(len(saved) - 1, -1, -1):
        start = number * block
        frames = log_probs[start : start + block]
        first = max(0, k - len(frames))
        _fill_pointers(
            frames, tokens[first : k + 1], skips[first : k + 1], saved[number][:, first : k + 2], pointers
        )
        for frame in range(len(frames) - 1, -1, -1):
            pointer = pointers[frame, k - first]
            if in_token:
                positions[start + frame] = k
                in_token = not pointer & FROM_BLANK
                k -= (pointer & FROM_TOKEN) // FROM_TOKEN
            elif pointer & BLANK_FROM_TOKEN:
                in_token = True
                k -= 1
