from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def decoded_audio_is_not_kept(own_cache: None) -> None:
    """All of these tests train."""


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the corpus of tones."""
    return tmp_path_factory.mktemp("tones")
