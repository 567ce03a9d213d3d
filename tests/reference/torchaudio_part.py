"""The part of torchaudio that is plain Python, without its compiled half.

The published wheels load only next to a CUDA build of torch. `pip install --no-deps torchaudio` is enough for
what is compared here: the compiled extension is replaced by an empty one before anything asks for it.
"""

import importlib
import importlib.machinery
import importlib.util
import sys
import types

import pytest


def torchaudio_part(name: str) -> types.ModuleType:
    """Return the module torchaudio.`name`, or skip the test where there is no torchaudio."""
    if "torchaudio" not in sys.modules:
        spec = importlib.util.find_spec("torchaudio")
        if spec is None or spec.submodule_search_locations is None:
            pytest.skip("torchaudio is not installed (pip install --no-deps torchaudio)")
        package = types.ModuleType("torchaudio")
        package.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None, is_package=True)
        package.__path__ = list(spec.submodule_search_locations)
        extension = types.ModuleType("torchaudio._extension")
        extension.__dict__.update(
            _IS_TORCHAUDIO_EXT_AVAILABLE=False,
            _IS_RIR_AVAILABLE=False,
            _IS_ALIGN_AVAILABLE=False,
            fail_if_no_align=lambda function: function,
        )
        sys.modules["torchaudio"] = package
        sys.modules["torchaudio._extension"] = extension
    return importlib.import_module(f"torchaudio.{name}")
