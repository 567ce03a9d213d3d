"""Several processes on gloo, started by torchrun as a user would, against one process."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from speechrnn.errors import SpeechRnnError
from speechrnn.model_folder import read_model_folder
from speechrnn.training.checkpoint import RunFolder, read_state
from speechrnn.training.optimisation.distributed import join
from speechrnn.training.run import Request, train
from tests.training.tones import tiny_run, tone_request

ROOT = Path(__file__).parents[3]
# Ranks add float32 gradients in another order than one process does, and Adam's step, which divides by the
# gradient's own size, makes much of a rounding error where a gradient is nearly zero.
TOLERANCE = 1e-4


def train_with_torchrun(request: Request, stop_after: int | None = None) -> subprocess.CompletedProcess[str]:
    """Train as requested in two processes; with `stop_after` one of them gets a SIGTERM after that update."""
    program = request.to.with_suffix(".py")
    program.write_text(
        f"""
import os, signal
from pathlib import Path
from speechrnn.training.run import train
from speechrnn.training.optimisation.update import Updates
from tests.training.tones import tiny_run, tone_request

whole = Updates.__call__

def signalled(self, batches):
    if self.done + 1 == {stop_after} and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGTERM)
    return whole(self, batches)

Updates.__call__ = signalled
run = tiny_run(threads=1)
train(tone_request(Path({str(request.train[0].parent)!r}), Path({str(request.to)!r}), run), print)
"""
    )
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(program)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def weights(request: Request) -> dict[str, np.ndarray]:
    return read_model_folder(RunFolder(request.to).model).weights


def largest_difference(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    return max(float(np.abs(value - other[name]).max()) for name, value in one.items())


def moved(request: Request, tones: Path) -> float:
    """How far training has moved the weights, for scale."""
    start = replace(request, to=request.to.with_name("start"), run=replace(request.run, updates=1))
    train(start, lambda text: None)
    return largest_difference(weights(start), weights(request))


def test_two_processes_train_the_network_that_one_does_also_when_stopped_between(
    tones: Path, tmp_path: Path
) -> None:
    alone = tone_request(tones, tmp_path / "alone", tiny_run(threads=1))
    train(alone, lambda text: None)
    together = tone_request(tones, tmp_path / "together", tiny_run(threads=1))
    stopped = train_with_torchrun(together, stop_after=4)
    assert stopped.returncode == 0, stopped.stderr
    assert read_state(RunFolder(together.to).state)["updates"]["done"] == 4
    continued = train_with_torchrun(together)
    assert continued.returncode == 0, continued.stderr
    assert continued.stdout.count("continuing") == 1  # rank 0 alone speaks
    difference = largest_difference(weights(together), weights(alone))
    assert difference < TOLERANCE < 0.1 * moved(alone, tones)


def test_a_process_alone_is_a_group_of_one() -> None:
    ranks = join("cpu")
    assert (ranks.rank, ranks.world, ranks.device.type, ranks.first) == (0, 1, "cpu", True)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SpeechRnnError, match="--device cuda"):
        join("cuda")
    assert join("auto").device.type == "cpu"
