"""Beam search: log-probabilities and what else is known of the language in, the likeliest sentences out.

Between the graph's `log_probs` and the formats on the data's way, in the place of `greedy.py`. What is known
is compiled, once, into one automaton (which letters and words may follow: `automaton.py`, `lexicon.py`,
`grammar.py`) and one scorer (n-gram, bonus, hot words: `scorer.py`), and one search runs over both
(`kernel.py`).
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechrnn.decoding.beam.automaton import Automaton
from speechrnn.decoding.beam.grammar import Grammar, grammar_automaton
from speechrnn.decoding.beam.hot_words import HotWord, hot_arrays
from speechrnn.decoding.beam.kept_lexicon import automaton_of_lexicon
from speechrnn.decoding.beam.kernel import Limits
from speechrnn.decoding.beam.language_model import open_vocabulary, scorer
from speechrnn.decoding.beam.lexicon import lexicon_automaton
from speechrnn.decoding.beam.priors import Priors
from speechrnn.decoding.beam.scorer import Rules
from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.decoding.beam.sounds import sound_automaton
from speechrnn.decoding.beam.spelling import Spelling
from speechrnn.decoding.beam.stream import BeamStream
from speechrnn.decoding.beam.writing import InLetters, InSounds, Writing
from speechrnn.decoding.hypothesis import Hypothesis
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.decoding.ngram.word_table import UNKNOWN
from speechrnn.errors import SpeechRnnError
from speechrnn.pronunciation import Pronunciations
from speechrnn.text import Vocabulary


class BeamSearch:
    """A beam search for one vocabulary; made once, used for any number of recordings, from any thread.

    `language_model` scores words or tokens, as its `units` say. `lexicon` allows its words only, `grammar`
    its sentences only. `hot_words` earn a bonus. From `priors` the log-probabilities are freed first. For a
    vocabulary of sounds, `pronunciations`, or a file of them, tell how the words of the language model are
    said, and there is nothing else to give. Raises SpeechRnnError where these do not fit each other or the
    vocabulary.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        settings: BeamSettings | None = None,
        language_model: NgramModel | None = None,
        lexicon: Iterable[str] | None = None,
        grammar: Grammar | None = None,
        hot_words: Sequence[HotWord] = (),
        priors: Priors | None = None,
        pronunciations: Pronunciations | Path | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.settings = settings or BeamSettings()
        words = None if lexicon is None else list(lexicon)
        if words is not None and grammar is not None:
            raise SpeechRnnError(
                "--lexicon, --grammar: a grammar lists its words itself; give one of the two"
            )
        _check_reachable(hot_words, grammar.words if grammar else words)
        if priors is not None and priors.shares.shape != (len(vocabulary),):
            raise SpeechRnnError(
                f"priors: are {priors.shares.shape[0]} numbers for a vocabulary of {len(vocabulary)} tokens;"
                " measure them with the same model"
            )
        self.priors = priors
        spelling = Spelling(vocabulary)
        automaton = _automaton(spelling, language_model, words, grammar, pronunciations)
        self._writing: Writing = InLetters(vocabulary, spelling.tokens)
        if language_model is not None and pronunciations is not None:
            self._writing = InSounds(vocabulary, automaton, language_model.words.words())
        self._rules = Rules(
            spelling.tokens,
            automaton,
            scorer(language_model, self.settings, automaton, spelling),
            hot_arrays(hot_words, spelling),
        )
        self._limits = Limits(
            self.settings.beam,
            float(self.settings.margin),
            float(self.settings.token_floor),
            float(np.log(self.settings.sure_blank)) if self.settings.sure_blank < 1 else np.inf,
            self.settings.nbest,
        )

    def decode(self, log_probs: NDArray[np.floating], frame_seconds: float) -> list[Hypothesis]:
        """Return the best sentences for `log_probs` [frames, tokens], natural log, the likeliest first.

        At least one and at most `settings.nbest`, all different. The score is the log-probability of the
        sentence, freed from `priors`, plus all it earns from language model, bonus and hot words. Word times
        and confidences are defined as in `greedy`, along the likeliest path that writes the sentence. Raises
        SpeechRnnError for NaN, +inf, positive values, probabilities, and a width other than the vocabulary's.
        """
        stream = self.stream(frame_seconds)
        stream.push(log_probs)
        return stream.finish()

    def decode_batch(
        self, batch: Sequence[NDArray[np.floating]], frame_seconds: float, threads: int = 1
    ) -> list[list[Hypothesis]]:
        """Return what `decode` returns for each array of `batch`; `threads` at a time, to the same end."""
        if threads == 1:
            return [self.decode(log_probs, frame_seconds) for log_probs in batch]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(lambda log_probs: self.decode(log_probs, frame_seconds), batch))

    def stream(self, frame_seconds: float) -> BeamStream:
        """Return a search that is fed chunk by chunk, and ends with the same result as `decode`."""
        return BeamStream(
            self._rules,
            self._limits,
            self.vocabulary,
            self._writing,
            frame_seconds,
            self.settings.nbest,
            self.priors,
        )


def _automaton(
    spelling: Spelling,
    model: NgramModel | None,
    lexicon: list[str] | None,
    grammar: Grammar | None,
    pronunciations: Pronunciations | Path | None,
) -> Automaton:
    """Return the automaton of what may be written, its words numbered as `model` numbers them."""
    if (pronunciations is not None) != (spelling.vocabulary.kind == "sounds"):
        raise SpeechRnnError("lexicon: pronunciations go with a network's sounds, and with nothing else")
    if pronunciations is not None:
        if model is None or model.units != "words" or lexicon is not None or grammar is not None:
            raise SpeechRnnError("lexicon: a search over sounds needs an n-gram of words; give one with --lm")
        if isinstance(pronunciations, Path):
            return automaton_of_lexicon(pronunciations, spelling, model)
        return sound_automaton(spelling, pronunciations, model)
    opened = open_vocabulary(model, spelling)
    if lexicon is None and grammar is None:
        return opened
    known = model.words.words() if model is not None and model.units == "words" else []
    numbers = {word: number for number, word in enumerate(known)}
    if grammar is not None:
        return grammar_automaton(grammar, spelling, numbers, UNKNOWN)
    return lexicon_automaton(lexicon or [], spelling, numbers, UNKNOWN)


def _check_reachable(hot_words: Sequence[HotWord], allowed: Iterable[str] | None) -> None:
    """Raise SpeechRnnError for a hot word that lexicon or grammar, which allow the words given, exclude."""
    if allowed is None or not hot_words:
        return
    known = set(allowed)
    for hot in hot_words:
        for word in hot.phrase.split():
            if word not in known:
                raise SpeechRnnError(
                    f"hot word {hot.phrase!r}: {word!r} is not in the lexicon or grammar; add it there"
                )
