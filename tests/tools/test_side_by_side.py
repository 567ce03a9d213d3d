"""Things timed side by side: who is called when, and what the ratios are."""

from tools.side_by_side import Rates, side_by_side


def test_every_round_is_prepared_before_its_ways_which_change_direction():
    calls: list[str] = []

    def called(name: str) -> float:
        calls.append(name)
        return 1.0

    ways = {name: lambda name=name: called(name) for name in ("loop", "bare")}
    side_by_side(ways, rounds=2, prepare=lambda: calls.append("prepare"))
    warm_up, first, second = ["loop", "bare"], ["prepare", "loop", "bare"], ["prepare", "bare", "loop"]
    assert calls == [*warm_up, *first, *second]


def test_the_ratio_is_the_middle_one_of_the_rounds():
    rates = Rates({"loop": [1.0, 2.0, 5.0], "bare": [2.0, 3.0, 5.0]})
    assert rates.times_slower("loop", "bare") == 1.5
    assert rates.middle("loop") == 2.0
