"""Training learns: a handful of utterances by heart, and a language of tones for utterances never heard."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.training.model.ctc import blank_frames, summed_loss
from speechrnn.training.model.initialise import random_network
from speechrnn.training.optimisation.distributed import Ranks
from speechrnn.training.optimisation.task import Task
from speechrnn.training.optimisation.update import Updates
from speechrnn.training.run import train
from tests.training.tones import tiny_run, tone_batch, tone_request

TASK = Task(
    loss=summed_loss, watched={"blanks": blank_frames}, metric=lambda network: {}, rate=16000, criterion="wer"
)


def test_a_handful_of_utterances_is_learnt_by_heart() -> None:
    encoder = replace(tiny_run().model.encoder, dropout=0.0)
    run = tiny_run(
        updates=200,
        model=replace(tiny_run().model, encoder=encoder),
        augmentation=config.Augmentation(frequency_masks=0, time_mask_share=0.0),
    )
    network = random_network(run, tokens=6)
    updates = Updates(run, "fp32", 1, network, TASK, Ranks(0, 1, torch.device("cpu")))
    batch = tone_batch(4)
    losses = [updates([batch]).loss for _ in range(run.updates)]
    assert losses[-1] < 0.05 * losses[0]


@pytest.mark.slow
def test_a_language_is_learnt_for_utterances_never_heard(tones: Path, tmp_path: Path) -> None:
    augmentation = config.Augmentation(noise_share=0.0, reverb_share=0.0, mask_after_updates=10**6)
    run = tiny_run(updates=200, evaluate_every=200, augmentation=augmentation)
    train(tone_request(tones, tmp_path / "run", run), lambda text: None)
    history = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
    assert json.loads(history[-1])["valid/cer"] < 0.1
