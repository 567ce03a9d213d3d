"""What features and augmentation cost, in milliseconds of one core for each second of audio.

Side by side in one run: the front end in PyTorch, in the graph, and as one product with the matrix of the DFT
(the obvious way, which both avoid); then the augmentation of waveforms.

    python tools/benchmark_front_end.py
"""

import time
from collections.abc import Callable

import numpy as np
import onnxruntime
import torch

from speechrnn import config, dsp
from speechrnn.export.front_end import add_front_end
from speechrnn.export.graph import FLOAT, INT64, GraphBuilder
from speechrnn.training.augmentation.waveforms import augment
from speechrnn.training.model.front_end import FeatureExtractor

BATCH, SECONDS, RATE = 8, 12, 16000
RUNS = 15


def main() -> None:
    """Print a line for each way."""
    torch.set_num_threads(1)
    samples = np.random.default_rng(0).normal(0, 0.1, (BATCH, SECONDS * RATE)).astype(np.float32)
    lengths = np.full(BATCH, SECONDS * RATE)
    settings = config.FrontEnd()
    extractor = FeatureExtractor(settings).eval()
    session = graph_session(settings)
    audio, audio_lengths = torch.from_numpy(samples), torch.from_numpy(lengths)
    print(f"{BATCH} x {SECONDS} s of noise, one thread, processor time: median of {RUNS} runs")
    report("front end, PyTorch", lambda: extractor(audio, audio_lengths))
    report("front end, ONNX Runtime", lambda: session.run(None, {"audio": samples, "lengths": lengths}))
    report("spectrum alone as one product, PyTorch", one_product(extractor.analysis, audio))
    report("augmentation of waveforms", augmented(samples))


def report(name: str, run: Callable[[], object]) -> None:
    """Print the median processor time of `run`."""
    times = []
    for _ in range(RUNS + 1):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    print(f"{name:40} {1000 * np.median(times[1:]) / (BATCH * SECONDS):6.3f} ms per audio-second")


def graph_session(settings: config.FrontEnd) -> onnxruntime.InferenceSession:
    """Return a session of a graph that is the front end alone."""
    graph = GraphBuilder()
    features, frames = add_front_end(graph, settings, "audio", "lengths")
    graph.rename(features, "features")
    graph.rename(frames, "frames")
    model = graph.build(
        {"audio": (FLOAT, ["batch", "samples"]), "lengths": (INT64, ["batch"])},
        {"features": (FLOAT, ["batch", "frames", "bins"]), "frames": (INT64, ["batch"])},
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def one_product(analysis: dsp.Analysis, audio: torch.Tensor) -> Callable[[], object]:
    """Return the mel energies by a product of all frames with the windowed DFT, to be run."""
    spectrum = np.fft.rfft(np.diag(analysis.window), analysis.fft)
    matrix = torch.from_numpy(np.concatenate([spectrum.real, spectrum.imag], axis=1).astype(np.float32))
    mel = torch.from_numpy(np.tile(analysis.mel, (2, 1)))
    frames = audio.unfold(1, analysis.samples, analysis.hop)
    return lambda: (frames @ matrix).square() @ mel


def augmented(samples: dsp.Array) -> Callable[[], object]:
    """Return the augmentation of each recording, drawn anew each time, to be run."""
    settings = config.Augmentation()
    seeds = iter(range(10**6))
    return lambda: [augment(row, next(seeds), settings, RATE) for row in samples]


if __name__ == "__main__":
    main()
