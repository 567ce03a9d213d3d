"""From text to the tokens that the network learns to write: characters, or byte-pair pieces; and to sounds.

The alphabet comes from the training text and nothing else. A character that it lacks cannot be a target; it
stays in the reference text and so counts as an error when measuring. Pieces are learnt by sentencepiece's
byte-pair encoding. Where there is text enough, frequent words can be pieces of their own, and the others be
made of few pieces that they alone taught, so that each piece is met often (mixed units: Li et al. 2018,
"Advancing acoustic-to-word CTC model"). How text is cut into pieces follows from their order, which is that
of the vocabulary (`text.py`): so a vocabulary is all that a speller needs, wherever it comes from. Where a
lexicon tells how words are said (`pronunciation.py`), a second head learns their sounds.
"""

import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import sentencepiece

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.pronunciation import Pronunciations
from speechrnn.text import BLANK, WORD_BOUNDARY, Vocabulary, character_tokens, characters_of, piece_tokens


@dataclass(frozen=True)
class Pronouncer:
    """Text to the sounds of its words, the first pronunciation of each."""

    sounds: Vocabulary
    pronunciations: Pronunciations

    def encode(self, text: str) -> list[int]:
        """Return the tokens `[sounds]` of normalised `text`; none if a word or a sound of it is not known."""
        said = [self.pronunciations.get(word) for word in text.split()]
        sounds = [sound for one in said if one is not None for sound in one[0]]
        if None in said or not self.numbers.keys() >= {*sounds}:
            return []
        return [self.numbers[sound] for sound in sounds]

    def unknown_words(self, texts: Iterable[str]) -> Counter[str]:
        """Return how often each word without a pronunciation occurs in `texts`."""
        occurring = Counter(word for text in texts for word in text.split())
        return Counter({word: n for word, n in occurring.items() if not self.encode(word)})

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each sound."""
        return {sound: number for number, sound in enumerate(self.sounds.symbols) if number}


@dataclass(frozen=True)
class Speller:
    """Text to the tokens of a vocabulary, and to sounds if there is a pronouncer."""

    vocabulary: Vocabulary
    pronouncer: Pronouncer | None = None

    @property
    def sounds(self) -> Vocabulary | None:
        """The sounds that it can tell, if any."""
        return None if self.pronouncer is None else self.pronouncer.sounds

    def encode(self, text: str) -> list[int]:
        """Return the tokens `[tokens]` of normalised `text`, without those of characters it cannot write."""
        if self.vocabulary.kind == "characters":
            return character_tokens(text, self.vocabulary)[0]
        return [token for word in text.split() for token in self._in_pieces(word)]

    def encode_sounds(self, text: str) -> list[int]:
        """Return the sounds `[sounds]` of normalised `text`; none if they are not known or not asked for."""
        return [] if self.pronouncer is None else self.pronouncer.encode(text)

    def unknown_characters(self, texts: Iterable[str]) -> Counter[str]:
        """Return how often each character that cannot be written occurs in `texts`."""
        occurring = sum((Counter(text) for text in texts), Counter())
        return Counter({letter: n for letter, n in occurring.items() if letter not in self._characters})

    @cached_property
    def _characters(self) -> set[str]:
        return set().union(*self.vocabulary.symbols[1:], " ")

    def _in_pieces(self, word: str) -> list[int]:
        found = self._words.get(word)
        if found is None:
            found = self._words[word] = piece_tokens(list(word), self._numbers)
        return found

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.vocabulary.symbols)}

    @cached_property
    def _words(self) -> dict[str, list[int]]:
        """The pieces of the words that were met: text has many words, and few different ones."""
        return {}


def learn(texts: Iterable[str], settings: config.Units) -> Speller:
    """Return the speller of `settings` for the normalised training `texts`; their order does not matter."""
    texts = sorted(texts)
    if not any(texts):
        raise SpeechRnnError("training set: all transcripts are empty; check the manifest's `text`")
    if settings.kind == "characters":
        return Speller(characters_of(texts))
    fewest = settings.words + len({WORD_BOUNDARY, *"".join(texts)} - {" "})
    if settings.pieces < fewest:
        besides = f"--model.units.words {settings.words} and " if settings.words else ""
        raise SpeechRnnError(
            f"--model.units.pieces {settings.pieces} is fewer than {besides}the training text has"
            f" characters; give {fewest} or more, or use characters"
        )
    pieces = _words_and_pieces(texts, settings) if settings.words else _learnt_pieces(texts, settings.pieces)
    return Speller(Vocabulary("bpe", (BLANK, *pieces)))


def _words_and_pieces(texts: list[str], settings: config.Units) -> list[str]:
    """Return pieces learnt from the words that are not among the most frequent, and after them these words.

    More words where one of them is a piece of others as well: as many pieces as are asked for in all.
    """
    counts = Counter(word for text in texts for word in text.split())
    by_frequency = sorted(counts, key=lambda word: (-counts[word], word))
    rare = [word for word in by_frequency[settings.words :] for _ in range(counts[word])]
    alphabet = sorted({*"".join(texts)} - {" "})
    pieces = _learnt_pieces([*rare, " ".join(alphabet)], settings.pieces - settings.words)
    words = dict.fromkeys(WORD_BOUNDARY + word for word in by_frequency)
    chosen = [*dict.fromkeys((*pieces, *words))][: settings.pieces]
    if len(chosen) < settings.pieces:
        raise _too_many(settings.pieces)
    return chosen


def _learnt_pieces(texts: list[str], pieces: int) -> list[str]:
    """Return `pieces` pieces for `texts`, in the order in which they were learnt, single characters last."""
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
        raise _too_many(pieces) from error
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return [processor.id_to_piece(token) for token in range(1, processor.get_piece_size())]


def _too_many(pieces: int) -> SpeechRnnError:
    return SpeechRnnError(
        f"--model.units.pieces: {pieces} are more than the training text yields;"
        " give fewer, or use characters"
    )
