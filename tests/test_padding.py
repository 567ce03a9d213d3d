"""The contract of padding: alone or in any batch, every utterance gives the same output.

Held for whole models, waveform to log-probabilities, in PyTorch as trained and as used, and in the exported
graph, which also gives what PyTorch gives. The parts have tests of their own, with more of their settings.
"""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")

from speechrnn import config
from speechrnn.export.assemble import assemble
from speechrnn.model_folder import TrainedModel
from speechrnn.training.model.network import Network
from tests.export.made_up import SOUNDS, VOCABULARY, trained_model
from tests.reference.features import speech_like

SETTINGS = {
    "kind": ("logmel", "mfcc"),
    "convention": ("kaldi", "librosa", "torchaudio", "nemo"),
    "normalisation": ("utterance", "global", "none"),
    "deltas": (0, 1, 2),
    "cell": ("lstm", "gru", "rnn", "none"),
    "stride": (1, 2, 3, 4, 6, 8),
    "phases": (1, 2),
    "bidirectional": (True, False),
    "heads": ("text", "text and sounds", "writer"),
}
WRITERS = {"writer": config.Writer(layers=2, bottleneck=5)}
RATE = 8000
LENGTHS = (6000, 2345, 401, 80)  # samples; the last are a single frame
SPARE = 777  # more padding than the longest utterance needs
GARBAGE = 0.5  # what the padding holds
ALONE = 1e-5
GRAPH = 1e-4


def pairs_in(values: tuple) -> set:
    """The pairs of settings that a combination of `values` holds, each with its two places."""
    return set(itertools.combinations(enumerate(values), 2))


def every_pair(settings: dict[str, tuple]) -> list[dict]:
    """Combinations in which each value of a setting meets each value of every other: the greedy way."""
    candidates = list(itertools.product(*settings.values()))
    missing = set().union(*map(pairs_in, candidates))
    chosen = []
    while missing:
        best = max(candidates, key=lambda values: len(pairs_in(values) & missing))
        missing -= pairs_in(best)
        chosen.append(dict(zip(settings, best, strict=True)))
    return chosen


def model_of(values: dict) -> config.Model:
    """A small model of these settings, each of which belongs to the front end or to the encoder."""
    front_end, encoder = (
        {name: value for name, value in values.items() if name in part.__dataclass_fields__}
        for part in (config.FrontEnd, config.Encoder)
    )
    return config.Model(
        config.FrontEnd(sample_rate=RATE, bins=16, **front_end),
        config.Encoder(layers=2, width=6, channels=2, **encoder),
        WRITERS.get(values["heads"], config.Writer()),
    )


def recordings() -> tuple[np.ndarray, np.ndarray]:
    """Utterances [batch, samples] with garbage after them, and their lengths."""
    generator = np.random.default_rng(0)
    audio = np.full((len(LENGTHS), max(LENGTHS) + SPARE), GARBAGE, np.float32)
    for row, length in zip(audio, LENGTHS, strict=True):
        row[:length] = speech_like(generator, length)
    return audio, np.array(LENGTHS)


def network_in_torch(trained, training: bool):
    """The network as a function on arrays: with all that is random in training, or without."""
    sounds = len(trained.sounds or ())
    network = Network(trained.model, len(VOCABULARY), config.Augmentation(), sounds=sounds).train(training)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in trained.weights.items()})
    seeds = {length: 1000 + row for row, length in enumerate(LENGTHS)}

    def run(audio: np.ndarray, lengths: np.ndarray):
        own = torch.tensor([seeds[length] for length in lengths.tolist()]) if training else None
        with torch.no_grad():
            outputs = network(torch.from_numpy(audio), torch.from_numpy(lengths), own, mask=training)
        return [output.numpy() for output in outputs]

    return run


def network_in_graph(trained):
    """The exported graph as a function on arrays."""
    session = onnxruntime.InferenceSession(assemble(trained).SerializeToString())
    heads = ["log_probs"] if trained.sounds is None else ["log_probs", "sounds"]

    def run(audio: np.ndarray, lengths: np.ndarray):
        *log_probs, frames = session.run([*heads, "frames"], {"audio": audio, "lengths": lengths})
        return np.concatenate(log_probs, axis=-1), frames

    return run


def check_alone_and_together(run, audio: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """Compare each utterance alone with the same one in two batches; return what the first one gives."""
    together, frames = run(audio, lengths)
    some = [2, 0]
    in_company = dict(zip(some, run(audio[some], lengths[some])[0], strict=True))
    for row, (length, count) in enumerate(zip(lengths, frames, strict=True)):
        alone, own_count = run(audio[row : row + 1, :length], lengths[row : row + 1])
        assert own_count[0] == count > 0
        np.testing.assert_allclose(together[row, :count], alone[0, :count], atol=ALONE, rtol=0)
        if row in in_company:
            np.testing.assert_allclose(in_company[row][:count], alone[0, :count], atol=ALONE, rtol=0)
    return [outputs[:count] for outputs, count in zip(together, frames, strict=True)]


@pytest.mark.parametrize(
    "values", every_pair(SETTINGS), ids=lambda values: "-".join(map(str, values.values()))
)
def test_alone_or_in_any_batch_an_utterance_gives_the_same(values) -> None:
    trained = trained_model(model_of(values), sounds=None if values["heads"] == "text" else SOUNDS)
    audio, lengths = recordings()
    check_alone_and_together(network_in_torch(trained, training=True), audio, lengths)
    in_torch = check_alone_and_together(network_in_torch(trained, training=False), audio, lengths)
    in_graph = check_alone_and_together(network_in_graph(trained), audio, lengths)
    for ours, theirs in zip(in_graph, in_torch, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=GRAPH, rtol=0)


def test_the_default_network_keeps_the_contract_at_its_full_size() -> None:
    """With the weights that training starts from; those of the small ones would blow up at this width."""
    torch.manual_seed(0)
    network = Network(config.Model(), len(VOCABULARY), config.Augmentation())
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    trained = TrainedModel(config.Model(), VOCABULARY, weights, {})
    audio, lengths = recordings()
    in_torch = check_alone_and_together(network_in_torch(trained, training=False), audio, lengths)
    in_graph = check_alone_and_together(network_in_graph(trained), audio, lengths)
    for ours, theirs in zip(in_graph, in_torch, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=GRAPH, rtol=0)


def test_every_value_meets_every_other() -> None:
    """Of the slow way to test, all combinations, the fast one leaves out no pair."""
    chosen = [tuple(values.values()) for values in every_pair(SETTINGS)]
    for one, other in itertools.combinations(range(len(SETTINGS)), 2):
        names = list(SETTINGS)
        wanted = set(itertools.product(SETTINGS[names[one]], SETTINGS[names[other]]))
        assert {(values[one], values[other]) for values in chosen} == wanted
    assert len(chosen) < 40


def test_a_network_that_reads_its_padding_is_found_out() -> None:
    """The check itself: without the lengths, the backward direction starts in the padding."""
    trained = trained_model(
        config.Model(config.FrontEnd(sample_rate=RATE), config.Encoder(layers=1, width=6))
    )
    run = network_in_torch(trained, training=False)
    audio, lengths = recordings()

    def careless(audio: np.ndarray, lengths: np.ndarray):
        return run(audio, np.full_like(lengths, audio.shape[1]))

    with pytest.raises(AssertionError):
        check_alone_and_together(careless, audio, lengths)
