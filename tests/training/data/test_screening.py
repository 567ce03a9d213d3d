import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.manifest import Utterance
from speechrnn.training.augmentation.waveforms import at_speed
from speechrnn.training.data.batch import Example, stack
from speechrnn.training.data.screening import Reason, screen_for_evaluation, screen_for_training
from speechrnn.training.data.units import learn
from speechrnn.training.model.ctc import summed_loss
from speechrnn.training.model.network import Network

RATE = 16000
SPELLER = learn(["ab c"], config.Units())


class Silence:
    """As much silence as the manifest says, but for ids that tell of a problem."""

    sample_rate = RATE

    def samples(self, utterance: Utterance) -> int:
        return round(utterance.duration * RATE)

    def problem(self, utterance: Utterance) -> str | None:
        return "file.wav: breaks off at 0.5 s" if utterance.id.startswith("broken") else None

    def read(self, utterance: Utterance) -> np.ndarray:
        return np.zeros(self.samples(utterance), np.float32)


def utterance(name: str, text: str = "abc", duration: float = 1.0) -> Utterance:
    return Utterance(Path("file.wav"), text, duration, id=name)


def run(stride: int = 3, speeds: tuple[float, ...] = (0.9, 1.0, 1.1), longest: float = 20.0) -> config.Run:
    encoder = config.Encoder(stride=stride, layers=1, width=4, channels=2, cell="none")
    return config.Run(
        model=config.Model(encoder=encoder),
        augmentation=config.Augmentation(speeds=speeds),
        batching=config.Batching(max_utterance_seconds=longest),
    )


def can_be_aligned(samples: np.ndarray, text: str, model: config.Model) -> bool:
    """Whether some alignment has a probability at all, asked of the network and the loss themselves."""
    batch = stack([Example(samples, SPELLER.encode(text), 0, "one")])
    network = Network(model, len(SPELLER.vocabulary), config.Augmentation()).eval()
    with torch.inference_mode():
        log_probs, frames = network(batch.audio, batch.lengths)
    return not math.isinf(summed_loss(log_probs, frames, batch).item())


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 6, 8])
@given(
    text=st.text("abc ", min_size=1, max_size=12), duration=st.floats(0.05, 0.6), speed=st.floats(1.0, 1.3)
)
@settings(max_examples=15, deadline=None)
def test_a_text_stays_exactly_when_it_can_be_aligned_at_the_fastest_speed(stride, text, duration, speed):
    one = utterance("one", text, duration)
    settings = run(stride, speeds=(0.9, speed))
    screening = screen_for_training([one], Silence(), SPELLER, settings)
    fastest = at_speed(Silence().read(one), speed, RATE)
    assert bool(screening.kept) == can_be_aligned(fastest, text, settings.model)


def test_each_reason_is_told_with_count_and_first_few():
    utterances = [
        utterance("good"),
        utterance("no text", text=""),
        utterance("other alphabet", text="жш"),
        *(utterance(f"broken {n}") for n in range(5)),
        utterance("no sound", duration=0.0),
        utterance("long", duration=20.5),
        utterance("fast", text="abc" * 20),
        utterance("long enough", duration=20.0),
    ]
    screening = screen_for_training(utterances, Silence(), SPELLER, run())
    assert [kept.id for kept in screening.kept] == ["good", "long enough"]
    assert screening.warning() == (
        "left out 2 of 12 utterances without text: no text (''), other alphabet ('жш')\n"
        "left out 5 of 12 utterances with broken audio: broken 0 (file.wav: breaks off at 0.5 s), "
        "broken 1 (file.wav: breaks off at 0.5 s), broken 2 (file.wav: breaks off at 0.5 s), ...\n"
        "left out 1 of 12 utterances without samples: no sound (file.wav)\n"
        "left out 1 of 12 utterances longer than --batching.max-utterance-seconds: long (20.5 s)\n"
        "left out 1 of 12 utterances with more tokens than CTC can align to their frames: "
        "fast (needs 60, has 31)"
    )


def test_nothing_is_said_where_nothing_is_left_out():
    assert screen_for_training([utterance("good")], Silence(), SPELLER, run()).warning() is None


def test_measuring_leaves_out_only_what_cannot_be_heard():
    utterances = [
        utterance("no text", text=""),
        utterance("long", duration=99.0),
        utterance("fast", text="abc" * 20),
        utterance("broken"),
        utterance("no sound", duration=0.0),
    ]
    screening = screen_for_evaluation(utterances, Silence())
    assert [kept.id for kept in screening.kept] == ["no text", "long", "fast"]
    assert [(left.id, left.reason) for left in screening.left_out] == [
        ("broken", Reason.BROKEN),
        ("no sound", Reason.NO_SOUND),
    ]
