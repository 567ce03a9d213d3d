"""A recording as it comes out of a lossy codec: MP3, Vorbis, or a telephone line.

The last thing that happens to a recording on its way into training before dither (`waveforms.py`), because it
is the last thing that happens to recordings: they are kept and sent in few bits. libsndfile encodes and
decodes in memory. What a codec leaves out (MP3 above 7 kHz, a telephone above 4 kHz) is silent after it, and
a network that has never met silent bins takes them for something.
"""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

Samples = npt.NDArray[np.float32]

MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
TELEPHONE_RATE = 8000
# libsndfile's compression levels: at 16 kHz from some 50 down to 28 kbit/s. Higher levels are refused.
LOWEST_LEVEL, HIGHEST_LEVEL = 0.4, 0.95


def through_codec(samples: Samples, generator: np.random.Generator, sample_rate: int) -> Samples:
    """Return `samples` [samples], as many as they were, after one of the codecs at a drawn compression.

    A codec that knows nothing of `sample_rate` is not drawn.
    """
    ways: list[Callable[[Samples, int, float], Samples]] = [vorbis]
    if sample_rate in MPEG_RATES:
        ways.append(mp3)
    if sample_rate > TELEPHONE_RATE:
        ways.append(telephone)
    way, level = ways[generator.integers(len(ways))], generator.uniform(LOWEST_LEVEL, HIGHEST_LEVEL)
    if len(samples) == 0:
        return samples
    coded = way(samples, sample_rate, level)[: len(samples)]
    return np.pad(coded, (0, len(samples) - len(coded)))


def mp3(samples: Samples, sample_rate: int, level: float) -> Samples:
    """Return `samples` after MP3 (LAME) at compression `level` of [0, 1]."""
    return encoded_and_decoded(samples, sample_rate, "MP3", "MPEG_LAYER_III", level)


def vorbis(samples: Samples, sample_rate: int, level: float) -> Samples:
    """Return `samples` after Ogg Vorbis at compression `level` of [0, 1]."""
    return encoded_and_decoded(samples, sample_rate, "OGG", "VORBIS", level)


def telephone(samples: Samples, sample_rate: int, level: float) -> Samples:
    """Return `samples` after a telephone line: 8,000 samples a second of 8 bits, mu-law (ITU-T G.711)."""
    narrow = soxr.resample(samples, sample_rate, TELEPHONE_RATE, quality="LQ")
    coded = encoded_and_decoded(narrow, TELEPHONE_RATE, "WAV", "ULAW", None)
    wide: Samples = soxr.resample(coded, TELEPHONE_RATE, sample_rate, quality="LQ")
    return wide


def encoded_and_decoded(
    samples: Samples, sample_rate: int, container: str, codec: str, level: float | None
) -> Samples:
    """Return what libsndfile makes of `samples` with `codec` (its names), written and read again."""
    file = io.BytesIO()
    soundfile.write(file, samples, sample_rate, format=container, subtype=codec, compression_level=level)
    file.seek(0)
    decoded: Samples = soundfile.read(file, dtype="float32")[0]
    return decoded
