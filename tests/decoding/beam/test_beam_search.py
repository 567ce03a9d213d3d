"""The beam search finds what enumerating every path finds, with everything it can be told of the language."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.decoding.beam.grammar import grammar
from speechrnn.decoding.beam.hot_words import HotWord
from speechrnn.decoding.beam.hypotheses import final_hypotheses
from speechrnn.decoding.beam.search import BeamSearch
from speechrnn.decoding.beam.settings import BeamSettings
from speechrnn.decoding.greedy import greedy
from speechrnn.decoding.ngram.word_table import UNKNOWN
from speechrnn.errors import SpeechRnnError
from speechrnn.text import BLANK, Vocabulary
from tests.decoding.beam.search_cases import LETTERS, PIECES, everything, random_log_probs, trigrams
from tests.reference.prefix_beam import prefix_beam
from tests.reference.sentences import every_sentence, hot_bonus

seeds = st.integers(0, 10**6)
SENTENCES = ("a", "ab b", "ab a", "b a b")


def word_score(text: str) -> float:
    """What the word n-gram and the settings of `told` make of a sentence."""
    unknown = sum(trigrams().words.number(word) == UNKNOWN for word in text.split())
    return 0.7 * trigrams().log_prob(text) + 0.5 * len(text.split()) - 2.0 * unknown


def piece_score(text_tokens: tuple[int, ...]) -> float:
    return 0.7 * trigrams("pieces").log_prob(" ".join(PIECES.symbols[token] for token in text_tokens))


TOLD = {  # what the search is told, and what a sentence earns by it
    "nothing": ({}, lambda text: 0.0),
    "a word n-gram": ({"language_model": trigrams()}, word_score),
    "a letter n-gram": (
        {"language_model": trigrams("characters")},
        lambda text: 0.7 * trigrams("characters").log_prob(text) + 0.5 * len(text.split()),
    ),
    "a lexicon": (
        {"lexicon": ["a", "ab", "bb"]},
        lambda text: 0.0 if {*text.split()} <= {"a", "ab", "bb"} else -math.inf,
    ),
    "hot words": (
        {"hot_words": [HotWord("a", 1.5), HotWord("ab a", 4.0), HotWord("b", -1.0)]},
        lambda text: hot_bonus(text, {"a": 1.5, "ab a": 4.0, "b": -1.0}),
    ),
    "a grammar": (
        {"grammar": grammar("\n".join(SENTENCES))},
        lambda text: 0.0 if text in SENTENCES else -math.inf,
    ),
    "a lexicon, a word n-gram and hot words": (
        {"lexicon": ["a", "bb"], "language_model": trigrams(), "hot_words": [HotWord("bb a", 3.0)]},
        lambda text: (
            word_score(text) + hot_bonus(text, {"bb a": 3.0}) if {*text.split()} <= {"a", "bb"} else -math.inf
        ),
    ),
    "a grammar and a word n-gram": (
        {"grammar": grammar("\n".join(SENTENCES)), "language_model": trigrams()},
        lambda text: word_score(text) if text in SENTENCES else -math.inf,
    ),
}


def told(knowledge: dict, vocabulary: Vocabulary, **changes: float) -> BeamSearch:
    """A search that drops nothing; weight and bonus only where there is a language model."""
    weights = (
        {"lm_weight": 0.7, "word_bonus": 0.5, "unknown_word": -2.0} if "language_model" in knowledge else {}
    )
    return BeamSearch(vocabulary, everything(**{**weights, **changes}), **knowledge)


@pytest.mark.parametrize(
    ("case", "vocabulary"),
    [(case, LETTERS) for case in TOLD] + [(case, PIECES) for case in TOLD if case != "a letter n-gram"],
)
@settings(max_examples=12, deadline=None)
@given(seed=seeds, frames=st.integers(0, 5), peakedness=st.sampled_from([0.5, 3.0]))
def test_all_sentences_and_scores_are_those_of_enumerating_every_path(
    case, vocabulary, seed, frames, peakedness
):
    knowledge, earned = TOLD[case]
    log_probs = random_log_probs(seed, frames, len(vocabulary), peakedness)
    expected = every_sentence(log_probs, vocabulary, lambda labels: earned(vocabulary.spell(labels)))
    found = told(knowledge, vocabulary).decode(log_probs, 0.04)
    if not expected:
        assert [hypothesis.text for hypothesis in found] == [""]
        return
    scores = {hypothesis.text: hypothesis.score for hypothesis in found}
    assert scores == pytest.approx(dict(expected), abs=1e-4)
    assert len(found) == len(scores)
    assert [hypothesis.score for hypothesis in found] == sorted(scores.values(), reverse=True)


@settings(max_examples=12, deadline=None)
@given(seed=seeds, frames=st.integers(1, 5))
def test_a_piece_n_gram_scores_each_way_to_write_a_sentence_by_itself(seed, frames):
    log_probs = random_log_probs(seed, frames, len(PIECES))
    search = BeamSearch(PIECES, everything(lm_weight=0.7), language_model=trigrams("pieces"))
    found = {hypothesis.text: hypothesis.score for hypothesis in search.decode(log_probs, 0.04)}
    assert found == pytest.approx(dict(every_sentence(log_probs, PIECES, piece_score)), abs=1e-4)


@settings(max_examples=80, deadline=None)
@given(
    seed=seeds,
    frames=st.integers(1, 30),
    width=st.integers(1, 20),
    margin=st.sampled_from([math.inf, 8.0, 2.0]),
    floor=st.sampled_from([-math.inf, -4.0, -1.0]),
    peakedness=st.sampled_from([0.5, 1.5, 3.0]),
)
def test_beam_margin_and_floor_keep_what_the_book_keeps(seed, frames, width, margin, floor, peakedness):
    vocabulary = Vocabulary("characters", (BLANK, "a", "b", "c", "d"))
    log_probs = random_log_probs(seed, frames, len(vocabulary), peakedness)
    limits = everything(beam=width, margin=margin, token_floor=floor)
    stream = BeamSearch(vocabulary, limits).stream(0.04)
    stream.push(log_probs)
    of_the_book = stream._searches[-1]
    found = final_hypotheses(stream._rules, of_the_book.beam, stream._searched(), limits.nbest)
    expected = prefix_beam(log_probs.astype(np.float64), width, margin=margin, floor=floor)
    assert [hypothesis.text for hypothesis in found] == [vocabulary.spell(prefix) for prefix, _ in expected]
    assert [hypothesis.score for hypothesis in found] == pytest.approx(
        [score for _, score in expected], abs=1e-4
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=40))
def test_a_beam_of_one_is_greedy_on_peaked_input(path):
    log_probs = np.log(np.full((len(path), 4), 0.001, np.float32))
    log_probs[np.arange(len(path)), path] = math.log(0.997)
    best = BeamSearch(LETTERS, BeamSettings(beam=1)).decode(log_probs, 0.1)[0]
    expected = greedy(log_probs, LETTERS, 0.1)
    assert best.text == expected.text
    assert [(w.text, w.start, w.end) for w in best.words] == [
        (w.text, w.start, w.end) for w in expected.words
    ]
    assert [w.confidence for w in best.words] == pytest.approx([w.confidence for w in expected.words])


@settings(max_examples=15, deadline=None)
@given(seed=seeds, shift=st.floats(-5, 0))
def test_a_constant_added_to_a_frame_changes_the_score_only(seed, shift):
    log_probs = random_log_probs(seed, 12, len(LETTERS))
    search = BeamSearch(LETTERS, everything(beam=10, nbest=5), language_model=trigrams())
    before = search.decode(log_probs, 0.04)
    log_probs[5] += np.float32(shift)
    after = search.decode(log_probs, 0.04)
    assert [hypothesis.text for hypothesis in after] == [hypothesis.text for hypothesis in before]
    assert [one.score - other.score for one, other in zip(after, before, strict=True)] == pytest.approx(
        [shift] * len(before), abs=1e-4
    )


def test_the_number_of_threads_changes_nothing():
    batch = [random_log_probs(seed, 40 + seed, len(LETTERS)) for seed in range(12)]
    search = BeamSearch(LETTERS, BeamSettings(beam=20, nbest=3), language_model=trigrams())
    assert search.decode_batch(batch, 0.04, threads=4) == search.decode_batch(batch, 0.04)


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_frames_that_are_surely_blank_can_be_passed_over(seed):
    log_probs = random_log_probs(seed, 30, len(LETTERS))
    silent = np.random.default_rng(seed).random(30) < 0.6
    log_probs[silent] = np.log(np.array([1 - 3e-7, 1e-7, 1e-7, 1e-7], np.float32))
    limits = {"beam": 400, "nbest": 400}
    exact = BeamSearch(LETTERS, everything(**limits)).decode(log_probs, 0.04)[:3]
    passing = BeamSearch(LETTERS, everything(**limits, sure_blank=0.9999)).decode(log_probs, 0.04)[:3]
    assert [one.text for one in passing] == [one.text for one in exact]
    assert [one.score for one in passing] == pytest.approx([one.score for one in exact], abs=1e-3)


def test_passing_over_a_frame_adds_its_blank_alone():
    log_probs = np.log(np.array([[0.2, 0.2, 0.5, 0.1], [0.7, 0.1, 0.1, 0.1]], np.float32))
    passing = BeamSearch(LETTERS, everything(sure_blank=0.6)).decode(log_probs, 0.04)
    assert {one.text: one.score for one in passing} == pytest.approx(
        {"a": math.log(0.5 * 0.7), "": math.log(0.4 * 0.7), "b": math.log(0.1 * 0.7)}, abs=1e-5
    )


def test_no_frames_say_nothing():
    assert BeamSearch(LETTERS).decode(np.zeros((0, 4), np.float32), 0.04)[0].text == ""


def test_impossible_tokens_do_no_harm():
    log_probs = random_log_probs(1, 20, len(LETTERS))
    log_probs[:, 3] = -np.inf
    log_probs[7, 0] = -np.inf
    best = BeamSearch(LETTERS).decode(log_probs, 0.04)[0]
    assert set(best.text) <= {"a", " "}
    assert math.isfinite(best.score)


def test_a_sentence_that_breaks_off_is_returned_without_its_unfinished_word():
    path = [2, 3, 1, 3, 3, 0]  # "ab b": the second word is not in the lexicon
    log_probs = np.log(np.full((len(path), 4), 1e-6, np.float32))
    log_probs[np.arange(len(path)), path] = -1e-5
    best = BeamSearch(LETTERS, BeamSettings(beam=4), lexicon=["ab", "ba"]).decode(log_probs, 0.1)[0]
    assert best.text == "ab"
    assert [(word.text, word.start) for word in best.words] == [("ab", 0.0)]


def test_what_a_grammar_does_not_hold_is_the_empty_sentence():
    log_probs = np.log(np.full((3, 4), 1e-6, np.float32))
    log_probs[:, 3] = -1e-5
    best = BeamSearch(LETTERS, BeamSettings(beam=2), grammar=grammar("ab ab")).decode(log_probs, 0.1)[0]
    assert (best.text, best.words) == ("", ())
    assert best.score == pytest.approx(float(log_probs[:, 0].sum()))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda x: x[:, :3], "shape"),
        (lambda x: x[0], "shape"),
        (lambda x: np.where(np.eye(*x.shape) > 0, np.nan, x), "NaN"),
        (lambda x: np.where(np.eye(*x.shape) > 0, np.inf, x), r"\+inf"),
        (lambda x: x + 3, "above 0"),
        (np.exp, "these are probabilities"),
        (partial(np.full_like, fill_value=-np.inf), "frame 0"),
    ],
)
def test_what_are_no_log_probabilities_is_said_in_one_line(spoil, complaint):
    with pytest.raises(SpeechRnnError, match=complaint) as error:
        BeamSearch(LETTERS).decode(spoil(random_log_probs(0, 6, len(LETTERS))), 0.04)
    assert "\n" not in str(error.value)


def test_half_precision_and_read_only_arrays_are_taken():
    log_probs = random_log_probs(3, 20, len(LETTERS), 3.0)
    halved = log_probs.astype(np.float16)
    halved.setflags(write=False)
    assert (
        BeamSearch(LETTERS).decode(halved, 0.04)[0].text
        == BeamSearch(LETTERS).decode(log_probs, 0.04)[0].text
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"beam": 0},
        {"nbest": 0},
        {"lm_weight": -1.0},
        {"word_bonus": math.nan},
        {"margin": 0.0},
        {"sure_blank": 0.0},
    ],
)
def test_settings_that_no_search_can_use_are_refused(wrong):
    with pytest.raises(SpeechRnnError):
        BeamSettings(**wrong)


def test_lexicon_and_grammar_together_are_refused():
    with pytest.raises(SpeechRnnError, match="one of the two"):
        BeamSearch(LETTERS, lexicon=["a"], grammar=grammar("a"))


@pytest.mark.parametrize("allowed", [{"lexicon": ["a", "ab"]}, {"grammar": grammar("a ab")}])
def test_a_hot_word_that_cannot_be_written_is_refused(allowed):
    with pytest.raises(SpeechRnnError, match="'bb' is not in the lexicon or grammar"):
        BeamSearch(LETTERS, hot_words=[HotWord("a bb")], **allowed)


@settings(max_examples=60, deadline=None)
@given(seed=seeds, told=st.sampled_from(["a word n-gram", "hot words", "a grammar"]), nbest=st.integers(1, 3))
def test_dropping_what_is_outdone_loses_none_of_the_best_sentences(seed, told, nbest):
    """Letters write a sentence in two ways, with and without a space at the end; one of them stays."""
    log_probs = random_log_probs(seed, 6, len(LETTERS), 2.0)
    given_, _ = TOLD[told]
    exact = {
        one.text: one.score
        for one in BeamSearch(LETTERS, everything(lm_weight=0.7, word_bonus=0.5), **given_).decode(
            log_probs, 1
        )
    }
    found = BeamSearch(LETTERS, everything(lm_weight=0.7, word_bonus=0.5, nbest=nbest), **given_)
    best = found.decode(log_probs, 1)
    for one, score in zip(best, sorted(exact.values(), reverse=True), strict=False):
        assert score - math.log(2) - 1e-4 <= one.score <= exact[one.text] + 1e-4
    assert len(best) == min(nbest, len(exact))


@settings(max_examples=40, deadline=None)
@given(seed=seeds, width=st.integers(1, 12), nbest=st.integers(2, 8), frames=st.integers(1, 40))
def test_asking_for_more_sentences_makes_the_best_no_worse(seed, width, nbest, frames):
    log_probs = random_log_probs(seed, frames, len(LETTERS), 1.5)
    alone, *_ = BeamSearch(LETTERS, everything(beam=width, nbest=1), trigrams("words")).decode(
        log_probs, 0.04
    )
    found = BeamSearch(LETTERS, everything(beam=width, nbest=nbest), trigrams("words")).decode(
        log_probs, 0.04
    )
    assert found[0].score >= alone.score
    assert len({one.text for one in found}) == len(found) <= nbest
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_a_narrow_beam_is_not_filled_with_histories_that_do_not_matter_any_more():
    """After an unclear beginning the prefixes of the beam differ in what may follow."""
    log_probs = np.concatenate(
        [random_log_probs(3, 8, 4, 0.1), np.tile(random_log_probs(1, 2, 4, 6.0), (20, 1))]
    )
    alive = []
    for nbest in (1, 5000):
        stream = BeamSearch(LETTERS, everything(beam=64, nbest=nbest), trigrams("words")).stream(0.04)
        stream.push(log_probs)
        beam = stream._searches[-1].beam
        entries = beam.entries[: beam.counts[1]]
        futures = {
            tuple(entry[name] for name in ("lm", "state", "token", "hot", "open")) for entry in entries
        }
        alive.append(len(futures) / len(entries))
    assert alive[0] > alive[1] + 0.2
