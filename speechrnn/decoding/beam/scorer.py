"""What a prefix earns besides its acoustic probability: language model, word bonus, hot words.

A word n-gram scores each word when it ends. Until then the search sees what the best word that can still
become of the letters would earn by itself (its unigram), so that a long word competes fairly with short ones
that are already paid for. The look-ahead leaves no trace in the end: it goes when the word is complete. Words
that the model does not know earn `<unk>` and `unknown_word`. A token n-gram scores each token at once; only
the space between two words waits for the second, so that a space at the end of a sentence earns nothing.

Everything is in natural logarithms. Sizes: states (of the automaton), tokens.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled_in_place
from speechrnn.decoding.beam.automaton import NO_WORD, REFUSED, Automaton, follow
from speechrnn.decoding.beam.hot_words import BOUNDARY, HotArrays
from speechrnn.decoding.beam.records import Records
from speechrnn.decoding.beam.spelling import TokenArrays
from speechrnn.decoding.ngram.automaton import ScoringTables, score
from speechrnn.decoding.ngram.word_table import END, UNKNOWN


class Scorer(NamedTuple):
    """Language model and bonus as compiled code takes them.

    per_word, per_token: what the n-gram scores (neither: there is none); weight: of its log-probabilities;
    word_bonus: for each word; unknown_word: for each word that the n-gram lacks, besides its `<unk>`;
    token_words: int32 `[tokens]`, the tokens' numbers in a token n-gram; ahead: float64 `[states]`, what the
    best word that can still be written in a state earns by itself; ngram: the model's tables; start: its
    state at the start of a sentence.
    """

    per_word: bool
    per_token: bool
    weight: float
    word_bonus: float
    unknown_word: float
    token_words: NDArray[np.int32]
    ahead: NDArray[np.float64]
    ngram: ScoringTables
    start: int


class Rules(NamedTuple):
    """All that decides how a prefix may go on and what it earns."""

    tokens: TokenArrays
    automaton: Automaton
    scorer: Scorer
    hot: HotArrays


@compiled_in_place
def begin(rules: Rules, into: Records) -> None:
    """Make `into`, an entry, the empty prefix before the first frame."""
    into.blank = 0.0
    into.label = -np.inf
    into.total = 0.0
    into.earned = 0.0
    into.ahead = rules.scorer.ahead[0]
    into.closing = np.nan
    into.closing_lm = 0
    into.lm = rules.scorer.start
    into.prefix = 0
    into.token = -1
    into.code = -1
    into.state = 0
    into.hot = rules.hot.start
    into.open = 0
    into.begun = 0


@compiled_in_place
def extend(rules: Rules, entry: Records, code: int, into: Records) -> bool:
    """Fill `into` with what follows from the prefix of `entry` and one more token; False where it is refused.

    `code` is the token, and perhaps a word that it completes (`sounds.py`). Left to the caller are the
    probabilities and the prefix itself.
    """
    tokens, automaton, scorer, hot = rules
    token, choice = code % len(tokens.boundary), code // len(tokens.boundary)
    state, place, lm, earned = entry.state, entry.hot, entry.lm, entry.earned
    is_open, begun = entry.open, entry.begun
    if tokens.boundary[token] and is_open:
        close(rules, entry)
        if entry.closing == -np.inf:
            return False
        earned += entry.closing
        lm = entry.closing_lm
        state = automaton.after[state]
        place = hot.goto[place, BOUNDARY]
        is_open = 0
    for position in range(tokens.offsets[token], tokens.offsets[token + 1]):
        letter = tokens.letters[position]
        if not is_open:
            begun = state
        state = follow(automaton, state, letter)
        if state == REFUSED:
            return False
        place = hot.goto[place, hot.column[letter]]
        earned += hot.earned[place]
        is_open = 1
    if choice > 0:
        word = automaton.said[automaton.said_from[state] + choice - 1]
        gain, lm = score(scorer.ngram, lm, word)
        earned += scorer.word_bonus + scorer.weight * gain
        state = automaton.after[state]
        is_open = 0
    ahead = scorer.ahead[state] + hot.credit[place]
    if scorer.per_token:
        if entry.token == tokens.separator and not entry.open:
            gain, lm = score(scorer.ngram, lm, scorer.token_words[tokens.separator])
            earned += scorer.weight * gain
        gain, next_lm = score(scorer.ngram, lm, scorer.token_words[token])
        if token == tokens.separator:
            ahead += scorer.weight * gain
        else:
            earned += scorer.weight * gain
            lm = next_lm
    into.earned = earned
    into.ahead = ahead
    into.closing = np.nan
    into.lm = lm
    into.token = token
    into.code = code
    into.state = state
    into.hot = place
    into.open = is_open
    into.begun = begun
    return True


@compiled_in_place
def close(rules: Rules, entry: Records) -> None:
    """Look up, once, what the open word of `entry` earns when it ends; -inf where it must not end."""
    if not math.isnan(entry.closing):
        return
    _, automaton, scorer, hot = rules
    word = automaton.word[entry.state]
    entry.closing_lm = entry.lm
    if word == NO_WORD:
        if automaton.closed:
            entry.closing = -np.inf
            return
        word = UNKNOWN
    earned = scorer.word_bonus + hot.earned[hot.goto[entry.hot, BOUNDARY]]
    if scorer.per_word:
        gain, entry.closing_lm = score(scorer.ngram, entry.lm, word)
        earned += scorer.weight * gain
        if word == UNKNOWN:
            earned += scorer.unknown_word
    entry.closing = earned


@compiled_in_place
def most_of_closing(rules: Rules, entry: Records) -> float:
    """Return a bound, at no cost, on what the open word of `entry` earns when it ends, hot words aside."""
    if not math.isnan(entry.closing):
        return entry.closing  # type: ignore[no-any-return]
    most = rules.scorer.word_bonus
    if rules.automaton.word[entry.state] == NO_WORD:
        if rules.automaton.closed:
            return -np.inf
        if rules.scorer.per_word:
            most += rules.scorer.unknown_word
    return most


@compiled_in_place
def finish(rules: Rules, entry: Records) -> float:
    """Return all that the prefix of `entry` earns as a whole sentence; -inf where it is none."""
    _, automaton, scorer, _ = rules
    state, lm, earned = entry.state, entry.lm, entry.earned
    if entry.open:
        close(rules, entry)
        earned += entry.closing
        lm = entry.closing_lm
        state = automaton.after[state]
    if not automaton.final[state]:
        return -np.inf
    if scorer.per_word or scorer.per_token:
        gain, _ = score(scorer.ngram, lm, END)
        earned += scorer.weight * gain
    return earned  # type: ignore[no-any-return]
