"""What a command says about compiling is no part of its tests: it depends on what was compiled before."""

import pytest

from speechrnn import compiled


@pytest.fixture(autouse=True)
def nothing_is_said_about_compiling(monkeypatch):
    monkeypatch.setattr(compiled._announcement, "made", True)
