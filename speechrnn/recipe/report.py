"""The page that a recipe ends with: what was trained on what, how good it is, how it got there.

Reads the figures of an experiment (`experiment.py`) and the run's `history.jsonl`; writes `report.md` and
`curves.png` into the run folder.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechrnn import config
from speechrnn.decoding.beam.tuned_weights import TunedWeights
from speechrnn.errors import missing_extra
from speechrnn.scoring import Score
from speechrnn.scoring_report import percent, worst_utterances

REPORT_FILE = "report.md"
CURVES_FILE = "curves.png"
WORST = 5  # utterances shown


@dataclass(frozen=True)
class Measurement:
    """One model on one test set."""

    test: str
    model: str
    decoding: str
    score: Score
    audio_seconds: float
    seconds: float
    """Time it took."""


@dataclass(frozen=True)
class Sample:
    """A held-out recording transcribed, as somebody would with the finished model."""

    path: Path
    reference: str
    text: str


@dataclass(frozen=True)
class Story:
    """All that the page tells."""

    title: str
    corpus: str
    command: str
    run: config.Run
    init: str | None
    """What the network was before, if not random weights."""
    writer: config.Run | None
    """How a writer was taught with text, if one was."""
    train_hours: float
    parameters: int
    measurements: Sequence[Measurement]
    weights: TunedWeights | None
    """How much the n-gram counts, if there is one."""
    sample: Sample
    history: Path
    machine: str


def write_report(folder: Path, story: Story) -> Path:
    """Write the page and its picture into `folder`; return the page's path."""
    entries = [json.loads(line) for line in story.history.read_text(encoding="utf-8").splitlines()]
    draw_curves(folder / CURVES_FILE, entries)
    page = folder / REPORT_FILE
    sections = (
        heading(story),
        results(story.measurements, story.weights),
        training(story, entries),
        transcript(story.sample),
    )
    page.write_text("\n\n".join([*sections, errors(story.measurements)]) + "\n", encoding="utf-8")
    return page


def heading(story: Story) -> str:
    """Return what was trained and how to do it again."""
    return f"# {story.title}\n\n{story.corpus}\n\n    {story.command}\n\nMachine: {story.machine}"


def results(measurements: Sequence[Measurement], weights: TunedWeights | None) -> str:
    """Return the table of error rates, with 95 % intervals, and how they were found."""
    rows = [
        "## Results",
        "",
        "| test set | model | decoding | WER | CER | times real time |",
        "|---|---|---|---|---|---|",
    ]
    for m in measurements:
        wer = percent(m.score.wer, m.score.wer_interval)
        cer = percent(m.score.cer, m.score.cer_interval)
        speed = m.audio_seconds / m.seconds
        rows.append(f"| {m.test} | {m.model} | {m.decoding} | {wer} | {cer} | {speed:.0f} |")
    rows += ["", f"95 % intervals by bootstrap over {measurements[0].score.resampled}."]
    if weights is not None:
        rows += [
            f"n-gram: beam {weights.beam}, weight {weights.lm_weight:g}, word bonus {weights.word_bonus:g},"
            f" prior scale {weights.prior_scale:g}, unknown word {weights.unknown_word:g}, the best on"
            f" {weights.tuned_on} ({100 * weights.wer:.1f} % there), with an n-gram without their sentences."
        ]
    return "\n".join(rows)


def training(story: Story, entries: Sequence[dict[str, Any]]) -> str:
    """Return the model and its training in figures, and the curves."""
    encoder, last = story.run.model.encoder, entries[-1]
    bottleneck = f" behind bottlenecks of {encoder.bottleneck}" if encoder.bottleneck else ""
    batch = story.run.batching.seconds * story.run.optimisation.accumulate
    heard = next(entry["audio_hours"] for entry in reversed(entries) if "audio_hours" in entry)
    lines = [
        "## Training",
        "",
        f"- network: {encoder.layers} x {encoder.width} {'Bi' if encoder.bidirectional else ''}"
        f"{encoder.cell.upper()}{bottleneck}, {story.parameters / 1e6:.1f} million parameters, a frame every "
        f"{story.run.model.front_end.hop_ms * encoder.stride:.0f} ms, {story.run.model.units.kind}",
        f"- from {story.init or 'random weights'}",
        f"- corpus: {story.train_hours:.2f} h; {heard:.1f} h of audio were heard in {last['update']} "
        f"updates of at most {batch:g} s",
        f"- time: {(last['time'] - entries[0]['time']) / 60:.0f} minutes, {story.run.precision} on "
        f"{story.run.device}",
    ]
    if story.writer is not None:
        layers, updates = story.writer.model.writer.layers, story.writer.updates
        lines.append(
            f"- text is written by {layers} layers that read sounds, taught with text in {updates} updates of"
            f" {story.writer.batching.seconds:g} s"
        )
    return "\n".join([*lines, "", f"![loss and error rate]({CURVES_FILE})"])


def transcript(sample: Sample) -> str:
    """Return one recording that was not trained on, with what was said and what was recognised."""
    said, recognised = f"> said: {sample.reference}", f"> recognised: {sample.text}"
    return f"## A recording\n\n`{sample.path.name}`\n\n{said}\n>\n{recognised}"


def errors(measurements: Sequence[Measurement]) -> str:
    """Return the worst utterances of the first test set, aligned word by word."""
    return f"## Worst utterances\n\n```\n{worst_utterances(measurements[0].score, WORST)}\n```"


def draw_curves(path: Path, entries: Sequence[dict[str, Any]]) -> None:
    """Draw the training loss and the validation error rates over the updates into the PNG `path`."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_extra("matplotlib", "plot", "drawing the curves") from None
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    loss, rates = figure.subplots(1, 2)
    trained = [entry for entry in entries if "loss" in entry]
    loss.plot([e["update"] for e in trained], [e["loss"] for e in trained], color="tab:blue", linewidth=1)
    loss.set(xlabel="update", ylabel="CTC loss per frame (nats)", title="training", ylim=(0, None))
    validated = [entry for entry in entries if "valid/wer" in entry]
    for name, colour in (("wer", "tab:red"), ("cer", "tab:orange")):
        heights = [100 * entry[f"valid/{name}"] for entry in validated]
        rates.plot([e["update"] for e in validated], heights, ".-", color=colour, label=name.upper())
    rates.set(xlabel="update", ylabel="error rate (%)", title="validation (averaged weights)", ylim=(0, 105))
    rates.legend()
    for axes in (loss, rates):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
