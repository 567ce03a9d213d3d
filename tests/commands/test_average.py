"""`speechrnn average`: two model folders become a third, or one line says why not."""

import numpy as np
import pytest

from speechrnn import config
from speechrnn.commands import main
from speechrnn.model_folder import TrainedModel, read_model_folder, write_model_folder
from tests.export.made_up import SMALL, made_up_folder

pytest.importorskip("torch")


@pytest.fixture
def folders(tmp_path):
    """Two models, the second with weights that are three times those of the first."""
    model = config.Model(config.FrontEnd(bins=16), SMALL)
    one = made_up_folder(tmp_path / "one", model)
    found = read_model_folder(one)
    thrice = {name: 3 * weight for name, weight in found.weights.items()}
    write_model_folder(tmp_path / "two", TrainedModel(found.model, found.vocabulary, thrice))
    return [one, tmp_path / "two"]


def test_the_mean_is_a_model_folder_like_the_others(folders, tmp_path, capsys):
    to = tmp_path / "new" / "mean"
    assert main(["average", *map(str, folders), "--to", str(to)]) == 0
    assert capsys.readouterr().out == f"{to}: the mean of {folders[0]}, {folders[1]}\n"
    first, mean = read_model_folder(folders[0]), read_model_folder(to)
    for name, weight in first.weights.items():
        np.testing.assert_allclose(mean.weights[name], 2 * weight, rtol=1e-6)
    assert main(["export", str(to), "--to", str(tmp_path / "mean.onnx")]) == 0


@pytest.mark.parametrize("which", [[0], [0, 0]], ids=["one", "the same twice"])
def test_a_single_model_is_refused_and_nothing_written(folders, tmp_path, capsys, which):
    to = tmp_path / "mean"
    assert main(["average", *(str(folders[number]) for number in which), "--to", str(to)]) == 2
    assert capsys.readouterr().err.startswith("speechrnn: 1 model to average; name two")
    assert not to.exists()


def test_a_folder_that_is_none_is_named(folders, tmp_path, capsys):
    assert main(["average", str(folders[0]), str(tmp_path / "no"), "--to", str(tmp_path / "mean")]) == 2
    assert capsys.readouterr().err.startswith(f"speechrnn: {tmp_path / 'no'}: is not a model folder")
