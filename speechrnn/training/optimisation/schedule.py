"""The learning rate over a planned number of updates: a linear rise, then a cosine to zero.

Loshchilov and Hutter 2017 (SGDR), one cycle of it, with the warm-up of Goyal et al. 2017. The rate is a
function of the update alone, so that a resumed run needs no state for it.
"""

import math


def rate_share(update: int, updates: int, warmup_share: float) -> float:
    """Return the share of the peak rate, in [0, 1], that update number `update` (from 0) of `updates` takes.

    The rise ends on 1 with the last of the first `warmup_share` x `updates` updates; the cosine that follows
    would reach 0 with the update after the last one.
    """
    warmup = round(warmup_share * updates)
    if update < warmup:
        return (update + 1) / warmup
    progress = (update - warmup) / max(1, updates - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
