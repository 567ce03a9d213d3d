"""The search itself: a beam of prefixes, one frame after the other, in compiled code.

Prefix beam search after Hannun et al., "First-pass large vocabulary continuous speech recognition using
bi-directional recurrent DNNs" (2014): a prefix holds the probability of all paths that write it, those that
end in a blank and those that end in its last token apart, and two paths that write the same prefix always
meet in one entry. A frame lets every prefix stay or grow by a token; the best `width` of all that come out
are the next beam. Ranked by: acoustic log-probability, plus what is earned, plus the look-ahead
(`scorer.py`).

Where words have no boundaries between them (`sounds.py`), growing by a token that completes words means one
more candidate for each of them.

A space after a space, or at the start, changes nothing in the text, so it does not change the prefix either.

Where the time goes: most extensions are hopeless, and are seen to be so before anything is looked up. The
tokens of a frame are tried from the likeliest down, and a bound on what an extension can earn ends the loop
as soon as it falls below the worst candidate that would still be kept.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled, compiled_in_place
from speechrnn.decoding.beam.automaton import REFUSED, ROOT, Automaton, follow
from speechrnn.decoding.beam.candidates import keep_best, lowest, without_hopeless
from speechrnn.decoding.beam.records import NONE, Beam, Records
from speechrnn.decoding.beam.scorer import Rules, begin, extend, finish, most_of_closing

PREFIXES, ENTRIES = 0, 1  # places in Beam.counts
NEGLIGIBLE = 40.0  # e^-40 added to 1 is 1 in double precision


class Limits(NamedTuple):
    """What is given up for speed: see `BeamSettings` for the first four, here in natural logarithms.

    alike: how many prefixes with the same future are kept; as many as sentences are wanted lose none of them.
    """

    width: int
    margin: float
    token_floor: float
    sure_blank: float
    alike: int


@compiled_in_place
def start(rules: Rules, beam: Beam) -> None:
    """Put the empty prefix, alone, into `beam`."""
    root = beam.prefixes[0]
    root.parent = NONE
    root.token = NONE
    root.child = NONE
    root.sibling = NONE
    root.entry = 0
    root.first = -1
    root.last = -1
    root.fed_from = -1
    begin(rules, beam.entries[0])
    beam.counts[PREFIXES] = 1
    beam.counts[ENTRIES] = 1


@compiled_in_place
def advance(
    rules: Rules, limits: Limits, beam: Beam, log_probs: NDArray[np.float32], first_frame: int
) -> None:
    """Take `beam` through `log_probs` [frames, tokens], whose first frame is number `first_frame`.

    `beam.prefixes` must have room for frames x width more prefixes.
    """
    entries, spare, is_swapped = beam.entries, beam.spare, False
    for number in range(len(log_probs)):
        frame = first_frame + number
        here = log_probs[number]
        if here[0] > limits.sure_blank:
            _stay_in_blank(beam, entries, here[0], frame)
            continue
        best = _stay(rules, beam, entries, here, frame)
        candidates = _grow(rules, limits, beam, entries, spare, here, frame, best)
        _build(rules, beam, entries, spare, here, candidates)
        if limits.alike < candidates:
            candidates = _without_outdone(beam, entries, spare, candidates, limits.alike, frame)
        _take_over(beam, entries, spare, frame, candidates)
        entries, spare, is_swapped = spare, entries, not is_swapped
    if is_swapped:
        for place in range(beam.counts[ENTRIES]):
            beam.entries[place] = beam.spare[place]


@compiled_in_place
def final_scores(
    rules: Rules, beam: Beam, acoustic: NDArray[np.float64], earned: NDArray[np.float64]
) -> None:
    """Fill `acoustic` and `earned` [entries]: what the prefixes of the beam are worth as whole sentences.

    A prefix that must not end here has -inf in `earned`. Sentences with and without a space at the end are
    one: where both are in the beam the one with it takes the probability of both, and the other has -inf.
    """
    entries = beam.entries
    for place in range(beam.counts[ENTRIES]):
        acoustic[place] = entries[place].total
        earned[place] = finish(rules, entries[place])
    for place in range(beam.counts[ENTRIES]):
        entry = entries[place]
        if entry.open or entry.token != rules.tokens.separator or entry.prefix == 0:
            continue
        other = beam.prefixes[beam.prefixes[entry.prefix].parent].entry
        if other == NONE:
            continue
        acoustic[place] = log_add(acoustic[place], acoustic[other])
        earned[other] = -np.inf


@compiled
def collect(prefixes: Records, kept: Records, entries: Records, count: int) -> int:
    """Copy the prefixes that the first `count` of `entries` descend from to `kept`; return their number.

    The order of the prefixes stays, parents before children. `kept` has room for as many as there are.
    """
    place = np.full(len(prefixes), NONE, np.int32)
    for number in range(count):
        prefix = entries[number].prefix
        while prefix != NONE and place[prefix] == NONE:
            place[prefix] = 0
            prefix = prefixes[prefix].parent
    size = 0
    for prefix in range(len(prefixes)):
        if place[prefix] == NONE:
            continue
        place[prefix] = size
        kept[size] = prefixes[prefix]
        row = kept[size]
        row.child = NONE
        row.sibling = NONE
        if row.parent != NONE:
            row.parent = place[row.parent]
            row.sibling = kept[row.parent].child
            kept[row.parent].child = size
        size += 1
    for number in range(count):
        entries[number].prefix = place[entries[number].prefix]
    return size


@compiled
def common_prefix(beam: Beam) -> int:
    """Return the longest prefix that all prefixes in `beam`, one at least, begin with."""
    rows = beam.entries["prefix"][: beam.counts[ENTRIES]].copy()
    while rows.min() < rows.max():
        # Parents come before their children, so the last row is below none of the others.
        last = rows.max()
        rows[rows == last] = beam.prefixes[last].parent
    return int(rows[0])


@compiled_in_place
def _stay_in_blank(beam: Beam, entries: Records, blank: float, frame: int) -> None:
    """Take every entry through a frame that is blank beyond doubt."""
    for place in range(beam.counts[ENTRIES]):
        entry = entries[place]
        entry.blank = entry.total + blank
        entry.label = -np.inf
        entry.total = entry.blank
        beam.prefixes[entry.prefix].last = frame


@compiled_in_place
def _stay(rules: Rules, beam: Beam, entries: Records, here: NDArray[np.float32], frame: int) -> float:
    """Make every entry that stays what it is a candidate; return the best rank.

    A prefix also gains what flows from its parent, if that is alive too; `beam.taken` marks the extensions
    that are accounted for in this way.
    """
    tokens = rules.tokens
    best = -np.inf
    for place in range(beam.counts[ENTRIES]):
        entry, row = entries[place], beam.prefixes[entries[place].prefix]
        blank = entry.total + here[0]
        label = -np.inf
        if not entry.open and tokens.separator != NONE:
            # A boundary, or the start: one more space changes nothing.
            label = entry.total + here[tokens.separator]
        elif entry.token != NONE:
            label = entry.label + here[entry.token]
        if row.parent != NONE:
            origin = beam.prefixes[row.parent].entry
            if origin != NONE:
                parent = entries[origin]
                mass = parent.blank if parent.token == entry.token else parent.total
                label = log_add(label, mass + here[entry.token])
                beam.taken[origin, entry.code] = frame
        total = log_add(blank, label)
        entry.next_blank = blank
        entry.next_label = label
        entry.next_total = total
        beam.ranks[place] = total + entry.earned + entry.ahead
        beam.places[place] = place
        beam.tokens[place] = NONE
        best = max(best, beam.ranks[place])
    return best


@compiled_in_place
def _grow(
    rules: Rules,
    limits: Limits,
    beam: Beam,
    entries: Records,
    scratch: Records,
    here: NDArray[np.float32],
    frame: int,
    best: float,
) -> int:
    """Add the extensions that may be kept to the candidates; return how many candidates are kept."""
    tokens, automaton, scorer, hot = rules
    width = limits.width
    count = beam.counts[ENTRIES]
    worst = lowest(beam.ranks, width) if count == width else -np.inf
    likely = _likely_tokens(here, limits.token_floor, beam.order)
    extended = scratch[0]
    for place in range(beam.counts[ENTRIES]):
        entry = entries[place]
        paid = entry.total + entry.earned
        # No letter raises the look-ahead, and no language model gives more than certainty.
        most_inside = paid + entry.ahead + tokens.longest * hot.most
        most_after = most_inside
        if entry.open:
            most_after = paid + most_of_closing(rules, entry) + scorer.ahead[automaton.after[entry.state]]
            most_after += hot.credit[entry.hot] + (tokens.longest + 1) * hot.most
        if len(automaton.said) > 0:
            most_after = paid + scorer.word_bonus + scorer.ahead[ROOT]
        for position in range(likely):
            token = beam.order[position]
            cutoff = max(worst, best - limits.margin)
            if max(most_inside, most_after) + here[token] <= cutoff:
                break
            if token == tokens.separator and not entry.open:
                continue
            mass = entry.blank if token == entry.token else entry.total
            if mass == -np.inf:
                continue
            for choice in range(1 + _words_behind(automaton, entry.state, token)):
                cutoff = max(worst, best - limits.margin)
                code = token + choice * len(here)
                most = most_after if tokens.boundary[token] or choice > 0 else most_inside
                if most + here[token] <= cutoff or beam.taken[place, code] == frame:
                    continue
                if not extend(rules, entry, code, extended):
                    continue
                rank = mass + here[token] + extended.earned + extended.ahead
                if rank <= cutoff:
                    continue
                best = max(best, rank)
                beam.ranks[count] = rank
                beam.places[count] = place
                beam.tokens[count] = code
                count += 1
                if count == len(beam.ranks):
                    worst = keep_best(beam, count, width)
                    count = width
    if count > width:
        keep_best(beam, count, width)
        count = width
    return without_hopeless(beam, count, best - limits.margin)


@compiled_in_place
def _words_behind(automaton: Automaton, state: int, token: int) -> int:
    """Return how many words are complete when `token` follows on `state`, where words need no boundary."""
    if len(automaton.said) == 0:
        return 0
    state = follow(automaton, state, token - 1)
    return 0 if state == REFUSED else int(automaton.said_from[state + 1] - automaton.said_from[state])


@compiled_in_place
def _build(
    rules: Rules,
    beam: Beam,
    entries: Records,
    spare: Records,
    here: NDArray[np.float32],
    candidates: int,
) -> None:
    """Fill `spare` with what the candidates stand for; those that grew get their prefix in `_take_over`."""
    for number in range(candidates):
        origin, code, kept = entries[beam.places[number]], beam.tokens[number], spare[number]
        if code == NONE:
            spare[number] = origin
            kept.blank = origin.next_blank
            kept.label = origin.next_label
            kept.total = origin.next_total
        else:
            extend(rules, origin, code, kept)
            mass = origin.blank if kept.token == origin.token else origin.total
            kept.blank = -np.inf
            kept.label = mass + here[kept.token]
            kept.total = kept.label


@compiled_in_place
def _without_outdone(
    beam: Beam, entries: Records, spare: Records, candidates: int, alike: int, frame: int
) -> int:
    """Move the candidates to the front that fewer than `alike` better ones outdo; return their number.

    Whatever follows, it is worth the same after two prefixes that end in the same token, at the same place of
    automaton, hot words and language model. So the better one stays the better one, and the place of the
    other is free for something else. A prefix whose probability still flows to a longer one stays.
    """
    buckets, following, prefixes = beam.buckets, beam.alike, beam.prefixes
    for number in range(candidates):
        own = entries[beam.places[number]].prefix
        parent = prefixes[own].parent if beam.tokens[number] == NONE else own
        if parent != NONE:
            prefixes[parent].fed_from = frame
    buckets[:] = NONE
    for number in range(candidates):
        bucket = _bucket(spare[number], len(buckets))
        following[number] = buckets[bucket]
        buckets[bucket] = number
    # Nothing moves before all are judged: those that are outdone lose their rank meanwhile.
    for number in range(candidates):
        if beam.tokens[number] == NONE and prefixes[spare[number].prefix].fed_from == frame:
            continue
        entry, better = spare[number], 0
        other = buckets[_bucket(entry, len(buckets))]
        while other != NONE and better < alike:
            if other != number and _outdoes(spare[other], entry, other < number):
                better += 1
            other = following[other]
        if better == alike:
            beam.ranks[number] = -np.inf
    kept = 0
    for number in range(candidates):
        if beam.ranks[number] > -np.inf:
            spare[kept] = spare[number]
            beam.places[kept] = beam.places[number]
            beam.tokens[kept] = beam.tokens[number]
            kept += 1
    return kept


@compiled_in_place
def _bucket(entry: Records, buckets: int) -> int:
    """Return a number below `buckets`, a power of two, that entries with the same future share."""
    mixed = entry.lm * 31 + entry.state
    mixed = mixed * 31 + entry.token
    mixed = mixed * 31 + entry.hot
    return int((mixed ^ (mixed >> 15)) & (buckets - 1))


@compiled_in_place
def _outdoes(one: Records, other: Records, is_before: bool) -> bool:
    """Return whether whatever follows is worth at least as much after `one` as after `other`.

    Of two equal ones that outdoes which `is_before`. Both sides count, since a repeated token goes on from
    the blank alone.
    """
    blank = one.blank + one.earned - other.blank - other.earned
    label = one.label + one.earned - other.label - other.earned
    if other.blank == -np.inf:
        blank = 0.0 if one.blank == -np.inf else np.inf
    if other.label == -np.inf:
        label = 0.0 if one.label == -np.inf else np.inf
    ahead = blank >= 0 and label >= 0 and (blank + label > 0 or is_before)
    return bool(
        ahead
        and one.lm == other.lm
        and one.state == other.state
        and one.token == other.token
        and one.hot == other.hot
        and one.open == other.open
    )


@compiled_in_place
def _take_over(beam: Beam, entries: Records, spare: Records, frame: int, candidates: int) -> None:
    """Make the candidates in `spare` the beam, and enter those that grew into the tree of prefixes."""
    prefixes = beam.prefixes
    for place in range(beam.counts[ENTRIES]):
        prefixes[entries[place].prefix].entry = NONE
    for number in range(candidates):
        code, kept = beam.tokens[number], spare[number]
        if code != NONE:
            kept.prefix = _child(beam, entries[beam.places[number]].prefix, code, frame)
        row = prefixes[kept.prefix]
        row.entry = number
        row.last = frame
    beam.counts[ENTRIES] = candidates


@compiled_in_place
def _child(beam: Beam, parent: int, token: int, frame: int) -> int:
    """Return the prefix that is `parent` and `token`, a new one unless it has been alive before."""
    child = beam.prefixes[parent].child
    while child != NONE:
        if beam.prefixes[child].token == token:
            return int(child)
        child = beam.prefixes[child].sibling
    number = beam.counts[PREFIXES]
    row = beam.prefixes[number]
    row.parent = parent
    row.token = token
    row.child = NONE
    row.sibling = beam.prefixes[parent].child
    row.first = frame
    row.fed_from = -1
    beam.prefixes[parent].child = number
    beam.counts[PREFIXES] += 1
    return int(number)


@compiled_in_place
def _likely_tokens(here: NDArray[np.float32], floor: float, order: NDArray[np.int64]) -> int:
    """Fill `order` with the tokens above `floor`, without the blank, likeliest first; return how many."""
    count = 0
    for token in range(1, len(here)):
        if here[token] >= floor and here[token] > -np.inf:
            order[count] = token
            count += 1
    gap = count
    while gap > 1:  # Shell sort
        gap = max(1, gap * 5 // 11)
        for end in range(gap, count):
            token, position = order[end], end
            while position >= gap and here[order[position - gap]] < here[token]:
                order[position] = order[position - gap]
                position -= gap
            order[position] = token
    return count


@compiled_in_place
def log_add(one: float, other: float) -> float:
    """Return the logarithm of the sum of two numbers given by their logarithms."""
    high, low = (one, other) if one > other else (other, one)
    if low <= high - NEGLIGIBLE:
        return high
    return high + math.log1p(math.exp(low - high))
