"""n-gram models in dictionaries: Kneser-Ney and back-off from their definitions. Slow and obvious.

A model is {n-gram as a tuple of words: (log10 probability, log10 back-off weight)}.
"""

import math
from collections import Counter, defaultdict


def occurrences(lines, order):
    """How often each n-gram of each order stands in the text; list by order, from 0."""
    counts = [Counter() for _ in range(order + 1)]
    for line in lines:
        words = ("<s>", *line.split(), "</s>")
        for n in range(1, order + 1):
            for start in range(len(words) - n + 1):
                counts[n][words[start : start + n]] += 1
    del counts[1][("<s>",)]
    return counts


def kneser_ney_counts(raw, n, order):
    """The counts that order n is estimated from."""
    if n == order:
        return dict(raw[n])
    before = defaultdict(set)
    for ngram in raw[n + 1]:
        before[ngram[1:]].add(ngram[0])
    return {ngram: raw[n][ngram] if ngram[0] == "<s>" else len(before[ngram]) for ngram in raw[n]}


def discounts(counts, fall_back):
    """[0, D1, D2, D3+] of one order; None where they cannot be had and there is nothing to fall back to."""
    n = Counter(counts.values())
    amounts = None
    if n[1] and n[2] and n[3]:
        y = n[1] / (n[1] + 2 * n[2])
        amounts = [0.0, *(j - (j + 1) * y * n[j + 1] / n[j] for j in (1, 2, 3))]
        if not all(0 <= amount <= j for j, amount in enumerate(amounts)):
            amounts = None
    return amounts or ([0.0, 0.5, 1.0, 1.5] if fall_back else None)


def kneser_ney(lines, order, thresholds=None, fall_back=False):
    """The model of the text; None where an order has no discounts."""
    thresholds = thresholds or [0] * order
    raw = occurrences(lines, order)
    words = {"<unk>"} | {ngram[0] for ngram in raw[1]}
    probs = {(): 1 / len(words)}
    model = {}
    for n in range(1, order + 1):
        counts = kneser_ney_counts(raw, n, order)
        amounts = discounts(counts, fall_back)
        if amounts is None:
            return None
        followers = defaultdict(dict)
        for ngram, count in counts.items():
            followers[ngram[:-1]][ngram] = count
        for context, ngrams in followers.items():
            total = sum(ngrams.values())
            kept = {g: c for g, c in ngrams.items() if raw[n][g] > thresholds[n - 1]}
            free = (
                sum(amounts[min(c, 3)] for c in kept.values())
                + sum(c for g, c in ngrams.items() if g not in kept)
            ) / total
            if n == 1:
                probs[("<unk>",)] = free * probs[()]
                model[("<unk>",)] = [probs[("<unk>",)], 1.0]
                model[("<s>",)] = [1.0, 1.0]
            elif context in model:
                model[context][1] = free
            for ngram, count in kept.items():
                probs[ngram] = (count - amounts[min(count, 3)]) / total + free * probs[ngram[1:]]
                model[ngram] = [probs[ngram], 1.0]
    return {ngram: (log10(prob), log10(weight)) for ngram, (prob, weight) in model.items()}


def log10(number):
    """The logarithm, with -99 for zero as ARPA files have it."""
    return math.log10(number) if number > 0 else -99.0


def backed_off(model, history, word):
    """The log10 probability of `word` after all of `history` (a tuple), by the definition of back-off."""
    if (*history, word) in model:
        return model[(*history, word)][0]
    weight = model.get(history, (0.0, 0.0))[1]
    return weight + backed_off(model, history[1:], word)


def arpa(model, order):
    """The text of an ARPA file of the model."""
    by_order = [[g for g in model if len(g) == n] for n in range(1, order + 1)]
    lines = ["\\data\\", *(f"ngram {n}={len(ngrams)}" for n, ngrams in enumerate(by_order, start=1))]
    for n, ngrams in enumerate(by_order, start=1):
        lines += ["", f"\\{n}-grams:"]
        for ngram in ngrams:
            prob, weight = model[ngram]
            lines.append(f"{prob!r}\t{' '.join(ngram)}" + (f"\t{weight!r}" if n < order else ""))
    return "\n".join([*lines, "", "\\end\\", ""])


def spelled(model):
    """A `BackoffModel` as such a dictionary."""
    words = model.words.words()
    ngrams_below = [()]
    spelled_model = {}
    for order in model.orders:
        ngrams = [
            (*ngrams_below[context], words[word])
            for context, word in zip(order.contexts.tolist(), order.words.tolist(), strict=True)
        ]
        weights = zip(order.log10_probs.tolist(), order.log10_backoffs.tolist(), strict=True)
        spelled_model |= dict(zip(ngrams, weights, strict=True))
        ngrams_below = ngrams
    return spelled_model
