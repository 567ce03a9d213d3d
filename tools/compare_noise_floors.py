"""Which floor makes undithered features look like dithered ones: none, a lower bound, or an addition?

Training adds dither, running does not. For several gains this prints how far, as root mean square over bins
and frames, log-mel features without dither lie from the mean of dithered ones.

    python tools/compare_noise_floors.py FILE.flac ...
"""

import sys

import numpy as np
import torch
from torch import Tensor

from speechrnn import config, dsp
from speechrnn.audio import read_audio
from speechrnn.training.model.front_end import FeatureExtractor

GAINS_DB = (0, -20, -30, -45)
SECONDS = 5
DRAWS = 12


def main(paths: list[str]) -> None:
    """Print a line for each gain: the distances of the three floors, averaged over `paths`."""
    extractor = FeatureExtractor(config.FrontEnd(normalisation="none")).train()
    print(f"{len(paths)} recordings, {DRAWS} draws of dither each; distance in natural logarithms")
    print(f"{'gain':>6} {'none':>8} {'bound':>8} {'added':>8}")
    for gain in GAINS_DB:
        recordings = [read_audio(path)[: 16000 * SECONDS] * np.float32(10 ** (gain / 20)) for path in paths]
        none, bound, added = np.mean([distances(extractor, samples) for samples in recordings], axis=0)
        print(f"{gain:>3} dB {none:8.3f} {bound:8.3f} {added:8.3f}")


def distances(extractor: FeatureExtractor, samples: dsp.Array) -> tuple[float, float, float]:
    """Return the distances of `samples` [samples] without a floor, with a lower bound, with an addition."""
    audio, lengths = torch.from_numpy(samples)[None], torch.tensor([len(samples)])
    draws = torch.Generator().manual_seed(0)
    dithered = [
        extractor(audio + dsp.DITHER * torch.randn(audio.shape, generator=draws), lengths)[0]
        for _ in range(DRAWS)
    ]
    mean = torch.stack(dithered).mean(dim=0)
    energies = extractor.mel_energies(audio, lengths, mean.shape[1])

    def distance(floored: Tensor) -> float:
        return float((extractor.logarithm(floored) - mean).square().mean().sqrt())

    noise = extractor.noise
    return distance(energies), distance(energies.maximum(noise)), distance(energies + noise)


if __name__ == "__main__":
    main(sys.argv[1:])
