"""The settings of a run as the user meets them: what values make sense, how they are printed and compared.

Types and choices are checked where flags and files are read; here are the bounds. A setting is named as its
flag, such as `--optimisation.peak-rate`.
"""

from collections.abc import Callable
from typing import Any

from speechrnn import config
from speechrnn.errors import SpeechRnnError

MAY_DIFFER = {"save_minutes", "batching.workers"}

ABOVE_ZERO = (
    "batching.max_utterance_seconds",
    "optimisation.accumulate",
    "optimisation.clip",
    "model.encoder.layers",
    "model.encoder.width",
    "model.encoder.channels",
    "model.writer.bottleneck",
    "model.front_end.sample_rate",
    "model.front_end.bins",
    "evaluate_every",
    "epochs",
)
ZERO_OR_MORE = (
    "batching.seconds",
    "loss.consistency",
    "model.encoder.bottleneck",
    "model.units.words",
    "model.writer.layers",
    "batching.workers",
    "optimisation.peak_rate",
    "optimisation.weight_decay",
    "updates",
    "augmentation.shift_ms",
    "minutes",
    "save_minutes",
    "threads",
)
SHARES = (
    "optimisation.warmup_share",
    "augmentation.noise_share",
    "augmentation.codec_share",
    "augmentation.reverb_share",
    "augmentation.time_mask_share",
)
BELOW_ONE = ("loss.sounds", "optimisation.ema", "model.encoder.dropout", "loss.middle")
BOUNDS: tuple[tuple[tuple[str, ...], Callable[[float], bool], str], ...] = (
    (ABOVE_ZERO, lambda value: value > 0, "above 0"),
    (ZERO_OR_MORE, lambda value: value >= 0, "0 or more"),
    (SHARES, lambda value: 0 <= value <= 1, "from 0 to 1"),
    (BELOW_ONE, lambda value: 0 <= value < 1, "from 0 to less than 1"),
)


def check_settings(run: config.Run) -> None:
    """Raise SpeechRnnError naming the first setting that makes no sense, and what would."""
    values = _flat(config.as_plain(run))
    for names, sensible, wanted in BOUNDS:
        for name in names:
            if not sensible(values[name]):
                raise SpeechRnnError(f"{_flag(name)} {values[name]}: must be {wanted}; give another value")
    if not run.augmentation.speeds or min(run.augmentation.speeds) <= 0:
        raise SpeechRnnError("--augmentation.speeds: must be one or more numbers above 0, such as 1.0")


def difference(found: config.Run, asked: config.Run) -> str | None:
    """Return the first setting in which two runs differ, as "--flag value, not value"; None if they do not.

    What does not change the result (`MAY_DIFFER`) may differ.
    """
    ours, theirs = _flat(config.as_plain(asked)), _flat(config.as_plain(found))
    for name, value in ours.items():
        if value != theirs[name] and name not in MAY_DIFFER:
            return f"{_flag(name)} {theirs[name]}, not {value}"
    return None


def settings_told(run: config.Run) -> str:
    """Return all settings, a line for each section."""
    sections: dict[str, list[str]] = {}
    for name, value in _flat(config.as_plain(run)).items():
        section, _, key = name.rpartition(".")
        sections.setdefault(section or "run", []).append(f"{key} {value}")
    return "\n".join(f"{section}: {', '.join(values)}" for section, values in sections.items())


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested dictionaries as one, with names joined by points."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat
