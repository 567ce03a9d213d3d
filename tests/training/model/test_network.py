"""The whole network: how it looks at a recording once it is trained."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.training.model.network import Network
from tests.export.made_up import SMALL

RATE, TOKENS = 8000, 9
LENGTHS = (6000, 2345, 80)


def networks(stride: int) -> tuple[Network, Network]:
    """One that looks in one phase and one that looks in two, of the same weights."""
    torch.manual_seed(0)
    one, two = (
        Network(
            config.Model(
                config.FrontEnd(sample_rate=RATE, bins=16),
                dataclasses.replace(SMALL, stride=stride, phases=phases),
            ),
            TOKENS,
            config.Augmentation(),
        ).eval()
        for phases in (1, 2)
    )
    two.load_state_dict(one.state_dict())
    return one, two


def recordings() -> tuple[torch.Tensor, torch.Tensor]:
    audio = torch.zeros(len(LENGTHS), max(LENGTHS))
    for row, length in enumerate(LENGTHS):
        audio[row, :length] = 0.1 * torch.randn(length, generator=torch.Generator().manual_seed(row))
    return audio, torch.tensor(LENGTHS)


def looked_at(network: Network, features: torch.Tensor) -> np.ndarray:
    """Probabilities [frames, tokens] of one utterance, all of whose frames count."""
    hidden, _ = network.encoder(features[None], torch.tensor([len(features)]))
    return network.heard(hidden)[0].exp().detach().numpy().astype(np.float64)


@pytest.mark.parametrize(("stride", "earlier"), [(2, 1), (3, 1), (4, 1), (6, 2), (8, 3)])
def test_two_phases_are_the_geometric_mean_of_two_looks(stride: int, earlier: int) -> None:
    one, two = networks(stride)
    audio, lengths = recordings()
    features, frames = one.front_end(audio, lengths)
    found, found_frames = two(audio, lengths)
    assert torch.equal(found_frames, one(audio, lengths)[1])
    for row, (count, out) in enumerate(zip(frames.tolist(), found_frames.tolist(), strict=True)):
        own = features[row, :count]
        later = torch.cat([torch.zeros(earlier, own.shape[1]), own])
        product = np.sqrt(looked_at(one, own)[:out] * looked_at(one, later)[:out])
        wanted = product / product.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found[row, :out].exp().detach().numpy(), wanted, atol=1e-5)


def test_training_looks_once() -> None:
    one, two = networks(stride=6)
    audio, lengths = recordings()
    seeds = torch.arange(len(LENGTHS))
    for network in (one, two):
        network.train()
    assert torch.equal(two(audio, lengths, seeds)[0], one(audio, lengths, seeds)[0])
