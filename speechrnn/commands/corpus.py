"""`speechrnn corpus`: get a corpus, and say where it is.

One subcommand a corpus. What is on this machine already (`--data-dir`, or SPEECHRNN_DATA) is used, the rest
is downloaded or made. The places go to stdout, one a line: a tree for `speechrnn manifest`, or manifests for
`speechrnn train`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from speechrnn.corpora.synthetic import Settings, make_corpus


@dataclass(frozen=True)
class Librispeech:
    """Parts of LibriSpeech or mini LibriSpeech, from OpenSLR: read English, up to 960 hours."""

    to: Path
    """Folder to put it in; the tree is FOLDER/LibriSpeech."""
    parts: tuple[str, ...] = ("train-clean-5", "dev-clean-2")
    """Parts to fetch, such as train-clean-100 or test-other; mini LibriSpeech by default."""
    data_dir: Path | None = None
    """Folder that has a tree already; by default what SPEECHRNN_DATA names."""

    def bring(self) -> list[Path]:
        """Find a tree with all parts or fetch those that are missing; return the tree."""
        from speechrnn.corpora.librispeech import fetch_parts, find_tree

        return [find_tree(self.data_dir, self.parts) or fetch_parts(self.to, self.parts)]


@dataclass(frozen=True)
class LibrispeechLm:
    """LibriSpeech's published language models (ARPA), lexicon and vocabulary, from OpenSLR."""

    to: Path
    """Folder to put them in."""
    files: tuple[str, ...] = ("3-gram.pruned.1e-7.arpa.gz", "librispeech-lexicon.txt")
    """Files to fetch, such as 4-gram.arpa.gz."""

    def bring(self) -> list[Path]:
        """Fetch the files that are missing; return them all."""
        from speechrnn.corpora.librispeech import fetch_language_models

        return fetch_language_models(self.to, self.files)


@dataclass(frozen=True)
class Digits:
    """Connected digits, composed of the Free Spoken Digit recordings: 6 speakers, 2 hours."""

    to: Path
    """Folder to put the strings and their manifests in."""
    data_dir: Path | None = None
    """Folder that has the recordings already (fsdd/); by default what SPEECHRNN_DATA names."""
    holdout_speaker: str | None = None
    """Speaker to leave out of training and to test on alone."""
    seed: int = 1
    """Seed of the strings and pauses."""

    def bring(self) -> list[Path]:
        """Find or fetch the recordings and compose strings; return the manifests."""
        from speechrnn.corpora import digit_strings, digits

        recordings = digits.read(digits.find(self.data_dir) or digits.fetch(self.to))
        manifests = digit_strings.compose(recordings, self.to, self.holdout_speaker, self.seed)
        return [manifests.train, manifests.test]


@dataclass(frozen=True)
class An4:
    """CMU AN4: spelt words and numbers, 84 speakers, 0.8 hours."""

    to: Path
    """Folder to put the manifests in, and the recordings where they are downloaded."""
    data_dir: Path | None = None
    """Folder that has the recordings already (an4/); by default what SPEECHRNN_DATA names."""

    def bring(self) -> list[Path]:
        """Find or fetch the corpus; return the manifests."""
        from speechrnn.corpora import an4
        from speechrnn.corpora.data_folder import made_folder
        from speechrnn.manifest import write_manifest

        corpus = an4.read(an4.find(self.data_dir) or an4.fetch(self.to))
        manifests = [made_folder(self.to) / name for name in ("train.jsonl", "test.jsonl")]
        for manifest, utterances in zip(manifests, (corpus.train, corpus.test), strict=True):
            write_manifest(manifest, utterances)
        return manifests


@dataclass(frozen=True)
class Synthetic:
    """A corpus in LibriSpeech's layout, spoken by espeak-ng (the extra [synthetic])."""

    to: Path
    """Folder to put it in."""
    settings: Settings = field(default_factory=Settings)

    def bring(self) -> list[Path]:
        """Speak the corpus unless it is there; return its tree."""
        return [make_corpus(self.to, self.settings)]


@dataclass(frozen=True)
class Corpus:
    """Get a corpus: download it, compose it or have it spoken."""

    corpus: tyro.conf.OmitArgPrefixes[
        Annotated[Librispeech, tyro.conf.subcommand("librispeech")]
        | Annotated[LibrispeechLm, tyro.conf.subcommand("librispeech-lm")]
        | Annotated[Digits, tyro.conf.subcommand("digits")]
        | Annotated[An4, tyro.conf.subcommand("an4")]
        | Annotated[Synthetic, tyro.conf.subcommand("synthetic")]
    ]


def run(options: Corpus) -> int:
    """Bring the corpus and print where it is, one path a line; return the exit status."""
    for place in options.corpus.bring():
        print(place)
    return 0
