"""What a network makes of recordings, and how much of it is wrong.

Batches -> log-probabilities -> greedy transcripts -> `Score`. Used between updates on the validation set,
with all ranks sharing the work, and by `speechrnn evaluate` for a model folder.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch
from torch import nn

from speechrnn.decoding.greedy import greedy
from speechrnn.manifest import Utterance
from speechrnn.scoring import Score, score
from speechrnn.text import Vocabulary
from speechrnn.training.data.audio_source import CachedAudio
from speechrnn.training.data.batch import Batch
from speechrnn.training.data.loader import EvaluationData
from speechrnn.training.data.screening import Screening, screen_for_evaluation
from speechrnn.training.data.units import load
from speechrnn.training.model.network_folder import read_network
from speechrnn.training.optimisation.distributed import Ranks, gathered, join, leave, threads_for

BATCH_SECONDS = 100.0


def recognise(
    network: nn.Module, batches: Iterable[Batch], vocabulary: Vocabulary, ranks: Ranks, threads: int
) -> dict[str, str]:
    """Return the greedy transcript of every utterance in `batches`, by its id.

    `batches` are this rank's part; every rank gets the transcripts of all. On a CPU each batch is cut into as
    many pieces as there are `threads`, see `gradients.py`. The network is left in evaluation mode.
    """
    network.eval()
    transcripts: list[tuple[str, str]] = []
    transcribe = partial(_transcribe, network, vocabulary, ranks.device)
    with ThreadPoolExecutor(threads, initializer=partial(torch.set_num_threads, 1)) as pool:
        for batch in batches:
            for piece in pool.map(transcribe, batch.pieces(threads)):
                transcripts += piece
    return dict(gathered(transcripts, ranks))


def score_transcripts(utterances: Sequence[Utterance], transcripts: dict[str, str]) -> Score:
    """Return the error rates over all `utterances`, each of which has a transcript by its id."""
    return score(
        references=[utterance.text for utterance in utterances],
        hypotheses=[transcripts[utterance.id] for utterance in utterances],
        speakers=[utterance.speaker for utterance in utterances],
        ids=[utterance.id for utterance in utterances],
    )


def recognise_with_folder(
    folder: Path, utterances: Sequence[Utterance], device: str
) -> tuple[dict[str, str], Screening]:
    """Return what the model in `folder` makes of `utterances`, by id, and which of them have no sound.

    `device` is "auto", "cpu" or "cuda".
    """
    ranks = join(device)
    try:
        network, trained = read_network(folder)
        audio = CachedAudio(utterances, trained.model.front_end.sample_rate)
        screening = screen_for_evaluation(utterances, audio)
        if not screening.kept:
            return {}, screening
        batches = EvaluationData(screening.kept, audio, load(folder, trained.vocabulary), BATCH_SECONDS)
        threads = threads_for(ranks)
        return recognise(network.to(ranks.device), batches, trained.vocabulary, ranks, threads), screening
    finally:
        leave(ranks)


def _transcribe(
    network: nn.Module, vocabulary: Vocabulary, device: torch.device, piece: Batch
) -> list[tuple[str, str]]:
    piece = piece.to(device)
    with torch.inference_mode():
        log_probs, frames = network(piece.audio, piece.lengths)
    rows = zip(piece.ids, log_probs.cpu().numpy(), frames.tolist(), strict=True)
    # Times are not looked at, so a frame may be a second long.
    return [(name, greedy(row[:valid], vocabulary, frame_seconds=1.0).text) for name, row, valid in rows]
