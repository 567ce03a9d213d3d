"""Write down what a model that ships makes of a few recordings, so that tests notice when that changes.

    python tools/golden_transcripts.py --data-dir $SPEECHRNN_DATA

To be run once for each new model: `tests/runtime/test_golden_transcripts.py` compares with the file that it
writes. The transcripts are those of the model with its int8 weights dequantised to fp32, decoded greedily,
because these are the same on every processor. What int8 makes of the same recordings is held against them,
and printed.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import tyro

from speechrnn.audio import read_audio
from speechrnn.corpora import librispeech, synthetic
from speechrnn.corpora.librispeech_tree import librispeech_utterances
from speechrnn.errors import SpeechRnnError
from speechrnn.export.assemble import assemble
from speechrnn.export.read_back import read_onnx
from speechrnn.manifest import Utterance
from speechrnn.runtime.transcriber import Transcriber
from speechrnn.runtime.transcript import Transcript
from speechrnn.scoring import score
from speechrnn.shipped import DEFAULT, find_model

FOLDER = Path(__file__).parents[1] / "tests" / "runtime" / "golden"
PART = "test-clean"
RECORDINGS = 3
SECONDS = (4.0, 8.0)
SPOKEN = synthetic.Settings(hours=1 / 3600, test_minutes=0.1, speakers=1, test_speakers=2)


@dataclass(frozen=True)
class Options:
    """Write the golden transcripts of a model that ships."""

    model: str = DEFAULT
    """Its name, or an .onnx file."""
    data_dir: Path | None = None
    """A tree in LibriSpeech's layout with test-clean, or a folder with one; SPEECHRNN_DATA by default."""
    to: Path = FOLDER
    """Folder of the golden transcripts."""


def main(options: Options) -> None:
    """Transcribe, write, and tell how far int8 is from it."""
    tree = librispeech.find_tree(options.data_dir, [PART])
    if tree is None:
        raise SpeechRnnError(f"--data-dir: no tree with {PART}; name a folder that holds one")
    model = find_model(options.model).path
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        utterances = [*real(tree), *spoken(folder / "spoken")]
        texts = transcripts(dequantised(model, folder / "fp32.onnx"), utterances)
        found = transcripts(model, utterances)
    options.to.mkdir(parents=True, exist_ok=True)
    to = options.to / f"{model.stem}.json"
    plain = {"model": fingerprint(model), "words": {id_: lines(text) for id_, text in texts.items()}}
    to.write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for id_, transcript in texts.items():
        print(f"{id_}: {transcript.text!r}, edits of int8: {edits(transcript.text, found[id_].text)}")
    print(to)


def real(tree: Path) -> list[Utterance]:
    """Return a few utterances of middling length from `tree`, each of another speaker."""
    low, high = SECONDS
    candidates = (u for u in librispeech_utterances(tree, PART) if low <= u.duration <= high)
    return one_of_each_speaker(candidates)[:RECORDINGS]


def spoken(folder: Path) -> list[Utterance]:
    """Return an utterance of each of a few synthetic voices, spoken into `folder`."""
    tree = synthetic.make_corpus(folder, SPOKEN)
    return one_of_each_speaker(librispeech_utterances(tree, synthetic.TEST_PART))


def one_of_each_speaker(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Return the first utterance of each speaker, in the order of their ids."""
    first: dict[str | None, Utterance] = {}
    for utterance in utterances:
        first.setdefault(utterance.speaker, utterance)
    return sorted(first.values(), key=lambda utterance: utterance.id)


def dequantised(model: Path, to: Path) -> Path:
    """Write the int8 `model` as `to` with the same weights in fp32; return it."""
    onnx.save(assemble(read_onnx(model)), to)
    return to


def transcripts(model: Path, utterances: Sequence[Utterance]) -> dict[str, Transcript]:
    """Return what `model` makes of each of `utterances`, by id."""
    transcriber = Transcriber(model, threads=1)
    return {
        utterance.id: transcriber.transcribe(read_audio(utterance.audio_filepath, transcriber.sample_rate))
        for utterance in utterances
    }


def lines(transcript: Transcript) -> list[str]:
    """Return the words of `transcript` with the seconds from which to which they last."""
    return [f"{word.start:.3f} {word.end:.3f} {word.text}" for word in transcript.words]


def edits(reference: str, hypothesis: str) -> int:
    """Return how many letters have to be changed, added or left out to turn one text into the other."""
    return score([reference], [hypothesis]).utterances[0].characters.errors


def fingerprint(model: Path) -> str:
    """Return a number that stands for the bytes of the file `model`."""
    return hashlib.blake2b(model.read_bytes(), digest_size=16).hexdigest()


if __name__ == "__main__":
    try:
        main(tyro.cli(Options))
    except SpeechRnnError as error:
        sys.exit(str(error))
