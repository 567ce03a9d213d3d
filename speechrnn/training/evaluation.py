"""What a network makes of recordings, and how much of it is wrong.

Batches -> log-probabilities -> transcripts -> `Score`. Used between updates on the validation set
(`validation.py`), with all ranks sharing the work, and by `speechrnn evaluate` for a model folder.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from speechrnn.manifest import Utterance
from speechrnn.model_folder import TrainedModel
from speechrnn.scoring import Score, score_utterances
from speechrnn.training.core_threads import core_threads
from speechrnn.training.data.audio_source import CachedAudio
from speechrnn.training.data.batch import Batch
from speechrnn.training.data.loader import EvaluationData
from speechrnn.training.data.screening import Screening, screen_for_evaluation
from speechrnn.training.data.units import Speller
from speechrnn.training.model.network_folder import read_network
from speechrnn.training.optimisation.distributed import Ranks, gathered, join, leave, threads_for

BATCH_SECONDS = 100.0

LogProbs = npt.NDArray[np.float32]
Result = TypeVar("Result")


def results_by_id(
    network: nn.Module,
    batches: Iterable[Batch],
    work: Callable[[LogProbs], Result],
    ranks: Ranks,
    threads: int,
) -> dict[str, Result]:
    """Return what `work` makes of the log-probabilities [frames, tokens + sounds] of every utterance, by id.

    `batches` are this rank's part; every rank gets the results of all. On a CPU each batch is cut into as
    many pieces as there are `threads`, see `gradients.py`. The network is left in evaluation mode.
    """
    network.eval()
    results: list[tuple[str, Result]] = []
    of_piece = partial(_results_of_piece, network, work, ranks.device)
    with core_threads(threads) as pool:
        for batch in batches:
            for piece in pool.map(of_piece, batch.pieces(threads)):
                results += piece
    return dict(gathered(results, ranks))


def score_transcripts(utterances: Sequence[Utterance], transcripts: dict[str, str]) -> Score:
    """Return the error rates over all `utterances`, each of which has a transcript by its id."""
    return score_utterances(utterances, [transcripts[utterance.id] for utterance in utterances])


def recognise_with_folder(
    folder: Path,
    utterances: Sequence[Utterance],
    work: Callable[[TrainedModel], Callable[[LogProbs], Result]],
    device: str,
) -> tuple[dict[str, Result], Screening]:
    """Return results for `utterances`, by id, with the model in `folder`, and which of them have no sound.

    `work` gets the model and returns what is to be done with the log-probabilities [frames, tokens + sounds]
    of an utterance. `device` is "auto", "cpu" or "cuda".
    """
    ranks = join(device)
    try:
        network, trained = read_network(folder)
        work_on = work(trained)
        audio = CachedAudio(utterances, trained.model.front_end.sample_rate)
        screening = screen_for_evaluation(utterances, audio)
        if not screening.kept:
            return {}, screening
        batches = EvaluationData(screening.kept, audio, Speller(trained.vocabulary), BATCH_SECONDS)
        threads = threads_for(ranks)
        return results_by_id(network.to(ranks.device), batches, work_on, ranks, threads), screening
    finally:
        leave(ranks)


def _results_of_piece(
    network: nn.Module, work: Callable[[LogProbs], Result], device: torch.device, piece: Batch
) -> list[tuple[str, Result]]:
    piece = piece.to(device)
    with torch.inference_mode():
        log_probs, frames = network(piece.audio, piece.lengths)
    rows = zip(piece.ids, log_probs.cpu().numpy(), frames.tolist(), strict=True)
    return [(name, work(row[:valid])) for name, row, valid in rows]
