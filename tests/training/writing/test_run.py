from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.model_folder import read_model_folder
from speechrnn.text import BLANK, Vocabulary
from speechrnn.training.checkpoint import RunFolder
from speechrnn.training.data.units import Pronouncer
from speechrnn.training.model.network import Network
from speechrnn.training.model.network_folder import read_network
from speechrnn.training.model.writer import Writer
from speechrnn.training.optimisation.update import Updates
from speechrnn.training.run import Request as TrainRequest
from speechrnn.training.run import train
from speechrnn.training.writing.run import Pupil, Request, parts_in_common, teach, units_of, writing_network
from tests.training.tones import hearing_request, tiny_run, tone_request

TEACHING = replace(
    tiny_run(updates=6, evaluate_every=3),
    model=config.Model(encoder=config.Encoder(dropout=0.1), writer=config.Writer(layers=1)),
    batching=config.Batching(seconds=20.0, workers=0),
)


@pytest.fixture(scope="module")
def hearing(tmp_path_factory: pytest.TempPathFactory) -> TrainRequest:
    """A run that has learnt to hear tones."""
    return hearing_request(tmp_path_factory.mktemp("hearing"), updates=200)


def quietly(text: str) -> None:
    pass


def request_of(hearing: TrainRequest, to: Path, **changes: object) -> Request:
    folder = hearing.to.parent
    assert hearing.lexicon is not None
    request = Request(
        run=TEACHING,
        model=RunFolder(hearing.to).model,
        train=hearing.train,
        texts=(folder / "text.txt",),
        lexicon=hearing.lexicon,
        to=to,
        read_model=read_model_folder,
        valid=hearing.valid,
    )
    return replace(request, **changes)  # type: ignore[arg-type]


def weights_in(folder: Path) -> dict[str, np.ndarray]:
    return read_model_folder(RunFolder(folder).model).weights


def test_only_the_writer_learns_and_the_head_for_text_is_gone(hearing: TrainRequest, tmp_path: Path) -> None:
    told: list[str] = []
    assert teach(request_of(hearing, tmp_path / "writer"), told.append) is None
    before, after = weights_in(hearing.to), weights_in(tmp_path / "writer")
    assert {name for name in before if name not in after} == {"head.weight", "head.bias"}
    assert all(name.startswith("writer.") for name in after if name not in before)
    for name in before.keys() & after.keys():
        np.testing.assert_array_equal(after[name], before[name])
    network, trained = read_network(RunFolder(tmp_path / "writer").model)
    assert network.writer is not None
    assert trained.model.writer.layers == 1
    assert any(line.startswith("texts: ") for line in told)


def test_a_writer_learns_to_spell(hearing: TrainRequest, tmp_path: Path) -> None:
    run = replace(TEACHING, updates=300, evaluate_every=300)
    assert teach(request_of(hearing, tmp_path / "writer", run=run), quietly) is None
    card = read_model_folder(RunFolder(tmp_path / "writer").model).card
    assert card["validation"]["cer"] < 0.5


def test_killed_and_taught_on_it_ends_bitwise_as_if_it_never_was(
    hearing: TrainRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = replace(TEACHING, save_minutes=0.0)
    assert teach(request_of(hearing, tmp_path / "whole", run=run), quietly) is None
    killed = request_of(hearing, tmp_path / "killed", run=run)
    whole: Callable[..., object] = Updates.__call__

    def dying(self: Updates, *batches: object) -> object:
        if self.done == 4:
            raise KeyboardInterrupt
        return whole(self, *batches)

    with monkeypatch.context() as patch:
        patch.setattr(Updates, "__call__", dying)
        with pytest.raises(KeyboardInterrupt):
            teach(killed, quietly)
    assert teach(killed, quietly) is None
    expected = weights_in(tmp_path / "whole")
    for name, weight in weights_in(tmp_path / "killed").items():
        np.testing.assert_array_equal(weight, expected[name])


def test_a_run_on_other_texts_is_refused(hearing: TrainRequest, tmp_path: Path) -> None:
    request = request_of(hearing, tmp_path / "writer")
    assert teach(request, quietly) is None
    (tmp_path / "other.txt").write_text("a b\n")
    with pytest.raises(SpeechRnnError, match="holds a run on other utterances or texts"):
        teach(replace(request, texts=(tmp_path / "other.txt",)), quietly)
    with pytest.raises(SpeechRnnError, match=r"missing\.txt"):
        teach(replace(request, texts=(tmp_path / "missing.txt",)), quietly)


def test_a_model_that_hears_no_sounds_is_refused(tmp_path: Path, hearing: TrainRequest) -> None:
    deaf = tone_request(hearing.to.parent, tmp_path / "deaf", tiny_run(updates=1))
    train(deaf, quietly)
    with pytest.raises(SpeechRnnError, match="hears no sounds; train it with --lexicon"):
        teach(request_of(hearing, tmp_path / "writer", model=RunFolder(deaf.to).model), quietly)


def test_batches_without_a_size_are_refused(hearing: TrainRequest, tmp_path: Path) -> None:
    run = replace(TEACHING, batching=config.Batching(seconds=0.0, workers=0))
    with pytest.raises(SpeechRnnError, match=r"--batching\.seconds 0"):
        teach(request_of(hearing, tmp_path / "writer", run=run), quietly)


def test_training_goes_on_from_a_model_with_a_writer_and_needs_no_lexicon(
    hearing: TrainRequest, tmp_path: Path
) -> None:
    assert teach(request_of(hearing, tmp_path / "writer"), quietly) is None
    start = RunFolder(tmp_path / "writer").model
    request = replace(tone_request(hearing.to.parent, tmp_path / "further", tiny_run(updates=2)), init=start)
    told: list[str] = []
    assert train(request, told.append) is None
    assert any(line.endswith("tokens it did not have: none") for line in told)
    before, after = weights_in(tmp_path / "writer"), weights_in(tmp_path / "further")
    assert before.keys() == after.keys()
    assert all((before[name] != after[name]).any() for name in before if "weight_hh" in name)


def test_a_writer_is_taught_further_and_of_its_head_the_pieces_that_stay() -> None:
    model = config.Model(config.FrontEnd(), config.Encoder(layers=1, width=4, channels=2), config.Writer(1))
    torch.manual_seed(7)
    listener = Network(model, 3, config.Augmentation(), sounds=4)
    theirs, ours = (Vocabulary("characters", (BLANK, *symbols)) for symbols in ("ab", "cb"))
    network = writing_network(listener, replace(TEACHING, model=model), ours, theirs)
    before, after = listener.state_dict(), network.state_dict()
    changed = {name for name, weight in after.items() if not torch.equal(weight, before[name])}
    assert changed == {"writer.head.weight", "writer.head.bias"}
    same_rows = (after["writer.head.weight"] == before["writer.head.weight"]).all(dim=1)
    assert same_rows.tolist() == [True, False, True]


def test_a_head_of_another_width_begins_anew() -> None:
    model = config.Model(config.FrontEnd(), config.Encoder(layers=1, width=4, channels=2), config.Writer(1))
    wider = replace(model, writer=config.Writer(1, bottleneck=model.writer.bottleneck + 1))
    listener = Network(model, 3, config.Augmentation(), sounds=4)
    letters = Vocabulary("characters", (BLANK, "a", "b"))
    network = writing_network(listener, replace(TEACHING, model=wider), letters, letters)
    assert torch.equal(network.writer.projection.weight, listener.writer.projection.weight)
    assert network.text_head().in_features == wider.writer.bottleneck


@pytest.mark.parametrize("words", [0, 60])
def test_a_text_too_small_for_its_pieces_gets_fewer_and_room_for_its_letters(words: int) -> None:
    said = {word: (tuple(word.upper()),) for word in ("abcdefgh", "hgfedcba", "abba", "dada", "cab")}
    pronouncer = Pronouncer(Vocabulary("sounds", (BLANK, *"ABCDEFGH")), said)
    vocabulary = units_of([" ".join(said)], pronouncer, config.Units("bpe", pieces=64, words=words))
    assert {"▁", *"abcdefgh"} <= {*vocabulary.symbols}
    assert len(vocabulary) - 1 in (16, 32)


def test_what_learns_with_parts_writes_the_same_without_them_afterwards() -> None:
    model = config.Model(config.FrontEnd(), config.Encoder(layers=1, width=4, channels=2), config.Writer(1))
    vocabulary = Vocabulary("bpe", (BLANK, "▁ab", "▁abc", "▁bc"))
    writer = Writer(model, 3, len(vocabulary))
    known = [0, 1, 3]
    rows = writer.head.weight.detach().clone()
    pupil = Pupil(writer, parts_in_common(writer, vocabulary, {"abc": (("A", "B", "C"),)}, known))
    heard, frames = torch.randn(2, 5, 3).log_softmax(-1), torch.tensor([5, 3])
    with torch.no_grad():
        learning = pupil(heard, frames)[0]
        pupil.fold()
        torch.testing.assert_close(writer.scores(heard, frames), learning)
    torch.testing.assert_close(writer.head.weight.detach()[known], rows[known])
    assert not torch.allclose(writer.head.weight[2], rows[2])


def test_a_writer_without_sounds_is_refused(hearing: TrainRequest, tmp_path: Path) -> None:
    run = replace(tiny_run(), model=replace(tiny_run().model, writer=config.Writer(layers=1)))
    request = tone_request(hearing.to.parent, tmp_path / "run", run)
    with pytest.raises(SpeechRnnError, match="a writer reads sounds; give --lexicon as well"):
        train(request, quietly)
