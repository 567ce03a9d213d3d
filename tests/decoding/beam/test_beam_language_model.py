"""An n-gram model guides the search if its words or tokens fit the vocabulary, and says so if they do not."""

import pytest

from speechrnn.decoding.beam.language_model import open_vocabulary, scorer
from speechrnn.decoding.beam.search import BeamSearch
from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.decoding.beam.spelling import Spelling
from speechrnn.decoding.ngram.counts import count_ngrams
from speechrnn.decoding.ngram.kneser_ney import estimate
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.errors import SpeechRnnError
from speechrnn.text import BLANK, Vocabulary
from tests.decoding.beam.search_cases import LETTERS, random_log_probs, trigrams

UPPER = Vocabulary("characters", (BLANK, " ", "A", "B"))


def upper_case(units):
    text = b"A B\nAB A B\nBA A\n" if units == "words" else "A ▁ B\nA B ▁ A ▁ B\n".encode()
    return NgramModel.build(estimate(count_ngrams([text], 2), fall_back=True), units)


@pytest.mark.parametrize("units", ["words", "characters"])
def test_a_model_in_upper_case_for_a_vocabulary_in_lower_case_is_refused_with_the_cure(units):
    with pytest.raises(SpeechRnnError, match="speechrnn lm convert --lower") as error:
        BeamSearch(LETTERS, language_model=upper_case(units))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("units", ["words", "characters"])
def test_a_model_in_lower_case_for_a_vocabulary_in_upper_case_is_refused(units):
    with pytest.raises(SpeechRnnError, match="is in lower case, the vocabulary of the model in upper case"):
        BeamSearch(UPPER, language_model=trigrams(units))


def test_a_token_model_that_knows_no_token_is_refused():
    digits = Vocabulary("characters", (BLANK, "1", "2"))
    with pytest.raises(SpeechRnnError, match="knows none of the 2 tokens"):
        BeamSearch(digits, language_model=trigrams("characters"))


def test_some_words_that_cannot_be_written_do_no_harm():
    vocabulary = Vocabulary("characters", (BLANK, " ", "a"))
    assert BeamSearch(vocabulary, language_model=trigrams()).decode(random_log_probs(0, 10, 3), 0.04)


def test_the_look_ahead_is_what_the_best_word_below_a_state_earns_by_itself():
    settings = BeamSettings(lm_weight=2.0, word_bonus=0.5, unknown_word=-3.0)
    spelling = Spelling(LETTERS)
    automaton = open_vocabulary(trigrams(), spelling)
    ahead = scorer(trigrams(), settings, automaton, spelling).ahead
    model = trigrams()

    def alone(word):
        return 0.5 + 2.0 * model.tables.first_log_probs[model.words.number(word)]

    unknown = alone("<unk>") - 3.0
    words = [word for word in model.words.words() if not word.startswith("<")]
    assert ahead[0] == pytest.approx(max(map(alone, words)))
    assert ahead[automaton.stray] == pytest.approx(unknown)
    assert min(ahead) == ahead[automaton.stray]
