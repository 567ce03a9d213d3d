from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.decoding.greedy import greedy
from speechrnn.manifest import Utterance
from speechrnn.text import BLANK, Vocabulary
from speechrnn.training.data.batch import Batch, Example, stack
from speechrnn.training.evaluation import results_by_id, score_transcripts
from speechrnn.training.model.network import Network
from speechrnn.training.optimisation.distributed import Ranks
from speechrnn.training.validation import BLANK_BACK, WAYS, hold_back, transcripts, validate

VOCABULARY = Vocabulary("characters", (BLANK, " ", "a", "b"))
PIECES = Vocabulary("bpe", (BLANK, "▁a", "b", "▁ab"))
SOUNDS = Vocabulary("sounds", (BLANK, "AH", "B"))
ALONE = Ranks(0, 1, torch.device("cpu"))


def network_of(writer: int, blank: float, seed: int = 0) -> Network:
    """A small random network whose blanks have an advantage of `blank`."""
    torch.manual_seed(seed)
    model = config.Model(
        encoder=config.Encoder(layers=1, width=8, stride=2, channels=2), writer=config.Writer(writer)
    )
    network = Network(model, len(VOCABULARY), config.Augmentation(), sounds=len(SOUNDS) if writer else 0)
    hold_back(network, VOCABULARY, -blank, 0.0)
    return network


def noise(count: int) -> list[Batch]:
    random = np.random.default_rng(0)
    return [
        stack([Example(0.1 * random.standard_normal(4000, np.float32), [2], seed=0, id=f"{number}")])
        for number in range(count)
    ]


def spoken(texts: dict[str, str]) -> list[Utterance]:
    return [Utterance(Path("a.wav"), text, 1.0, id=name) for name, text in texts.items()]


def greedily(network: Network, batches: list[Batch]) -> dict[str, str]:
    def write(log_probs: np.ndarray) -> str:
        return greedy(log_probs[:, : len(VOCABULARY)], VOCABULARY, 1.0).text

    return results_by_id(network, batches, write, ALONE, threads=1)


@pytest.mark.parametrize("writer", [0, 1], ids=["encoder", "writer"])
@pytest.mark.parametrize("amount", BLANK_BACK)
def test_what_was_measured_is_what_the_network_then_writes(writer: int, amount: float) -> None:
    batches = noise(3)
    truth = greedily(network_of(writer, blank=0.0), batches)
    assert all(truth.values())
    network = network_of(writer, blank=amount)
    utterances = spoken(truth)
    figures = validate(network, batches, utterances, VOCABULARY, ALONE, threads=1)
    score = score_transcripts(utterances, greedily(network, batches))
    assert figures == {"wer": score.wer, "cer": score.cer}
    assert score.wer == 0  # the advantage is found, or one that writes the same


def test_of_equal_ones_the_least_is_held_back() -> None:
    network = network_of(writer=0, blank=100.0)
    before = network.text_head().bias.clone()
    validate(network, noise(2), spoken({"0": "a", "1": "b"}), VOCABULARY, ALONE, threads=1)
    assert torch.equal(network.text_head().bias, before)


@pytest.mark.parametrize("writer", [0, 1])
def test_nothing_but_the_blank_and_continuing_pieces_of_the_text_is_held_back(writer: int) -> None:
    network = network_of(writer, blank=0.0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    hold_back(network, PIECES, 0.5, 0.25)
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    head = "writer.head.bias" if writer else "head.bias"
    assert changed == {head}
    assert (before[head] - network.state_dict()[head]).tolist() == pytest.approx([0.5, 0, 0.25, 0])


@pytest.mark.parametrize("vocabulary", [VOCABULARY, PIECES], ids=["letters", "pieces"])
@given(seed=st.integers(0, 10**6), frames=st.integers(0, 12))
@settings(max_examples=50, deadline=None)
def test_transcripts_are_those_of_lowered_blanks_and_pieces(
    vocabulary: Vocabulary, seed: int, frames: int
) -> None:
    logits = np.random.default_rng(seed).standard_normal((frames, 7)).astype(np.float32)
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    given_before = log_probs.copy()
    texts = transcripts(log_probs, vocabulary)
    for (blank, continuing), text in zip(WAYS, texts, strict=True):
        held = [blank, 0, continuing if vocabulary is PIECES else 0, 0]
        assert text == greedy(log_probs[:, :4] - np.array(held, np.float32), vocabulary, 1.0).text
    assert np.array_equal(log_probs, given_before)
