"""The samples of a WAV with 8, 16, 24 or 32 bits, one at a time, with nothing but the standard library."""

import io
import wave

import numpy as np


def wave_samples(data: bytes) -> np.ndarray:
    """Return float32 `[samples, channels]`. WAV stores 8 bits without a sign, all other sizes with one."""
    with wave.open(io.BytesIO(data)) as file:
        width, channels, count = file.getsampwidth(), file.getnchannels(), file.getnframes()
        content = file.readframes(count)
    values = []
    for start in range(0, len(content), width):
        sample = content[start : start + width]
        if width == 1:
            values.append((sample[0] - 128) / 128)
        else:
            values.append(int.from_bytes(sample, "little", signed=True) / 2 ** (8 * width - 1))
    return np.array(values, np.float32).reshape(count, channels)
