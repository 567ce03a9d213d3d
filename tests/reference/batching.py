"""Padding and planning of batches the slow way, one number at a time."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def padded(rows: Sequence[Sequence[float]]) -> npt.NDArray[np.float64]:
    """Return `rows` as [batch, longest], zero after the end of each."""
    table = np.zeros((len(rows), max(len(row) for row in rows)))
    for number, row in enumerate(rows):
        for position, value in enumerate(row):
            table[number, position] = value
    return table


def padding_share(batches: Sequence[Sequence[int]], lengths: Sequence[int]) -> float:
    """Return the share of zeros in the padded tables of all batches."""
    tables = [padded([[1.0] * lengths[utterance] for utterance in batch]) for batch in batches]
    return sum(int((table == 0).sum()) for table in tables) / sum(table.size for table in tables)


def cut(order: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Return `order` cut greedily into batches whose padded tables hold at most `budget` numbers.

    A batch that is full and has an odd number of rows, more than one, leaves the last of them to the next.
    """
    batches: list[list[int]] = [[]]
    for utterance in order:
        together = [*batches[-1], utterance]
        if batches[-1] and padded([[1.0] * lengths[one] for one in together]).size > budget:
            odd = len(batches[-1]) % 2 == 1 and len(batches[-1]) > 1
            left_over = [batches[-1].pop()] if odd else []
            batches.append([*left_over, utterance])
        else:
            batches[-1] = together
    return batches
