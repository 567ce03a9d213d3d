"""`speechrnn info`: what a model file, a model folder, a run folder or a training state is."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from speechrnn.config import Model
from speechrnn.errors import check_readable, missing_extra
from speechrnn.shipped import find_model
from speechrnn.text import Vocabulary

Facts = dict[str, object]


@dataclass(frozen=True)
class Info:
    """Tell what a model file, model folder, run folder or training state is."""

    path: Annotated[Path, tyro.conf.Positional]
    """An .onnx file, a model that comes with the package (such as english), a model folder, a run folder of
    `speechrnn train`, or its state.pt."""


def run(options: Info) -> int:
    """Print the facts, one a line; return the exit status."""
    for name, value in facts_about(find_model(options.path).path).items():
        print(f"{name + ':':<18}{value}")
    return 0


def facts_about(path: Path) -> Facts:
    """Return what `path` is; raises SpeechRnnError where it is none of ours."""
    if path.is_dir():
        if (path / "state.pt").exists():
            return _run_folder(path)
        return _model_folder(path)
    check_readable(path)
    if zipfile.is_zipfile(path) or path.suffix == ".pt":  # what PyTorch writes
        return _training_state(path)
    return _onnx(path)


def _onnx(path: Path) -> Facts:
    from speechrnn.runtime.acoustic_model import AcousticModel

    metadata = AcousticModel(path).metadata
    return {
        "what": f"speechrnn model, .onnx format {metadata.format}, {metadata.precision}",
        "size": f"{path.stat().st_size / 1e6:.1f} MB",
        **_model(metadata.configuration, metadata.vocabulary, metadata.sounds),
        "frames": f"{metadata.frame_rate:g} per second",
        "receptive field": f"{metadata.receptive_field / metadata.sample_rate:g} s, then recurrent layers",
        **_card(metadata.card),
    }


def _model_folder(folder: Path) -> Facts:
    from speechrnn.model_folder import read_model_folder

    trained = read_model_folder(folder)
    return {
        "what": "speechrnn model folder",
        "parameters": f"{sum(weight.size for weight in trained.weights.values()):,}",
        **_model(trained.model, trained.vocabulary, trained.sounds),
        **_card(trained.card),
    }


def _run_folder(folder: Path) -> Facts:
    state = _training_state(folder / "state.pt")
    model = folder / "model"
    return state | {"what": "run folder of speechrnn train"} | ({"model": model} if model.exists() else {})


def _training_state(path: Path) -> Facts:
    try:
        from speechrnn.training.checkpoint import read_state
    except ModuleNotFoundError as error:
        raise missing_extra(str(error.name), "train", "reading a training state") from error

    state = read_state(path)
    updates = state["updates"]
    return {
        "what": f"training state of speechrnn, format {state['format']}",
        "size": f"{path.stat().st_size / 1e6:.1f} MB",
        "parameters": f"{sum(weight.numel() for weight in updates['weights'].values()):,}",
        "updates": f"{updates['done']:,} ({updates['skipped']} skipped)",
        "position": f"epoch {state['epoch']}, batch {state['batch']}",
        **{name: f"{value:.4g}" for name, value in state["figures"].items()},
    }


def _model(model: Model, vocabulary: Vocabulary, sounds: Vocabulary | None) -> Facts:
    front_end, encoder = model.front_end, model.encoder
    direction = "bidirectional" if encoder.bidirectional else "forward"
    recurrent = "feed-forward" if encoder.cell == "none" else f"{direction} {encoder.cell.upper()}"
    bottleneck = f" behind bottlenecks of {encoder.bottleneck}" if encoder.bottleneck else ""
    said = {} if sounds is None else {"sounds": f"{len(sounds)}: {_shortened(sounds.symbols[1:])}"}
    layers = model.writer.layers
    writer = {"writer": f"{layers} layers over sounds, as wide as the encoder's"} if layers else {}
    return {
        "input": f"{front_end.sample_rate} Hz",
        "front end": f"{front_end.kind} as {front_end.convention}, {front_end.bins} bins,"
        f" {front_end.window_ms:g}/{front_end.hop_ms:g} ms, normalisation: {front_end.normalisation}",
        "encoder": f"{encoder.layers} x {encoder.width} {recurrent}{bottleneck}, time stride"
        f" {encoder.stride}",
        "tokens": f"{len(vocabulary)} ({vocabulary.kind}): {_shortened(vocabulary.symbols[1:])}",
        **said,
        **writer,
    }


def _shortened(symbols: tuple[str, ...], most: int = 40) -> str:
    shown = " ".join(symbol if symbol.strip() else "␣" for symbol in symbols[:most])
    return shown + (" ..." if len(symbols) > most else "")


def _card(card: dict[str, Any]) -> Facts:
    return {f"card: {name}": value for name, value in card.items()}
