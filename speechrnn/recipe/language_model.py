"""The n-gram of a recipe: made of its own transcripts and of other text, weighed on held-out speakers.

    transcripts, texts -> n-gram without the held-out sentences -> weight and bonus
                       -> n-gram of everything, with that weight beside it

A model gives text that it has seen a far higher probability than new text, and a weight found on such text
comes out far too high. So weight and bonus are found with an n-gram from which the sentences of the held-out
speakers were removed, and hold for the n-gram of everything, which differs from it by these few.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from speechrnn.cores import cores
from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.decoding.ngram.sentences import sentences_in, without
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance
from speechrnn.outputs import LOG_PROBS, SOUNDS
from speechrnn.text import normalise

LINES_A_BLOCK = 10_000

Say = Callable[[str], None]


@dataclass(frozen=True)
class Form:
    """Which n-gram is made."""

    file: str
    """Its name; NAME.ngram.xz is packed."""
    order: int
    prune: tuple[int, ...]
    """N-grams that occur this often or less are dropped: a number per order, the last one repeats."""


WHOLE = Form("words.ngram", order=4, prune=(0, 0, 0, 1))
SHIPPED = Form("english.ngram.xz", order=4, prune=(0, 0, 1, 2))
"""Of 14 million words it takes 8 MB."""
BEAM_IN_SOUNDS = 400
"""Hypotheses of a search in sounds, as many as the weights of the n-gram that ships were found for."""


@dataclass(frozen=True)
class Texts:
    """What an n-gram is made of, and the utterances that its weight is found on."""

    transcripts: Sequence[str]
    """Of all training utterances, the held-out ones among them."""
    files: Sequence[Path]
    """Further text, a sentence a line, plain or compressed."""
    held_out: Sequence[Utterance]

    def sentences(self) -> Iterator[str]:
        """Yield all sentences, normalised. Raises SpeechRnnError for a file that cannot be read."""
        yield from filter(None, map(normalise, self.transcripts))
        yield from sentences_in(self.files)


def build_language_model(
    onnx: Path, folder: Path, texts: Texts, say: Say, form: Form = WHOLE, lexicon: Path | None = None
) -> Path:
    """Write an n-gram of `texts` into `folder`, and beside it its weight for the model `onnx`; return it.

    With a `lexicon` the weight is that for a search over the sounds that the model knows.
    """
    from speechrnn.commands.recognition import emit
    from speechrnn.decoding.beam.tuned_weights import write_weights
    from speechrnn.decoding.beam.tuning import Task, tune, weights_of
    from speechrnn.decoding.ngram.backoff_model import BackoffModel
    from speechrnn.decoding.ngram.counts import count_ngrams
    from speechrnn.decoding.ngram.kneser_ney import estimate
    from speechrnn.decoding.ngram.model import NgramModel
    from speechrnn.decoding.ngram.packed import SUFFIXES, write_packed

    def ngram(sentences: Iterable[str]) -> BackoffModel:
        return estimate(count_ngrams(as_blocks(sentences), form.order), form.prune, fall_back=True)

    output = output_for(lexicon)
    vocabulary, found = emit(onnx, texts.held_out, "cpu", output)
    if not found.utterances:
        raise SpeechRnnError(f"{folder}: no held-out utterance can be read; {found.problems[0]}")
    references = [utterance.text for utterance in found.utterances]
    held_out = [normalise(utterance.text) for utterance in texts.held_out]
    unseen = NgramModel.build(ngram(without(held_out, texts.sentences())))
    task = Task(vocabulary, found.results, references, lexicon)
    beam = BeamSettings().beam if lexicon is None else BEAM_IN_SOUNDS
    best = tune(task, unseen, beam, cores())
    whole = ngram(texts.sentences())
    path = folder / form.file
    if path.suffixes[-2:] == SUFFIXES:
        write_packed(path, whole, "words")
    else:
        NgramModel.build(whole).save(path)
    tuned_on = f"{onnx.name}; {len(references)} held-out utterances"
    write_weights(path, weights_of(best, task, beam, tuned_on), output)
    say(
        f"{path}: {', '.join(f'{len(grams):,} {n}-grams' for n, grams in enumerate(whole.orders, 1))};"
        f" {', '.join(f'{name} {value:g}' for name, value in best.place._asdict().items())}"
        f" (WER {100 * best.errors.rate:.1f} % on {len(references)} held-out utterances)"
    )
    return path


def output_for(lexicon: Path | None) -> str:
    """Return the output of the network that is searched: sounds, if a lexicon tells how words are said."""
    return LOG_PROBS if lexicon is None else SOUNDS


def as_blocks(sentences: Iterable[str]) -> Iterator[bytes]:
    """Yield `sentences` as UTF-8, many to a block, a line each."""
    remaining = iter(sentences)
    while lines := list(islice(remaining, LINES_A_BLOCK)):
        yield ("\n".join(lines) + "\n").encode("utf-8")
