import pytest

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.training.optimisation.muon import Muon
from speechrnn.training.optimisation.update import optimisers
from tests.training.optimisation.test_gradients import network_of_tones


def test_matrices_take_orthogonal_steps_and_biases_and_gains_do_not_decay() -> None:
    network = network_of_tones()
    muon, adamw = optimisers(list(network.parameters()), config.Optimisation(weight_decay=0.1))
    assert isinstance(muon, Muon)
    (matrices,), (kernels, others) = muon.param_groups, adamw.param_groups
    assert [group["weight_decay"] for group in (matrices, kernels, others)] == [0.1, 0.1, 0.0]
    names = {id(p): name for name, p in network.named_parameters()}
    assert all("convolutions" in names[id(p)] for p in kernels["params"])
    assert all("bias" in names[id(p)] or "norm" in names[id(p)] for p in others["params"])
    assert sum(len(group["params"]) for group in (matrices, kernels, others)) == len(names)
