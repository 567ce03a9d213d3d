"""What training leaves out, and why.

An utterance must have text, sound that can be read, a bearable length, and frames enough for CTC to align its
tokens to: at any speed that augmentation may give it, each token needs a frame, and a blank between equal
neighbours another. One that has not would make the loss infinite or teach nothing. Nothing is left out in
silence: `Screening.warning` counts and names.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from speechrnn import config, dsp
from speechrnn.manifest import Utterance
from speechrnn.subsampling import output_frames
from speechrnn.text import needed_frames
from speechrnn.training.data.audio_source import AudioSource
from speechrnn.training.data.units import Speller

NAMED = 3  # utterances that a warning names for each reason


class Reason(Enum):
    """Why an utterance is left out, as a warning says it."""

    NO_TEXT = "without text"
    BROKEN = "with broken audio"
    NO_SOUND = "without samples"
    TOO_LONG = "longer than --batching.max-utterance-seconds"
    TOO_FEW_FRAMES = "with more tokens than CTC can align to their frames"


@dataclass(frozen=True)
class LeftOut:
    """An utterance that is left out: its id, the reason, and what was found."""

    id: str
    reason: Reason
    found: str


@dataclass(frozen=True)
class Screening:
    """The utterances that stay, in their order, and those that do not."""

    kept: tuple[Utterance, ...]
    left_out: tuple[LeftOut, ...]

    def warning(self) -> str | None:
        """Return one line for each reason, with its count and the first few utterances; None if all stay."""
        by_reason: dict[Reason, list[LeftOut]] = defaultdict(list)
        for utterance in self.left_out:
            by_reason[utterance.reason].append(utterance)
        total = len(self.kept) + len(self.left_out)
        lines = [
            f"left out {len(those)} of {total} utterances {reason.value}: {_first_few(those)}"
            for reason, those in by_reason.items()
        ]
        return "\n".join(lines) or None


def screen_for_training(
    utterances: Sequence[Utterance], audio: AudioSource, speller: Speller, settings: config.Run
) -> Screening:
    """Return which `utterances` a run with `settings` can learn from."""
    analysis = dsp.analysis(settings.model.front_end)
    fastest = max(settings.augmentation.speeds)

    def fault(utterance: Utterance) -> LeftOut | None:
        sound_fault = _sound_fault(utterance, audio)
        if sound_fault is not None:
            return sound_fault
        tokens = speller.encode(utterance.text)
        if not tokens:
            return LeftOut(utterance.id, Reason.NO_TEXT, repr(utterance.text))
        samples = audio.samples(utterance)
        seconds = samples / audio.sample_rate
        if seconds > settings.batching.max_utterance_seconds:
            return LeftOut(utterance.id, Reason.TOO_LONG, f"{seconds:.1f} s")
        frames = dsp.frame_count(analysis, int(samples / fastest))
        available = output_frames(frames, settings.model.encoder.stride)
        needed = max(needed_frames(tokens), needed_frames(speller.encode_sounds(utterance.text)))
        if needed > available:
            return LeftOut(utterance.id, Reason.TOO_FEW_FRAMES, f"needs {needed}, has {available}")
        return None

    return _screening(utterances, [fault(utterance) for utterance in utterances])


def screen_for_evaluation(utterances: Sequence[Utterance], audio: AudioSource) -> Screening:
    """Return which `utterances` can be measured on: all whose sound is there, with any text and length."""
    return _screening(utterances, [_sound_fault(utterance, audio) for utterance in utterances])


def _sound_fault(utterance: Utterance, audio: AudioSource) -> LeftOut | None:
    problem = audio.problem(utterance)
    if problem is not None:
        return LeftOut(utterance.id, Reason.BROKEN, problem)
    if audio.samples(utterance) == 0:
        return LeftOut(utterance.id, Reason.NO_SOUND, str(utterance.audio_filepath))
    return None


def _screening(utterances: Sequence[Utterance], faults: Sequence[LeftOut | None]) -> Screening:
    return Screening(
        kept=tuple(u for u, fault in zip(utterances, faults, strict=True) if fault is None),
        left_out=tuple(fault for fault in faults if fault is not None),
    )


def _first_few(those: Sequence[LeftOut]) -> str:
    named = ", ".join(f"{utterance.id} ({utterance.found})" for utterance in those[:NAMED])
    return named + (", ..." if len(those) > NAMED else "")
