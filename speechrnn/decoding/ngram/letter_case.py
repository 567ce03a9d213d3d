"""The cure for a language model and a recogniser that differ only in the case of letters.

LibriSpeech's models and many others are in upper case; our recognisers write lower case.
"""

import unicodedata

from speechrnn.decoding.ngram.backoff_model import BackoffModel
from speechrnn.decoding.ngram.word_table import SPECIAL_WORDS, WordTable
from speechrnn.errors import SpeechRnnError


def lowered(model: BackoffModel) -> BackoffModel:
    """Return `model` with its words in lower case (and NFC, as all our text is).

    Raises SpeechRnnError if two words become one: their probabilities cannot be put together again.
    """
    seen: dict[str, str] = {}
    for word in model.words.words():
        lower = word if word in SPECIAL_WORDS else unicodedata.normalize("NFC", word.lower())
        if lower in seen:
            raise SpeechRnnError(
                f"--lower: {seen[lower]!r} and {word!r} become one word; train a model on lower-case text"
            )
        seen[lower] = word
    return BackoffModel(WordTable(seen), model.orders)
