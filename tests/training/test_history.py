import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from speechrnn.training.history import HISTORY_FILE, TENSORBOARD_FOLDER, History


def lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / HISTORY_FILE).read_text().splitlines()]


def test_each_line_is_an_object_with_its_update(tmp_path: Path) -> None:
    with History(tmp_path, 0, 20) as history:
        history.line(10, {"loss": 1 / 3})
        history.line(20, {"loss": 0.25, "valid/wer": 0.5})
    assert [(line["update"], line["loss"]) for line in lines(tmp_path)] == [(10, 0.333333), (20, 0.25)]


@pytest.mark.parametrize("cut", ["", '{"update": 30, "lo', '{"update": 15}'])
def test_continuing_drops_what_came_after_the_state_and_a_line_cut_short(tmp_path: Path, cut: str) -> None:
    with History(tmp_path, 0, 40) as history:
        for update in (10, 20, 30):
            history.line(update, {"loss": 1.0})
    with (tmp_path / HISTORY_FILE).open("a") as file:
        file.write(cut)
    with History(tmp_path, 20, 40) as history:
        history.line(30, {"loss": 2.0})
    assert [(line["update"], line["loss"]) for line in lines(tmp_path)] == [(10, 1.0), (20, 1.0), (30, 2.0)]


def test_tensorboard_holds_the_same_scalars(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with History(tmp_path, 0, 20) as history:
        history.line(10, {"loss": 0.5, "gradient_norm/head": 2.0})
        history.line(20, {"loss": 0.25, "gradient_norm/head": 1.0})
    events = accumulator.EventAccumulator(str(tmp_path / TENSORBOARD_FOLDER))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(10, 0.5), (20, 0.25)]
    assert [event.value for event in events.Scalars("gradient_norm/head")] == [2.0, 1.0]


def test_the_progress_line_is_not_drawn_where_nobody_watches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with History(tmp_path, 0, 20) as history:
        history.show(10, "loss 0.5")
    assert capsys.readouterr() == ("", "")
