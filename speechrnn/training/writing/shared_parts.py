"""What tokens have in common: letters and sounds, whose rows in a table add to a token's own row of the head.

A writer that has thousands of words as tokens meets most of them a few times in all of its lessons. But what
it writes is no heap of unrelated classes: "solicitude" begins like "solicit" and ends like "gratitude". While
a writer learns, the row of a token is the sum of its own and of those of its parts, each of which many tokens
have (Bojanowski et al. 2017, "Enriching word vectors with subword information"; for words that are heard,
Settle et al. 2019, "Acoustically grounded word embeddings for improved acoustics-to-word speech
recognition"). A trained writer has the sums in its head, and knows nothing of parts.

Part of the pupil in `run.py`; only lessons need it.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speechrnn.pronunciation import Pronunciations
from speechrnn.text import BLANK, WORD_BOUNDARY, Vocabulary

LONGEST = 3
"""Letters, or sounds, in a part."""
OWN_VARIANCE = 1.0
"""How far a token's own row is from nothing, squared, as a share of what its parts are."""


class SharedParts(nn.Module):
    """A table with a row for each part that two tokens have."""

    parts: Tensor
    shares: Tensor
    first: Tensor

    def __init__(self, vocabulary: Vocabulary, pronunciations: Pronunciations, width: int) -> None:
        """Prepare a table of zeros for the tokens of `vocabulary`; `pronunciations` say the words of it."""
        super().__init__()
        of_tokens = [parts_of(symbol, pronunciations) for symbol in vocabulary.symbols]
        counts = Counter(chain.from_iterable({*parts} for parts in of_tokens))
        numbers = {part: number for number, part in enumerate(sorted(p for p, n in counts.items() if n > 1))}
        rows = [[numbers[part] for part in parts if part in numbers] for parts in of_tokens]
        lengths = torch.tensor([len(row) for row in rows])
        self.table = nn.Parameter(torch.zeros(len(numbers), width))
        of_all = torch.tensor([*chain.from_iterable(rows)], dtype=torch.int64)
        self.register_buffer("parts", of_all, persistent=False)
        self.register_buffer("first", lengths.cumsum(0) - lengths, persistent=False)
        # As many parts of a token as there may be, their sum varies as one of them does.
        self.register_buffer("shares", lengths.repeat_interleave(lengths).float() ** -0.5, persistent=False)

    def forward(self) -> Tensor:
        """Return what their parts add to the rows of all tokens, float32 [tokens, width]."""
        return F.embedding_bag(self.parts, self.table, self.first, mode="sum", per_sample_weights=self.shares)

    @torch.no_grad()
    def explain(self, rows: Tensor, known: Sequence[int]) -> None:
        """Let the parts have what they can explain of the `known` ones of `rows` [tokens, width], in place.

        `rows` keep the rest, and nothing where they are not known: there the parts alone say what is likely.
        It is the mean of a Gaussian process, whose covariance is that of the sums (Rasmussen and Williams
        2006, "Gaussian processes for machine learning", 2.2).
        """
        tokens = self.matrix()[list(known)]
        covariance = tokens @ tokens.T
        covariance.diagonal().add_(OWN_VARIANCE)
        explaining = torch.cholesky_solve(rows[list(known)], torch.linalg.cholesky(covariance))
        self.table.copy_(tokens.T @ explaining)
        own = torch.zeros_like(rows)
        own[list(known)] = rows[list(known)]
        own[list(known)] -= tokens @ self.table
        rows.copy_(own)

    def matrix(self) -> Tensor:
        """Return the share that each part has in each token, [tokens, parts]."""
        ends = torch.cat([self.first[1:], torch.tensor([len(self.parts)], device=self.first.device)])
        tokens = torch.arange(len(self.first), device=ends.device).repeat_interleave(ends - self.first)
        matrix = self.table.new_zeros(len(self.first), len(self.table))
        return matrix.index_put_((tokens, self.parts), self.shares, accumulate=True)


def parts_of(symbol: str, pronunciations: Pronunciations) -> list[str]:
    """Return up to three letters in a row of a token's `symbol`, and sounds if it is a word that is known.

    Where a word begins and ends counts as a letter, and as a sound. The blank has no parts.
    """
    if symbol == BLANK:
        return []
    word = symbol.removeprefix(WORD_BOUNDARY)
    begins = [WORD_BOUNDARY] if word != symbol else []
    said = pronunciations.get(word) if begins else None
    ends = [WORD_BOUNDARY] if said else []
    letters = _in_a_row([*begins, *word, *ends], "")
    return letters + _in_a_row([*begins, *said[0], *ends], " ") if said else letters


def _in_a_row(items: Sequence[str], between: str) -> list[str]:
    """Return runs of up to three of `items`; those of letters and of sounds differ by what is `between`."""
    runs = [items[start : start + n] for n in range(1, LONGEST + 1) for start in range(len(items) - n + 1)]
    return [between + between.join(run) for run in runs]
