"""What a network hears: probabilities of sounds in recordings, and the text that belongs to them.

The recordings are those that the network was trained on, and it understands them better than others. It
listens with dropout therefore, and half of the time under masks, so that what is heard has as many mistakes
in it as there are in the voices of strangers. First step of a writer's lessons (`lessons.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from speechrnn.training.core_threads import core_threads
from speechrnn.training.data.batch import Batch
from speechrnn.training.model.network import Network
from speechrnn.training.optimisation.precision import Precision, autocast


@dataclass(frozen=True)
class Heard:
    """A text and what was heard of it: natural log-probabilities of sounds, float16 [frames, sounds]."""

    text: str
    sounds: npt.NDArray[np.float16]


def listen(
    network: Network,
    batches: Iterable[Batch],
    texts: Mapping[str, str],
    mask: bool,
    precision: Precision,
    threads: int,
) -> list[Heard]:
    """Return what `network` hears in each utterance of `batches`, with dropout, and masked if `mask`.

    `texts` are those of the utterances by id. The order is that of `batches`.
    """
    hear = partial(_heard_in_piece, network.train(), mask, precision)
    heard: list[Heard] = []
    with core_threads(threads) as pool:
        for batch in batches:
            pieces = batch.pieces(threads)
            for piece, rows in zip(pieces, pool.map(hear, pieces), strict=True):
                heard += [Heard(texts[name], row) for name, row in zip(piece.ids, rows, strict=True)]
    return heard


def _heard_in_piece(
    network: Network, mask: bool, precision: Precision, piece: Batch
) -> Sequence[npt.NDArray[np.float16]]:
    device = next(network.parameters()).device
    piece = piece.to(device)
    assert network.sound_head is not None
    sounds = network.sound_head.out_features
    with torch.inference_mode(), autocast(precision, device):
        log_probs, frames = network(piece.audio, piece.lengths, piece.seeds, mask)
    rows = log_probs[..., -sounds:].half().cpu().numpy()
    return [row[:valid].copy() for row, valid in zip(rows, frames.tolist(), strict=True)]
