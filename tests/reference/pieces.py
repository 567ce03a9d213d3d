"""Byte-pair encoding by Sennrich et al. 2016: merge the pair learnt first until none is left."""

from collections.abc import Sequence
from itertools import pairwise


def encode(text: str, symbols: Sequence[str]) -> list[int]:
    """Return the numbers in `symbols` (pairs as they were learnt, then characters) of `text`'s pieces."""
    rank = {symbol: number for number, symbol in enumerate(symbols)}
    pieces = list("▁" + text.replace(" ", "▁")) if text else []
    while True:
        merged = [first + second for first, second in pairwise(pieces)]
        known = [(rank[pair], position) for position, pair in enumerate(merged) if pair in rank]
        if not known:
            return [rank[piece] for piece in pieces]
        _, position = min(known)
        pieces[position : position + 2] = [merged[position]]
