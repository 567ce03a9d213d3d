"""From text to the tokens that the network learns to write: characters, or byte-pair pieces.

The alphabet comes from the training text and nothing else. A character that it lacks cannot be a target; it
stays in the reference text and so counts as an error when measuring. Pieces are learnt by sentencepiece's
byte-pair encoding (Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units",
2016). Its model is only needed to encode text, that is in training: a folder keeps it in `pieces.model`, data
that executes nothing, next to `config.json`, whose list of symbols is all that running needs.
"""

import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import sentencepiece

from speechrnn import config
from speechrnn.errors import SpeechRnnError, check_readable
from speechrnn.text import BLANK, WORD_BOUNDARY, Vocabulary, character_tokens, characters_of

PIECES_FILE = "pieces.model"


@dataclass(frozen=True)
class Speller:
    """Text to tokens: a vocabulary, and for pieces the bytes of sentencepiece's model (None: characters)."""

    vocabulary: Vocabulary
    pieces: bytes | None = None

    def encode(self, text: str) -> list[int]:
        """Return the tokens `[tokens]` of normalised `text`, without those of characters it cannot write."""
        if self.pieces is None:
            return character_tokens(text, self.vocabulary)[0]
        return [token for token in self._processor.encode(text) if token != 0]

    def unknown_characters(self, texts: Iterable[str]) -> Counter[str]:
        """Return how often each character that cannot be written occurs in `texts`."""
        occurring = sum((Counter(text) for text in texts), Counter())
        return Counter({letter: n for letter, n in occurring.items() if letter not in self._characters})

    @cached_property
    def _characters(self) -> set[str]:
        return set().union(*self.vocabulary.symbols[1:], " ")

    @cached_property
    def _processor(self) -> "sentencepiece.SentencePieceProcessor":
        return sentencepiece.SentencePieceProcessor(model_proto=self.pieces)


def learn(texts: Iterable[str], settings: config.Units) -> Speller:
    """Return the speller of `settings` for the normalised training `texts`; their order does not matter."""
    texts = sorted(texts)
    if not any(texts):
        raise SpeechRnnError("training set: all transcripts are empty; check the manifest's `text`")
    if settings.kind == "characters":
        return Speller(characters_of(texts))
    return _of_pieces(_learnt_pieces(texts, settings.pieces))


def save_pieces(speller: Speller, folder: Path) -> None:
    """Write into the model folder `folder` what encoding needs beyond the vocabulary (pieces only)."""
    if speller.pieces is not None:
        (folder / PIECES_FILE).write_bytes(speller.pieces)


def load(folder: Path, vocabulary: Vocabulary) -> Speller:
    """Return the speller of the model folder `folder`, whose configuration holds `vocabulary`."""
    if vocabulary.kind == "characters":
        return Speller(vocabulary)
    file = folder / PIECES_FILE
    check_readable(file)
    cure = "copy it again from where the model was trained"
    try:
        speller = _of_pieces(file.read_bytes())
    except RuntimeError as error:
        raise SpeechRnnError(f"{file}: is not a sentencepiece model; {cure}") from error
    if speller.vocabulary != vocabulary:
        raise SpeechRnnError(f"{file}: has other pieces than config.json; {cure}")
    return speller


def _learnt_pieces(texts: list[str], pieces: int) -> bytes:
    """Return a sentencepiece model of `pieces` pieces for `texts`."""
    fewest = len(set("".join(texts).replace(" ", WORD_BOUNDARY)) | {WORD_BOUNDARY})
    if pieces < fewest:
        raise SpeechRnnError(
            f"--model.units.pieces {pieces} is fewer than the training text has characters; "
            f"give {fewest} or more, or use characters"
        )
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type="bpe",
            vocab_size=pieces + 1,  # its piece 0, for what it does not know, is the place of our blank
            unk_id=0,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            character_coverage=1.0,
            normalization_rule_name="identity",
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise SpeechRnnError(
            f"--model.units.pieces {pieces} is more than the training text yields; "
            "give fewer, or use characters"
        ) from error
    return model.getvalue()


def _of_pieces(model: bytes) -> Speller:
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    symbols = [processor.id_to_piece(token) for token in range(1, processor.get_piece_size())]
    return Speller(Vocabulary("bpe", (BLANK, *symbols)), model)
