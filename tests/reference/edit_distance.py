"""Edit distance by the textbook: a table, cell by cell (Wagner and Fischer 1974), with costs to choose."""

from collections.abc import Sequence


def edit_distance(
    reference: Sequence[str], hypothesis: Sequence[str], substitution: int = 1, other: int = 1
) -> int:
    """Return the lowest cost of edits from one to the other; a deletion or insertion costs `other`."""
    table = [[0] * (len(hypothesis) + 1) for _ in range(len(reference) + 1)]
    for i in range(len(reference) + 1):
        for j in range(len(hypothesis) + 1):
            ways = []
            if i and j:
                same = reference[i - 1] == hypothesis[j - 1]
                ways.append(table[i - 1][j - 1] + (0 if same else substitution))
            if i:
                ways.append(table[i - 1][j] + other)
            if j:
                ways.append(table[i][j - 1] + other)
            table[i][j] = min(ways, default=0)
    return table[-1][-1]
