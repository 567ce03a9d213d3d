"""Byte-pair encoding by Sennrich et al. 2016: merge the pair learnt first until none is left.

A word that is a piece is left whole.
"""

from collections.abc import Sequence
from itertools import pairwise


def encode(text: str, symbols: Sequence[str]) -> list[int]:
    """Return the numbers in `symbols` (pairs as they were learnt, characters, words) of `text`'s pieces."""
    rank = {symbol: number for number, symbol in enumerate(symbols)}
    return [rank[piece] for word in text.split() for piece in _pieces("▁" + word, rank)]


def _pieces(word: str, rank: dict[str, int]) -> list[str]:
    pieces = [word] if word in rank else list(word)
    while True:
        merged = [first + second for first, second in pairwise(pieces)]
        known = [(rank[pair], position) for position, pair in enumerate(merged) if pair in rank]
        if not known:
            return pieces
        _, position = min(known)
        pieces[position : position + 2] = [merged[position]]
