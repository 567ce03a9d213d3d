"""What averaged weights are worth: error rates on the validation set, once the blank is in its place.

A frame writes its likeliest token. Where a network has heard something and doubts what, several tokens share
its probability, and the blank, which need not share, wins: the word is left out, although some word is right
more often than none. So the blank is held back, by as much as leaves the fewest words of the validation set
wrong, and the bias of the network's head keeps it. (Priors of all tokens, by which Miao et al. 2015, EESEN,
divide, serve the search: `decoding/beam/priors.py`. For greedy decoding those of the others were no help.)

Called by the loop between updates, for recognisers and writers alike.
"""

from collections.abc import Iterable, Sequence
from functools import partial

import torch

from speechrnn.decoding.greedy import BLANK, LogProbs, greedy
from speechrnn.manifest import Utterance
from speechrnn.scoring import word_errors
from speechrnn.text import Vocabulary
from speechrnn.training.data.batch import Batch
from speechrnn.training.evaluation import results_by_id, score_transcripts
from speechrnn.training.model.network import Network
from speechrnn.training.optimisation.distributed import Ranks

HELD_BACK = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
"""By how much the blank's log-probability may be lowered."""


def validate(
    network: Network,
    batches: Iterable[Batch],
    utterances: Sequence[Utterance],
    vocabulary: Vocabulary,
    ranks: Ranks,
    threads: int,
) -> dict[str, float]:
    """Hold back the blank of `network` as far as is best for `utterances`; return the error rates then.

    `batches` are this rank's share of the utterances; all ranks come to the same.
    """
    write = partial(transcripts, vocabulary=vocabulary)
    written = results_by_id(network, batches, write, ranks, threads)
    references = [utterance.text for utterance in utterances]
    ways = [[written[utterance.id][way] for utterance in utterances] for way in range(len(HELD_BACK))]
    errors = [word_errors(references, texts).errors for texts in ways]
    best = errors.index(min(errors))
    hold_back_blank(network, HELD_BACK[best])
    score = score_transcripts(utterances, {name: texts[best] for name, texts in written.items()})
    return {"wer": score.wer, "cer": score.cer}


def transcripts(log_probs: LogProbs, vocabulary: Vocabulary) -> list[str]:
    """Return what `log_probs` [frames, tokens + sounds] write with the blank held back, for each amount."""
    tokens = log_probs[:, : len(vocabulary)].copy()
    texts = []
    for amount in HELD_BACK:
        tokens[:, BLANK] = log_probs[:, BLANK] - amount
        texts.append(greedy(tokens, vocabulary, 1.0).text)  # times are not looked at
    return texts


@torch.no_grad()
def hold_back_blank(network: Network, amount: float) -> None:
    """Lower the score of the blank among the tokens that `network` writes."""
    network.text_head().bias[BLANK] -= amount
