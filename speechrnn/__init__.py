"""speechrnn: speech recognition with recurrent networks and CTC.

    import speechrnn
    print(speechrnn.Transcriber("model.onnx").transcribe("talk.flac").text)

Public names are looked up when they are first used, so `import speechrnn` loads nothing but itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechrnn.audio import read_audio as read_audio
    from speechrnn.decoding.hypothesis import Hypothesis as Hypothesis
    from speechrnn.decoding.hypothesis import Word as Word
    from speechrnn.errors import SpeechRnnError as SpeechRnnError
    from speechrnn.runtime.transcriber import Transcriber as Transcriber
    from speechrnn.runtime.transcript import Transcript as Transcript

_PLACES = {
    "Hypothesis": "speechrnn.decoding.hypothesis",
    "SpeechRnnError": "speechrnn.errors",
    "Transcriber": "speechrnn.runtime.transcriber",
    "Transcript": "speechrnn.runtime.transcript",
    "Word": "speechrnn.decoding.hypothesis",
    "read_audio": "speechrnn.audio",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'speechrnn' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
