"""The machine that trains: in words, for reports, and the settings that fit it.

A recipe says what is particular to its corpus (`config.Run`); what depends on where it runs is decided here.
"""

import dataclasses
import platform
from pathlib import Path

import torch

from speechrnn import config
from speechrnn.cores import cores

GPU_BATCH_SECONDS = 240.0
GPU_WORKERS = 8
GPU_LAYERS = 5


def fit_machine(run: config.Run) -> config.Run:
    """Return `run` as it is for a CPU; for a GPU with more layers, larger batches and more workers.

    A GPU goes over a small corpus hundreds of times: it gets the whole augmentation and dropout.
    """
    if run.device == "cpu" or not torch.cuda.is_available():
        return run
    encoder = dataclasses.replace(run.model.encoder, layers=GPU_LAYERS, dropout=config.Encoder().dropout)
    workers = min(GPU_WORKERS, max(1, cores() - 1))
    return dataclasses.replace(
        run,
        model=dataclasses.replace(run.model, encoder=encoder),
        batching=dataclasses.replace(run.batching, seconds=GPU_BATCH_SECONDS, workers=workers),
        augmentation=config.Augmentation(),
    )


def machine() -> str:
    """Return the processor, the number of cores, the GPU if there is one, and torch's version."""
    processor = platform.processor() or platform.machine()
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        lines = listing.read_text(encoding="utf-8", errors="replace").splitlines()
        processor = next(
            (line.partition(":")[2].strip() for line in lines if "model name" in line), processor
        )
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{cores()} cores of {processor}{gpu}, torch {torch.__version__}"
