"""espeak-ng as a speaker: one voice, one process, sentences to samples.

The formant synthesiser espeak-ng (GPLv3+, the optional wheel `espeakng-loader`) is called through its C
interface. It keeps state between sentences and draws breath noise from the clock, so a process makes one
`Speaker`, says its sentences in a fixed order, and seeds the noise before each of them. `synthetic_speaker`
does that for the synthetic corpus.
"""

import ctypes
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from speechrnn.errors import SpeechRnnError, missing_extra

# Of espeak-ng's speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_PARAMETER_RATE, _PARAMETER_VOLUME, _PARAMETER_PITCH, _PARAMETER_RANGE = 1, 2, 3, 4
_OK = 0

# At the library's own 100 some voices clip.
_VOLUME = 60

_SYNTH_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_int16), ctypes.c_int, ctypes.c_void_p
)


@dataclass(frozen=True)
class Voice:
    """How a speaker sounds."""

    accent: str
    """espeak-ng's name of the language, such as `en-us`."""
    variant: str
    """espeak-ng's name of the vocal tract, such as `f3`."""
    rate: int = 175
    """Words in a minute."""
    pitch: int = 50
    """Height of the voice from 0 to 99, relative to the variant's own at 50."""
    pitch_range: int = 50
    """Liveliness from 0 (monotone) to 99."""


class Speaker:
    """One voice that speaks; at most one exists in a process at a time. A context manager.

    Raises SpeechRnnError when `espeakng-loader` is missing or lacks the voice.
    """

    def __init__(self, voice: Voice) -> None:
        self._blocks: list[NDArray[np.int16]] = []
        self._library, self.sample_rate = _load()
        # Kept here, because ctypes does not: the library would call freed memory.
        self._callback = _SYNTH_CALLBACK(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)
        name = f"{voice.accent}+{voice.variant}"
        if self._library.espeak_SetVoiceByName(name.encode()) != _OK:
            raise SpeechRnnError(f"espeak-ng has no voice {name}; install another release of espeakng-loader")
        for parameter, value in (
            (_PARAMETER_RATE, voice.rate),
            (_PARAMETER_VOLUME, _VOLUME),
            (_PARAMETER_PITCH, voice.pitch),
            (_PARAMETER_RANGE, voice.pitch_range),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)

    def say(self, text: str, seed: int) -> NDArray[np.float32]:
        """Return `text` as float32 `[samples]` in [-1, 1] at `sample_rate`; `seed` fixes the breath noise.

        The same calls in the same order, in a fresh process, return the same samples.
        """
        self._blocks.clear()
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        encoded = text.encode()
        self._library.espeak_Synth(
            encoded, ctypes.c_size_t(len(encoded) + 1), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
        )
        self._library.espeak_Synchronize()
        if not self._blocks:
            return np.zeros(0, np.float32)
        return np.concatenate(self._blocks).astype(np.float32) / np.float32(32768)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._library.espeak_Terminate()

    def _receive(self, samples: Any, count: int, _events: int | None) -> int:
        """Keep a copy of a block of samples; the library calls this while it speaks. Zero means: go on."""
        if samples and count:
            self._blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0


def check_installed() -> None:
    """Raise SpeechRnnError, naming the extra to install, unless espeak-ng is at hand."""
    _library_and_data()


def _library_and_data() -> tuple[Path, Path]:
    try:
        import espeakng_loader
    except ImportError as error:
        raise missing_extra("espeakng-loader", "synthetic", "the synthetic corpus") from error
    return Path(espeakng_loader.get_library_path()), Path(espeakng_loader.get_data_path())


def _load() -> tuple[ctypes.CDLL, int]:
    """Return the library, ready to speak, and its sampling rate in Hz."""
    path, data = _library_and_data()
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise SpeechRnnError(
            f"{path}: cannot be loaded ({error}); reinstall the package espeakng-loader"
        ) from error
    sample_rate = library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, str(data).encode(), 0)
    if sample_rate <= 0:
        raise SpeechRnnError(f"{data}: espeak-ng cannot read its data there; reinstall espeakng-loader")
    return library, sample_rate
