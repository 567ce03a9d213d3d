"""What a network makes of recordings, and how much of it is wrong.

Batches -> log-probabilities -> greedy transcripts -> `Score`. Used between updates on the validation set,
with all ranks sharing the work, and by `speechrnn evaluate` for a model folder.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import torch
from torch import nn

from speechrnn import config
from speechrnn.decoding.greedy import greedy
from speechrnn.decoding.hypothesis import Hypothesis
from speechrnn.manifest import Utterance
from speechrnn.scoring import Score, score
from speechrnn.text import Vocabulary
from speechrnn.training.batch import Batch
from speechrnn.training.distributed import Ranks, gathered


def recognise(
    network: nn.Module,
    batches: Iterable[Batch],
    model: config.Model,
    vocabulary: Vocabulary,
    ranks: Ranks,
    threads: int,
) -> dict[str, Hypothesis]:
    """Return the greedy transcript of every utterance in `batches`, by its id.

    `batches` are this rank's part; every rank gets the transcripts of all. On a CPU each batch is cut into as
    many pieces as there are `threads`, see `gradients.py`.
    """
    network.eval()
    transcripts: list[tuple[str, Hypothesis]] = []
    work = partial(_transcribe, network, model, vocabulary, ranks.device)
    with single_threads(threads) as pool:
        for batch in batches:
            for piece in pool.map(work, batch.pieces(threads)):
                transcripts += piece
    return dict(gathered(transcripts, ranks))


def score_transcripts(utterances: Sequence[Utterance], transcripts: dict[str, Hypothesis]) -> Score:
    """Return the error rates over all `utterances`; one without a transcript counts as wholly deleted."""
    return score(
        references=[utterance.text for utterance in utterances],
        hypotheses=[
            transcripts[utterance.id].text if utterance.id in transcripts else "" for utterance in utterances
        ],
        speakers=[utterance.speaker for utterance in utterances],
        ids=[utterance.id for utterance in utterances],
    )


@contextmanager
def single_threads(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Give `threads` threads in each of which PyTorch uses one core."""
    with ThreadPoolExecutor(threads, initializer=partial(torch.set_num_threads, 1)) as pool:
        yield pool


def _transcribe(
    network: nn.Module, model: config.Model, vocabulary: Vocabulary, device: torch.device, piece: Batch
) -> list[tuple[str, Hypothesis]]:
    piece = piece.to(device)
    with torch.inference_mode():
        log_probs, frames = network(piece.audio, piece.lengths)
    frame_seconds = model.front_end.hop_ms * model.encoder.stride / 1000
    rows = zip(piece.ids, log_probs.cpu().numpy(), frames.tolist(), strict=True)
    return [(name, greedy(row[:valid], vocabulary, frame_seconds)) for name, row, valid in rows]
