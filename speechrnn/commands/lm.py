"""`speechrnn lm`: make, measure, tune and convert n-gram language models.

A model is written as ARPA where the name ends in .arpa or .arpa.gz, which every tool reads; packed where it
ends in .ngram.xz; and otherwise in the form that opens at once. Text is taken as it stands: write it as the
recogniser writes.
"""

import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from speechrnn.commands.lm_tune import Tune
from speechrnn.decoding.ngram.text_blocks import Units
from speechrnn.errors import SpeechRnnError

if TYPE_CHECKING:
    from speechrnn.decoding.ngram.backoff_model import BackoffModel


@dataclass(frozen=True)
class Train:
    """Estimate a model from text (interpolated modified Kneser-Ney, as KenLM's lmplz)."""

    texts: tyro.conf.Positional[tuple[Path, ...]]
    """Text files with a sentence a line, plain or compressed (.gz, .xz, .bz2)."""
    to: Path
    """File to write: NAME.ngram opens at once; NAME.ngram.xz is a tenth of the size, its figures rounded, and
    is unpacked when it is first opened; NAME.arpa and NAME.arpa.gz are for other tools."""
    order: int = 3
    """Length of the longest n-grams, 1 to 6."""
    prune: tuple[int, ...] = ()
    """Drop n-grams that occur this often or less: a number per order, such as 0 0 1; the last one repeats."""
    discount_fallback: bool = False
    """Take fixed discounts where a text is too small or too regular to estimate them."""
    units: Units = "words"
    """What a symbol is: words; characters, into which lines are split; or pieces, split already."""

    def act(self) -> None:
        """Count, estimate, and write the model."""
        from speechrnn.decoding.ngram.counts import count_ngrams
        from speechrnn.decoding.ngram.kneser_ney import estimate
        from speechrnn.decoding.ngram.text_blocks import symbols, training_blocks

        _check_named(self.texts)
        text = chain.from_iterable(training_blocks(path) for path in self.texts)
        counts = count_ngrams(symbols(text, self.units), self.order)
        _write(estimate(counts, self.prune, self.discount_fallback), self.units, self.to)


@dataclass(frozen=True)
class Perplexity:
    """Measure how well a model predicts text, with and without the words that it does not know."""

    model: tyro.conf.Positional[Path]
    """A language model, converted or ARPA."""
    texts: tyro.conf.Positional[tuple[Path, ...]]
    """Text files with a sentence a line, plain or compressed."""

    def act(self) -> None:
        """Score the text and print the figures."""
        from speechrnn.decoding.ngram.model import NgramModel
        from speechrnn.decoding.ngram.perplexity import score_text
        from speechrnn.decoding.ngram.text_blocks import text_blocks

        _check_named(self.texts)
        model = NgramModel.open(self.model, _warn)
        result = score_text(model, chain.from_iterable(text_blocks(path) for path in self.texts))
        print(f"perplexity\t{result.perplexity:.3f}")
        print(f"perplexity without unknown words\t{result.known_perplexity:.3f}")
        print(f"unknown words\t{result.unknown}")
        print(f"words and sentence ends\t{result.tokens}")


@dataclass(frozen=True)
class Convert:
    """Convert a model between ARPA, the form that opens at once, and a small one to ship."""

    model: tyro.conf.Positional[Path]
    """A language model, converted or ARPA (plain, .gz, .xz, .bz2)."""
    to: Path
    """File to write: NAME.ngram opens at once; NAME.ngram.xz is a tenth of the size, its figures rounded, and
    is unpacked when it is first opened; NAME.arpa and NAME.arpa.gz are for other tools."""
    lower: bool = False
    """Put the words into lower case, which is what recognisers write."""
    units: Units | None = None
    """What the model's symbols are, if they are not words: ARPA files do not say so."""

    def act(self) -> None:
        """Read the model and write it again."""
        from speechrnn.decoding.ngram.letter_case import lowered
        from speechrnn.decoding.ngram.model import NgramModel

        opened = NgramModel.open(self.model, _warn)
        model = opened.backoff_model()
        _write(lowered(model) if self.lower else model, self.units or opened.units, self.to)


@dataclass(frozen=True)
class Lm:
    """Make, measure, tune and convert n-gram language models."""

    action: tyro.conf.OmitArgPrefixes[
        Annotated[Train, tyro.conf.subcommand("train")]
        | Annotated[Perplexity, tyro.conf.subcommand("perplexity")]
        | Annotated[Tune, tyro.conf.subcommand("tune")]
        | Annotated[Convert, tyro.conf.subcommand("convert")]
    ]


def run(options: Lm) -> int:
    """Do what was asked for; return the exit status."""
    options.action.act()
    return 0


def _check_named(texts: tuple[Path, ...]) -> None:
    """Raise SpeechRnnError unless there is a text."""
    if not texts:
        raise SpeechRnnError("no text file is named; name one or more")


def _write(model: "BackoffModel", units: Units, to: Path) -> None:
    """Write `model` in the form that the name `to` asks for, and say how large it is."""
    from speechrnn.decoding.ngram.arpa_writing import write_arpa
    from speechrnn.decoding.ngram.model import NgramModel
    from speechrnn.decoding.ngram.packed import SUFFIXES, write_packed

    if to.suffixes[-2:] == SUFFIXES:
        write_packed(to, model, units)
    elif to.suffix == ".arpa" or to.suffixes[-2:] == [".arpa", ".gz"]:
        write_arpa(to, model)
    else:
        NgramModel.build(model, units).save(to)
    sizes = ", ".join(f"{len(ngrams):,} {order}-grams" for order, ngrams in enumerate(model.orders, start=1))
    print(f"speechrnn: {to}: {sizes}", file=sys.stderr)


def _warn(message: str) -> None:
    """Say on stderr what had to be mended."""
    print(f"speechrnn: {message}", file=sys.stderr)
