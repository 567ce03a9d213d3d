"""`speechrnn lm tune`: how much a language model should count, found by the word error rate on a manifest.

The recordings are recognised once; their log-probabilities are then decoded with one weight after the other
(`decoding/beam/tuning.py`). They can be kept for the next time, or come from somebody else's network.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from speechrnn.cores import cores
from speechrnn.errors import SpeechRnnError

if TYPE_CHECKING:
    from speechrnn.decoding.beam.tuning import Task, Trial
    from speechrnn.manifest import Utterance


@dataclass(frozen=True)
class Tune:
    """Find how much a language model should count: what gives the fewest word errors.

    That is its weight, the bonus for words, how far the model is freed from its own idea of which tokens are
    frequent, and what a word that it does not know costs. They are written to LM.weights.json, where
    `transcribe --lm LM` and `evaluate --lm LM` find them. The recordings must be new to the model and their
    text to the language model, else the weight comes out too high.
    """

    lm: tyro.conf.Positional[Path]
    """The language model, converted or ARPA."""
    manifest: tuple[Path, ...]
    """Manifests of the recordings, all of them together."""
    model: Path | None = None
    """What recognises them: an .onnx file, a model folder, or a model that comes with the package."""
    pronunciations: Path | None = None
    """How words are said, to search over the sounds that the model knows; --emissions are of sounds then."""
    emissions: Path | None = None
    """Instead of --model: log-probabilities [frames, tokens] by utterance id (.npz), blank first."""
    alphabet: str | None = None
    """Tokens of --emissions after the blank, such as " 'abcdefghijklmnopqrstuvwxyz", if the file does not
    say."""
    save_emissions: Path | None = None
    """Keep what --model makes of the recordings in this .npz, for --emissions."""
    beam: int = 100
    """Width of the beam search."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to run a model folder."""

    def act(self) -> None:
        """Recognise, search, print every trial, and write what is best beside the language model."""
        from speechrnn.commands.decoder_flags import open_language_model
        from speechrnn.decoding.beam.tuned_weights import write_weights
        from speechrnn.decoding.beam.tuning import tune, weights_of
        from speechrnn.manifest import read_manifests

        self._check()
        model = open_language_model(self.lm)
        task = self._task(read_manifests(self.manifest))
        print("lm-weight  word-bonus  prior-scale  unknown-word  WER")
        best = tune(task, model, self.beam, cores(), lambda trial: print(row(trial), flush=True))
        manifests = ", ".join(path.name for path in self.manifest)
        tuned_on = f"{self.model or self.emissions}; {manifests}, {len(task.references)} utterances"
        path = write_weights(self.lm, weights_of(best, task, self.beam, tuned_on), self._output())
        print(f"best:\n{row(best)}")
        print(f"speechrnn: {path}: written", file=sys.stderr)

    def _check(self) -> None:
        """Raise SpeechRnnError for flags that cannot be, or do not go together."""
        from speechrnn.decoding.beam.settings import BeamSettings

        BeamSettings(self.beam)
        if (self.model is None) == (self.emissions is None):
            raise SpeechRnnError(
                "--model, --emissions: give one of the two, a model or its saved log-probabilities"
            )
        if self.emissions is None and self.alphabet is not None:
            raise SpeechRnnError("--alphabet: is for --emissions; a model says what it writes")
        if self.model is None and self.save_emissions is not None:
            raise SpeechRnnError("--save-emissions: keeps what --model makes; give --model")

    def _task(self, utterances: "Sequence[Utterance]") -> "Task":
        """Return what is to be decoded, recognised now or some time ago."""
        if self.model is not None:
            return self._recognised(self.model, utterances)
        assert self.emissions is not None
        return self._loaded(self.emissions, utterances)

    def _recognised(self, model: Path, utterances: "Sequence[Utterance]") -> "Task":
        from speechrnn.commands.recognition import emit
        from speechrnn.decoding.beam.tuning import Task
        from speechrnn.decoding.saved_emissions import save_emissions
        from speechrnn.shipped import find_model

        vocabulary, found = emit(find_model(model).path, utterances, self.device, self._output())
        for problem in found.problems:
            print(f"left out: {problem}", file=sys.stderr)
        if not found.utterances:
            raise SpeechRnnError(f"{self.manifest[0]}: none of its utterances can be read; see above")
        if self.save_emissions is not None:
            by_id = dict(zip((one.id for one in found.utterances), found.results, strict=True))
            save_emissions(self.save_emissions, by_id, vocabulary)
        return Task(vocabulary, found.results, [one.text for one in found.utterances], self.pronunciations)

    def _loaded(self, emissions: Path, utterances: "Sequence[Utterance]") -> "Task":
        from speechrnn.decoding.beam.tuning import Task
        from speechrnn.decoding.saved_emissions import load_emissions
        from speechrnn.text import BLANK, Vocabulary

        saved = load_emissions(emissions)
        told = Vocabulary("characters", (BLANK, *self.alphabet)) if self.alphabet is not None else None
        vocabulary = told or saved.vocabulary
        if vocabulary is None:
            raise SpeechRnnError(f"{emissions}: does not say what its tokens are; give --alphabet")
        there = [one for one in utterances if one.id in saved.log_probs]
        if not there:
            raise SpeechRnnError(f"{emissions}: has no utterance of {self.manifest[0]}; compare their ids")
        if len(there) < len(utterances):
            print(
                f"speechrnn: {emissions}: has {len(there)} of {len(utterances)} utterances", file=sys.stderr
            )
        log_probs = [saved.log_probs[one.id] for one in there]
        return Task(vocabulary, log_probs, [one.text for one in there], self.pronunciations)

    def _output(self) -> str:
        """Return the output of the network that is searched."""
        from speechrnn.outputs import LOG_PROBS, SOUNDS

        return LOG_PROBS if self.pronunciations is None else SOUNDS


def row(trial: "Trial") -> str:
    """Return a trial as a line of the table."""
    weight, bonus, scale, unknown = trial.place
    return f"{weight:9.2f}  {bonus:10.2f}  {scale:11.2f}  {unknown:12.1f}  {100 * trial.errors.rate:.2f} %"
