"""The n-gram lines of an ARPA file, from bytes to numbers, in compiled code.

A line is a logarithm, the words of an n-gram and, below the highest order, a back-off weight, with blanks or
tabs between them; a carriage return counts as a blank. `arpa_reading` knows the rest of the file.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled
from speechrnn.decoding.ngram.word_table import WordArrays, find_word, number_or_new

# What `parse_ngrams` stops at.
BLOCK_END, SECTION_END, BAD_NUMBER, POSITIVE, FEW_WORDS, MANY_WORDS, NEW_WORD = range(7)

ROUNDING = 1e-3  # a logarithm that is positive by no more is meant to be 0
_LARGEST = 1e30  # beyond any logarithm, and within float32


class ParsedNgrams(NamedTuple):
    """The n-grams of a section: words int32 `[ngrams, order]`, the logarithms float32 `[ngrams]`."""

    ngrams: NDArray[np.int32]
    log10_probs: NDArray[np.float32]
    log10_backoffs: NDArray[np.float32]


@compiled
def parse_ngrams(
    text: NDArray[np.uint8], table: WordArrays, size: int, grow: bool, into: ParsedNgrams
) -> Any:
    """Parse whole lines of n-grams up to a line that starts with a backslash, or one that is wrong.

    Returns how many n-grams were put into `into`, the new size of `table`, the bytes and lines used, and what
    it stopped at.
    """
    order = into.ngrams.shape[1]
    row = lines = line_start = 0
    while line_start < len(text):
        position = _skip_blanks(text, line_start)
        if text[position] == 10:
            line_start = position + 1
            lines += 1
            continue
        if text[position] == 92:
            return row, size, line_start, lines, SECTION_END

        position, number = _parse_number(text, position)
        if not np.isfinite(number):
            return row, size, line_start, lines, BAD_NUMBER
        if number > ROUNDING:
            return row, size, line_start, lines, POSITIVE
        into.log10_probs[row] = number
        for column in range(order):
            position = _skip_blanks(text, position)
            if text[position] == 10:
                return row, size, line_start, lines, FEW_WORDS
            start = position
            position = _field_end(text, position)
            if grow:
                word, size = number_or_new(table, size, text, start, position)
            else:
                word = find_word(table, text, start, position)
                if word < 0:
                    return row, size, line_start, lines, NEW_WORD
            into.ngrams[row, column] = word

        into.log10_backoffs[row] = 0.0
        position = _skip_blanks(text, position)
        if text[position] != 10:
            position, number = _parse_number(text, position)
            if not np.isfinite(number):
                return row, size, line_start, lines, BAD_NUMBER
            into.log10_backoffs[row] = number
            position = _skip_blanks(text, position)
            if text[position] != 10:
                return row, size, line_start, lines, MANY_WORDS
        row += 1
        lines += 1
        line_start = position + 1
    return row, size, line_start, lines, BLOCK_END


@compiled
def _skip_blanks(text: NDArray[np.uint8], position: int) -> int:
    """Return the next position that is no space, tab or carriage return."""
    while text[position] == 32 or text[position] == 9 or text[position] == 13:
        position += 1
    return position


@compiled
def _field_end(text: NDArray[np.uint8], position: int) -> int:
    """Return the end of the field that starts at `position`."""
    while text[position] != 32 and text[position] != 9 and text[position] != 10 and text[position] != 13:
        position += 1
    return position


@compiled
def _parse_number(text: NDArray[np.uint8], position: int) -> tuple[int, float]:
    """Return the end of the field at `position` and the number it states; NaN if it is none."""
    end = _field_end(text, position)
    negative = text[position] == 45
    if negative or text[position] == 43:
        position += 1
    mantissa = 0.0
    exponent = 0
    digits = 0
    in_fraction = False
    while position < end and (48 <= text[position] <= 57 or (text[position] == 46 and not in_fraction)):
        if text[position] == 46:
            in_fraction = True
        else:
            mantissa = 10.0 * mantissa + (text[position] - 48)
            exponent -= in_fraction
            digits += 1
        position += 1
    if position < end and digits > 0 and (text[position] == 101 or text[position] == 69):
        position += 1
        sign = 1
        if position < end and (text[position] == 45 or text[position] == 43):
            sign = -1 if text[position] == 45 else 1
            position += 1
        power = 0
        digits = 0
        while position < end and 48 <= text[position] <= 57:
            power = min(10 * power + (text[position] - 48), 9999)
            digits += 1
            position += 1
        exponent += sign * power
    number = mantissa * 10.0**exponent
    if position < end or digits == 0 or number > _LARGEST:
        return end, np.nan
    return end, -number if negative else number
