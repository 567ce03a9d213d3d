import copy

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from speechrnn.training.optimisation.averaging import AveragedWeights


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_the_average_follows_the_formula(decay: float) -> None:
    network = nn.Linear(3, 2)
    average = AveragedWeights(network, decay)
    expected = {name: p.detach().double().clone() for name, p in network.named_parameters()}
    for update in range(1, 30):
        with torch.no_grad():
            for p in network.parameters():
                p.add_(torch.randn(p.shape))
        average.follow()
        kept = min(decay, (1 + update) / (10 + update))
        for name, p in network.named_parameters():
            expected[name] = kept * expected[name] + (1 - kept) * p.detach().double()
    for name, value in average.weights.items():
        torch.testing.assert_close(value.double(), expected[name], rtol=1e-5, atol=1e-6)


def test_no_decay_keeps_the_weights_bitwise() -> None:
    network = nn.Linear(3, 2)
    average = AveragedWeights(network, decay=0.0)
    with torch.no_grad():
        network.weight.mul_(1.7)
    average.follow()
    assert torch.equal(average.weights["weight"], network.weight)


def test_the_network_gets_its_own_weights_back_even_after_an_error() -> None:
    network = nn.Linear(3, 2)
    average = AveragedWeights(network, decay=0.9)
    before = copy.deepcopy(network.state_dict())
    average.weights["weight"].fill_(7.0)

    def fails_within() -> None:
        with average.in_place():
            assert bool((network.weight == 7.0).all())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_within()
    assert torch.equal(network.weight, before["weight"])


def test_a_continued_average_goes_on_as_if_nothing_had_happened() -> None:
    network = nn.Linear(3, 2)
    one = AveragedWeights(network, decay=0.9)
    one.follow()
    other = AveragedWeights(nn.Linear(3, 2), decay=0.9)
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    other.network = network
    one.follow()
    other.follow()
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
