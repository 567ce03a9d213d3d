"""What averaged weights are worth: error rates on the validation set, blank and pieces in their places.

A frame writes its likeliest token. Where a network has heard something and doubts what, several tokens share
its probability, and the blank, which need not share, wins: the word is left out, although some word is right
more often than none. So the blank is held back, by as much as leaves the fewest words of the validation set
wrong, and the bias of the network's head keeps it. (Priors of all tokens, by which Miao et al. 2015, EESEN,
divide, serve the search: `decoding/beam/priors.py`. For greedy decoding those of the others were no help.)

Pieces that continue a word are held back as well: where a word is not known, single ones of its pieces come
through, and spoil the known word before them ("sixil").

Called by the loop between updates, for recognisers and writers alike.
"""

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from speechrnn.decoding.greedy import BLANK, LogProbs
from speechrnn.manifest import Utterance
from speechrnn.scoring import word_errors
from speechrnn.text import WORD_BOUNDARY, Vocabulary
from speechrnn.training.data.batch import Batch
from speechrnn.training.evaluation import results_by_id, score_transcripts
from speechrnn.training.model.network import Network
from speechrnn.training.optimisation.distributed import Ranks

BLANK_BACK = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
CONTINUING_BACK = (0.0, 0.5, 1.0, 1.5)
WAYS = tuple((blank, continuing) for continuing in CONTINUING_BACK for blank in BLANK_BACK)
"""By how much the log-probabilities of the blank, and of continuing pieces, may be lowered."""


def validate(
    network: Network,
    batches: Iterable[Batch],
    utterances: Sequence[Utterance],
    vocabulary: Vocabulary,
    ranks: Ranks,
    threads: int,
) -> dict[str, float]:
    """Hold back tokens of `network` in the way that is best for `utterances`; return the error rates then.

    `batches` are this rank's share of the utterances; all ranks come to the same.
    """
    write = partial(transcripts, vocabulary=vocabulary)
    written = results_by_id(network, batches, write, ranks, threads)
    references = [utterance.text for utterance in utterances]
    ways = [[written[utterance.id][way] for utterance in utterances] for way in range(len(WAYS))]
    errors = [word_errors(references, texts).errors for texts in ways]
    best = errors.index(min(errors))
    hold_back(network, vocabulary, *WAYS[best])
    score = score_transcripts(utterances, {name: texts[best] for name, texts in written.items()})
    return {"wer": score.wer, "cer": score.cer}


def transcripts(log_probs: LogProbs, vocabulary: Vocabulary) -> list[str]:
    """Return what `log_probs` [frames, tokens + sounds] write greedily, in each of the WAYS."""
    continuing = continuing_pieces(vocabulary)
    others = np.setdiff1d(np.arange(len(vocabulary)), [BLANK, *continuing])
    groups = [group for group in (np.array([BLANK]), continuing, others) if len(group)]
    # Among equals only the likeliest counts, however far all of them are held back.
    likeliest = np.stack([group[log_probs[:, group].argmax(axis=1)] for group in groups], axis=1)
    scores = np.take_along_axis(log_probs, likeliest, axis=1)
    texts = []
    for blank, held in WAYS:
        lowered = scores - np.where(
            likeliest == BLANK, blank, np.where(np.isin(likeliest, continuing), held, 0)
        )
        path = np.take_along_axis(likeliest, lowered.argmax(axis=1)[:, None], axis=1)[:, 0]
        merged = path[np.diff(path, prepend=-1) != 0]
        texts.append(vocabulary.spell(merged[merged != BLANK].tolist()))
    return texts


@torch.no_grad()
def hold_back(network: Network, vocabulary: Vocabulary, blank: float, continuing: float) -> None:
    """Lower the scores of the blank and of continuing pieces among the tokens that `network` writes."""
    bias = network.text_head().bias
    bias[BLANK] -= blank
    bias[torch.from_numpy(continuing_pieces(vocabulary))] -= continuing


def continuing_pieces(vocabulary: Vocabulary) -> npt.NDArray[np.int64]:
    """Return the tokens that are pieces of a word, but not its first one."""
    pieces = enumerate(vocabulary.symbols) if vocabulary.kind == "bpe" else ()
    inside = [token for token, symbol in pieces if token != BLANK and not symbol.startswith(WORD_BOUNDARY)]
    return np.array(inside, np.int64)
