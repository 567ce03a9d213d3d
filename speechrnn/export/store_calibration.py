"""A calibration of confidences goes into the `.onnx` that it was fitted for.

It is fitted on what the exported file recognises in held-out recordings, so it cannot be there before: the
file is written a second time, with a longer description and the same graph.
"""

import dataclasses
from pathlib import Path
from typing import Literal

import onnx

from speechrnn.decoding.calibration import Calibration
from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.export.assemble import described
from speechrnn.metadata import METADATA_KEY, decode_metadata


def store_calibration(
    file: Path, decoder: Literal["greedy", "beam", "sounds"], calibration: Calibration
) -> None:
    """Make `calibration` that of `decoder` in the model `file`; the calibrations of others stay.

    Raises SpeechRnnError where the file cannot be written; it is the old one then.
    """
    check_readable(file)
    model = onnx.load(file)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    metadata = decode_metadata(properties.get(METADATA_KEY, ""), str(file))
    calibrations = {**metadata.calibrations, decoder: dataclasses.astuple(calibration)}
    metadata = dataclasses.replace(metadata, calibrations=calibrations)
    unnamed = file.with_name(file.name + ".partial")
    try:
        onnx.save(described(model, metadata), unnamed)
        unnamed.replace(file)
    except OSError as error:
        unnamed.unlink(missing_ok=True)
        raise SpeechRnnError(
            f"{file}: cannot be written ({error.strerror}); make room or permit it"
        ) from error
