import shutil
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.model_folder import TrainedModel, read_model_folder, write_model_folder
from speechrnn.text import BLANK, Vocabulary
from speechrnn.training.checkpoint import RunFolder
from speechrnn.training.model.initialise import (
    Pretrained,
    adopted,
    inherited_pieces,
    load_pretrained,
    model_to_train,
    random_network,
)
from speechrnn.training.model.network_folder import read_network, write_network
from speechrnn.training.run import train
from tests.training.tones import same_weights, tiny_run, tone_request

OLD = Vocabulary("characters", (BLANK, " ", "a", "b", "c"))
NEW = Vocabulary("characters", (BLANK, "c", "d", "a"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder with random weights that writes the old vocabulary."""
    run = tiny_run(seed=5)
    write_network(tmp_path / "model", {"a": 1}, random_network(run, len(OLD)), run.model, OLD)
    return tmp_path / "model"


def test_a_network_comes_back_from_its_folder_as_it_was(folder: Path) -> None:
    network, trained = read_network(folder)
    assert same_weights(network.state_dict(), random_network(tiny_run(seed=5), len(OLD)).state_dict())
    assert (trained.vocabulary, trained.card) == (OLD, {"a": 1})


def test_the_seed_decides_the_weights() -> None:
    one, same, other = (random_network(tiny_run(seed=seed), 6).state_dict() for seed in (1, 1, 2))
    assert same_weights(one, same)
    assert not same_weights(one, other)


def test_tokens_that_both_models_have_keep_their_rows(folder: Path) -> None:
    old, _ = read_network(folder)
    fresh = random_network(tiny_run(), len(NEW))
    network = random_network(tiny_run(), len(NEW))
    assert load_pretrained(network, NEW, Pretrained(folder, read_model_folder(folder))) == ["d"]
    for row, symbol in enumerate(NEW.symbols):
        source = fresh.head if symbol == "d" else old.head
        place = row if symbol == "d" else OLD.symbols.index(symbol)
        assert torch.equal(network.head.weight[row], source.weight[place])
        assert torch.equal(network.head.bias[row], source.bias[place])
    assert same_weights(network.encoder.state_dict(), old.encoder.state_dict())


def test_a_trained_model_brings_its_shape_but_neither_its_dropout_nor_its_phases(folder: Path) -> None:
    start = Pretrained(folder, read_model_folder(folder))
    model = tiny_run().model
    wanted = config.Model(encoder=config.Encoder(dropout=0.5, phases=1))
    assert adopted(wanted, start) == replace(model, encoder=replace(model.encoder, dropout=0.5, phases=1))
    assert adopted(model, start) == model


def test_another_shape_that_was_asked_for_is_refused_by_naming_the_flag(folder: Path) -> None:
    model = tiny_run().model
    wider = replace(model, encoder=replace(model.encoder, width=30))
    with pytest.raises(SpeechRnnError, match=r"--model\.encoder\.width 24, not 30"):
        adopted(wider, Pretrained(folder, read_model_folder(folder)))


PIECES = Vocabulary("bpe", (BLANK, "▁a", "ab", "▁", "a", "b"))


@pytest.fixture
def start(tmp_path: Path) -> Pretrained:
    """A trained model that writes pieces."""
    model = replace(tiny_run().model, units=config.Units("bpe", len(PIECES) - 1))
    write_network(tmp_path / "pieces", {}, random_network(tiny_run(), len(PIECES)), model, PIECES)
    return Pretrained(tmp_path / "pieces", read_model_folder(tmp_path / "pieces"))


@pytest.mark.parametrize(
    ("units", "text", "inherited"),
    [
        (config.Units(), "ab a", True),
        (config.Units("bpe", 5), "ab a", True),
        (config.Units("bpe", 4), "ab a", False),
        (config.Units(), "ab c", False),
    ],
)
def test_pieces_are_inherited_where_they_can_write_the_text(start, units, text, inherited) -> None:
    assert inherited_pieces(units, start, [text]) == (PIECES if inherited else None)
    if not (units.kind == "bpe" and not inherited):
        model, vocabulary = model_to_train(config.Model(units=units), start, [text])
        assert model.units == (start.trained.model.units if inherited else units)
        assert (vocabulary == PIECES) == inherited


def test_characters_are_learnt_anew(folder: Path) -> None:
    begun = Pretrained(folder, read_model_folder(folder))
    model, vocabulary = model_to_train(config.Model(), begun, ["ad"])
    assert (model.units, vocabulary.symbols) == (config.Units(), (BLANK, " ", "a", "d"))


def test_weights_of_another_configuration_are_refused(folder: Path, tmp_path: Path) -> None:
    trained = read_model_folder(folder)
    weights = {name: array for name, array in trained.weights.items() if name != "head.bias"}
    write_model_folder(tmp_path / "lacking", TrainedModel(trained.model, trained.vocabulary, weights))
    with pytest.raises(SpeechRnnError, match=r"head\.bias is missing"):
        read_network(tmp_path / "lacking")


def test_fine_tuning_starts_where_the_model_is(tones: Path, tmp_path: Path) -> None:
    first = tone_request(tones, tmp_path / "first")
    train(first, lambda text: None)
    still = replace(tiny_run().optimisation, peak_rate=0.0)
    second = tone_request(tones, tmp_path / "second", tiny_run(updates=1, optimisation=still))
    told: list[str] = []
    train(replace(second, init=RunFolder(first.to).model), told.append)
    one, _ = read_network(RunFolder(first.to).model)
    other, _ = read_network(RunFolder(second.to).model)
    for name, value in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value)
    assert any("tokens it did not have: none" in line for line in told)


def test_a_fine_tuning_continues_without_the_model_it_came_from(tones: Path, tmp_path: Path) -> None:
    first = tone_request(tones, tmp_path / "first")
    train(first, lambda text: None)
    second = replace(tone_request(tones, tmp_path / "second"), init=RunFolder(first.to).model)
    train(second, lambda text: None)
    shutil.rmtree(first.to)
    assert train(second, lambda text: None) is None
