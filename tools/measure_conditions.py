"""How much a model minds the way a recording was encoded, and the length of the windows it is cut into.

    python tools/measure_conditions.py --data-dir $SPEECHRNN_DATA
    python tools/measure_conditions.py --data-dir $SPEECHRNN_DATA --model my.onnx --most 20

Codecs: utterances that are there as FLAC are encoded by libsndfile as Opus, Vorbis and MP3, and as on a
telephone (8 kHz, mu-law), and decoded again by each; what differs from FLAC is told with a 95 % interval of
its own, since the utterances are the same.
Windows: the utterances of each chapter are put one after the other, as in a long recording, and cut again in
windows of several lengths.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import soundfile
import tyro
from rich.table import Table
from side_by_side import stage, surroundings

from speechrnn.audio import read_audio
from speechrnn.corpora import librispeech
from speechrnn.corpora.librispeech_tree import librispeech_utterances
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance
from speechrnn.runtime.transcriber import Transcriber
from speechrnn.runtime.windows import LONGEST_SECONDS, windows
from speechrnn.scoring import Score, score, score_utterances
from speechrnn.scoring_report import percent
from speechrnn.shipped import DEFAULT
from speechrnn.training.machine import machine

FLAC_PART = "test-clean-flac"
LONG_PART = "test-clean"
CODECS = {  # as libsndfile names them, with its compression levels: 0 sounds best, 1 is smallest
    "Opus": ("OGG", "OPUS", (0.0, 0.5, 0.9)),
    "Vorbis": ("OGG", "VORBIS", (0.0, 0.5, 0.9)),
    "MP3": ("MP3", "MPEG_LAYER_III", (0.0, 0.5, 0.9)),
}
TELEPHONE_RATE = 8000
WINDOWS = (6.0, 12.0, LONGEST_SECONDS, 48.0)
RESAMPLES = 2000


@dataclass(frozen=True)
class Options:
    """Measure a model on copies of the same recordings."""

    data_dir: Path | None = None
    """A tree in LibriSpeech's layout with test-clean and test-clean-flac; SPEECHRNN_DATA by default."""
    model: str = DEFAULT
    """A model that ships, or an .onnx file; it is decoded as `speechrnn transcribe` does by default."""
    most: int = 1_000_000
    """Take no more utterances than this for each table."""


def main(options: Options) -> None:
    """Print both tables."""
    tree = librispeech.find_tree(options.data_dir, [FLAC_PART, LONG_PART])
    if tree is None:
        raise SpeechRnnError(f"--data-dir: no tree with {FLAC_PART} and {LONG_PART}; name one that has them")
    transcriber = Transcriber(options.model)
    console = stage()
    console.print(f"{options.model}; {machine()}, {surroundings()}")
    flac, whole = librispeech_utterances(tree, FLAC_PART), librispeech_utterances(tree, LONG_PART)
    console.print(codec_table(transcriber, spread(flac, options.most), whole))
    console.print(window_table(transcriber, whole[: options.most]))


def spread(utterances: Sequence[Utterance], most: int) -> Sequence[Utterance]:
    """Return up to `most` of `utterances`, from all over them."""
    return utterances[:: max(1, len(utterances) // most)][:most]


def codec_table(
    transcriber: Transcriber, utterances: Sequence[Utterance], found_copies: Sequence[Utterance]
) -> Table:
    """Return the error rates of FLAC, of copies of it, and of those among `found_copies` that are there."""
    seconds = sum(utterance.duration for utterance in utterances)
    title = f"{FLAC_PART}, {len(utterances)} utterances"
    columns = ("", "kbit/s", "WER (95 %)", "more than FLAC")
    table = Table(*columns, title=title, title_justify="left")
    originals = [utterance.audio_filepath for utterance in utterances]
    flac = score_of(transcriber, utterances, originals)
    table.add_row("FLAC", f"{bits(originals) / seconds / 1000:.0f}", percent(flac.wer, flac.wer_interval), "")

    def add(name: str, files: Sequence[Path]) -> None:
        found = score_of(transcriber, utterances, files)
        rate = f"{bits(files) / seconds / 1000:.0f}"
        table.add_row(name, rate, percent(found.wer, found.wer_interval), difference(found, flac))

    there = {utterance.id: utterance.audio_filepath for utterance in found_copies}
    if all(utterance.id in there for utterance in utterances):
        add(f"as in {LONG_PART}", [there[utterance.id] for utterance in utterances])
    for name, (container, codec, levels) in CODECS.items():
        for level in levels:
            with tempfile.TemporaryDirectory() as folder:
                ending = container.lower()
                numbered = ((file, Path(folder) / f"{n}.{ending}") for n, file in enumerate(originals))
                add(name, [encoded(file, to, container, codec, level) for file, to in numbered])
    with tempfile.TemporaryDirectory() as folder:
        add("telephone", [telephoned(file, Path(folder) / f"{n}.wav") for n, file in enumerate(originals)])
    return table


def encoded(original: Path, to: Path, container: str, codec: str, level: float) -> Path:
    """Write a copy of `original` as `to`; return it."""
    samples, rate = soundfile.read(original, dtype="float32")
    soundfile.write(to, samples, rate, format=container, subtype=codec, compression_level=level)
    return to


def telephoned(original: Path, to: Path) -> Path:
    """Write a copy of `original` in 8,000 samples a second of 8 bits, mu-law, as `to`; return it."""
    soundfile.write(to, read_audio(original, TELEPHONE_RATE), TELEPHONE_RATE, format="WAV", subtype="ULAW")
    return to


def bits(files: Sequence[Path]) -> int:
    """Return the size of `files` together."""
    return 8 * sum(file.stat().st_size for file in files)


def score_of(transcriber: Transcriber, utterances: Sequence[Utterance], files: Sequence[Path]) -> Score:
    """Return how well `utterances` are recognised in `files`."""
    texts = []
    for _, outcome in transcriber.transcribe_files(files):
        if isinstance(outcome, SpeechRnnError):
            raise outcome
        texts.append(outcome.text)
    return score_utterances(utterances, texts)


def difference(found: Score, reference: Score) -> str:
    """Return how much higher the WER of `found` is, with the 95 % interval that drawing utterances gives."""
    pairs = zip(found.utterances, reference.utterances, strict=True)
    rows = np.array([(a.words.errors - b.words.errors, a.words.length) for a, b in pairs])
    random = np.random.default_rng(0)
    drawn = rows[random.integers(len(rows), size=(RESAMPLES, len(rows)))].sum(axis=1)
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    return percent(found.wer - reference.wer, (low, high))


def window_table(transcriber: Transcriber, utterances: Sequence[Utterance]) -> Table:
    """Return the error rates of whole chapters, by the longest window that they are cut into."""
    chapters = [list(chapter) for _, chapter in groupby(utterances, lambda u: u.id.rpartition("-")[0])]
    minutes = sum(utterance.duration for utterance in utterances) / 60
    title = f"{LONG_PART}, {len(chapters)} chapters, {minutes:.0f} minutes"
    table = Table("longest window", "WER (95 %)", title=title, title_justify="left")
    for longest in WINDOWS:
        result = score(
            [" ".join(utterance.text for utterance in chapter) for chapter in chapters],
            [text_of_chapter(transcriber, chapter, longest) for chapter in chapters],
            [chapter[0].speaker for chapter in chapters],
        )
        default = " (default)" if longest == LONGEST_SECONDS else ""
        table.add_row(f"{longest:g} s{default}", percent(result.wer, result.wer_interval))
    return table


def text_of_chapter(transcriber: Transcriber, chapter: Sequence[Utterance], longest: float) -> str:
    """Return what is recognised in the utterances of `chapter`, one after the other in one recording."""
    rate, model = transcriber.sample_rate, transcriber.model
    recording = np.concatenate([read_audio(utterance.audio_filepath, rate) for utterance in chapter])
    seconds = model.metadata.frame_seconds
    heard = (model.log_probs(one.samples, transcriber.output) for one in windows([recording], rate, longest))
    return " ".join(transcriber.decode(log_probs, seconds)[0].text for log_probs in heard)


if __name__ == "__main__":
    try:
        main(tyro.cli(Options))
    except SpeechRnnError as error:
        sys.exit(str(error))
