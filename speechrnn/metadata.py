"""What a model file says about itself: the JSON under the key `speechrnn` of an `.onnx`.

`export` writes it, `runtime` and `info` read it. Everything that running needs besides the graph is here
(alphabet, rates, configuration), so one file is the whole model. `FORMAT` is the version that every file of
ours carries; it rises when an older program would misread a newer file.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from speechrnn.config import Model
from speechrnn.errors import SpeechRnnError
from speechrnn.text import Vocabulary

FORMAT = 1
METADATA_KEY = "speechrnn"


@dataclass(frozen=True)
class Metadata:
    """All that an `.onnx` holds besides its graph."""

    format: int
    """Version of the file format."""
    vocabulary: Vocabulary
    """Tokens in the order of the last axis of `log_probs`, blank first."""
    sample_rate: int
    """Samples per second of the input `audio`."""
    frame_rate: float
    """Frames per second of the output `log_probs`."""
    receptive_field: int
    """Samples under one frame before the recurrent layers, which see the whole recording."""
    precision: Literal["fp32", "int8"]
    """Number format of the weights."""
    configuration: Model
    """The configuration of front end, encoder and tokens."""
    card: dict[str, Any]
    """The model card: where the model comes from, how good it is, what it is not good for."""
    calibrations: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)
    """Decoder ("greedy", "beam", "sounds") -> the numbers of its `decoding.calibration.Calibration`."""
    sounds: Vocabulary | None = None
    """Sounds in the order of the last axis of the output `sounds`, blank first, if the model knows any."""

    @property
    def frame_seconds(self) -> float:
        """Seconds from one frame of `log_probs` to the next."""
        return 1 / self.frame_rate


def encode_metadata(metadata: Metadata) -> str:
    """Return `metadata` as the JSON that goes into an `.onnx`."""
    return msgspec.json.encode(metadata).decode()


def decode_metadata(text: str, source: str) -> Metadata:
    """Return the metadata in `text`; raises SpeechRnnError naming the file `source` where it does not fit."""
    check_format(text, source)
    try:
        metadata = msgspec.json.decode(text, type=Metadata)
    except msgspec.MsgspecError as error:
        raise SpeechRnnError(
            f"{source}: its description is damaged ({error}); export the model again"
        ) from None
    except SpeechRnnError as error:
        raise SpeechRnnError(f"{source}: {error}") from None
    if metadata.sample_rate <= 0 or not 0 < metadata.frame_rate <= metadata.sample_rate:
        raise SpeechRnnError(
            f"{source}: impossible rates ({metadata.sample_rate} Hz, {metadata.frame_rate} frames a second);"
            " export the model again"
        )
    return metadata


@dataclass(frozen=True)
class _Versioned:
    format: int


def check_format(text: str | bytes, source: str) -> None:
    """Raise SpeechRnnError unless `text` is a JSON object whose `format` is the version we read."""
    try:
        found = msgspec.json.decode(text, type=_Versioned).format
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise SpeechRnnError(
            f"{source}: not a description of a speechrnn model; name a model that speechrnn wrote"
        ) from None
    if found != FORMAT:
        raise SpeechRnnError(
            f"{source}: has format version {found}, this speechrnn reads version {FORMAT};"
            " use the speechrnn that wrote it"
        )
