"""Errors are the fewest edits, and the intervals say how far a finite test set can be trusted."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.scoring import aligned_words, closest, score, word_errors
from tests.reference.edit_distance import edit_distance

sentences = st.lists(st.sampled_from(["a", "b", "c", "dd", "é"]), max_size=8).map(" ".join)
pairs = st.lists(st.tuples(sentences, sentences), min_size=1, max_size=6)


@given(pairs)
def test_errors_are_the_fewest_edits_by_words_and_by_characters(texts: list[tuple[str, str]]):
    references, hypotheses = zip(*texts, strict=True)
    result = score(references, hypotheses)
    for utterance, (reference, hypothesis) in zip(result.utterances, texts, strict=True):
        assert utterance.words.errors == edit_distance(reference.split(), hypothesis.split())
        assert utterance.characters.errors == edit_distance(reference, hypothesis)


@given(pairs)
def test_the_corpus_is_the_sum_of_its_utterances(texts: list[tuple[str, str]]):
    references, hypotheses = zip(*texts, strict=True)
    result = score(references, hypotheses)
    errors = result.substitutions + result.deletions + result.insertions
    assert errors == sum(utterance.words.errors for utterance in result.utterances)
    assert result.words == sum(len(text.split()) for text in references)
    assert result.wer == errors / max(result.words, 1)


@given(sentences, sentences)
def test_aligned_words_are_both_texts_and_as_many_edits_as_are_counted(reference: str, hypothesis: str):
    aligned = aligned_words(reference, hypothesis)
    assert [said for said, _ in aligned if said is not None] == reference.split()
    assert [read for _, read in aligned if read is not None] == hypothesis.split()
    edits = sum(said != read for said, read in aligned)
    assert edits == edit_distance(reference.split(), hypothesis.split())


def test_each_kind_of_edit_is_counted_as_itself():
    result = score(["a b c", "d e", "f"], ["a x c", "d", "f g"])
    assert (result.words, result.substitutions, result.deletions, result.insertions) == (6, 1, 1, 1)
    assert result.wer == 0.5


def test_long_utterances_weigh_more_than_short_ones():
    assert score(["a b c d e f g h i", "x"], ["a b c d e f g h i", "y"]).wer == 0.1


def test_case_spaces_and_unicode_composition_are_no_errors():
    assert score(["  CAFÉ  au lait"], ["cafe\u0301 au  lait "]).cer == 0


def test_a_character_that_the_model_cannot_write_is_an_error():
    result = score(["naïve"], ["nave"])
    assert result.wer == 1
    assert result.cer == 1 / 5


def test_words_that_were_not_said_count_where_the_reference_is_empty():
    result = score(["", "a b"], ["x y", "a b"])
    assert result.insertions == 2
    assert result.wer == 1
    assert score([""], [""]).wer == 0
    assert score([""], ["x y"]).wer == 2  # jiwer's rule where there is nothing to divide by


def test_no_utterances_and_unequal_numbers_of_texts_are_refused():
    with pytest.raises(ValueError, match="no utterances"):
        score([], [])
    with pytest.raises(ValueError, match="lengths must match"):
        score(["a"], ["a", "b"])


def test_a_rate_lies_in_its_interval_and_the_interval_is_the_same_every_time():
    texts = random_texts(utterances=60)
    first, second = score(*texts), score(*texts)
    assert first.wer_interval == second.wer_interval
    assert first.wer_interval[0] < first.wer < first.wer_interval[1]
    assert first.cer_interval[0] < first.cer < first.cer_interval[1]


def test_a_perfect_result_has_an_interval_without_width():
    assert score(["a b", "c"], ["a b", "c"]).wer_interval == (0, 0)


def test_the_interval_agrees_with_the_normal_approximation_for_independent_utterances():
    references, hypotheses = random_texts(utterances=400)
    result = score(references, hypotheses)
    errors = np.array([utterance.words.errors for utterance in result.utterances])
    words = np.array([utterance.words.length for utterance in result.utterances])
    deviation = np.sqrt(len(words)) * np.std(errors - result.wer * words) / words.sum()
    expected = (result.wer - 1.96 * deviation, result.wer + 1.96 * deviation)
    assert result.wer_interval == pytest.approx(expected, abs=0.15 * deviation)


def test_whole_speakers_are_drawn_so_that_unequal_speakers_widen_the_interval():
    references = ["a b c d"] * 80
    hypotheses = ["a b c d"] * 40 + ["x x c d"] * 40
    speakers = [f"speaker {i // 10}" for i in range(80)]
    alone, together = score(references, hypotheses), score(references, hypotheses, speakers)
    assert alone.resampled == "80 utterances"
    assert together.resampled == "8 speakers"
    assert width(together.wer_interval) > 2 * width(alone.wer_interval)


def test_the_order_of_the_utterances_of_a_speaker_does_not_matter_for_the_interval():
    references, hypotheses = random_texts(utterances=40)
    speakers = [str(i % 5) for i in range(40)]
    order = list(range(5)) + random.Random(1).sample(range(5, 40), 35)  # speakers appear in the same order
    shuffled = score(
        [references[i] for i in order], [hypotheses[i] for i in order], [speakers[i] for i in order]
    )
    assert shuffled.wer_interval == score(references, hypotheses, speakers).wer_interval


def test_one_speaker_says_nothing_about_others_so_that_utterances_are_drawn():
    references, hypotheses = random_texts(utterances=10)
    result = score(references, hypotheses, ["me"] * 10)
    assert result.resampled == "10 utterances"
    assert result.wer_interval == score(references, hypotheses).wer_interval


def test_an_utterance_without_a_speaker_is_drawn_by_itself():
    result = score(["a", "b", "c"], ["a", "b", "x"], ["anna", "ben", None])
    assert result.resampled == "2 speakers and 1 utterance without one"


def test_speakers_are_listed_with_the_worst_first():
    result = score(["a b", "c d", "e f"], ["a b", "x d", "y z"], ["anna", "ben", None])
    assert [(name, counts.rate) for name, counts in result.by_speaker.items()] == [
        ("(unknown)", 1.0),
        ("ben", 0.5),
        ("anna", 0.0),
    ]


def test_the_worst_utterances_are_those_with_the_most_errors_and_none_without():
    result = score(["a b c", "a b c", "a"], ["x y c", "a b c", "x"], ids=["two", "none", "one"])
    assert [utterance.id for utterance in result.worst(5)] == ["two", "one"]
    assert [utterance.id for utterance in result.worst(1)] == ["two"]


@given(pairs)
def test_word_errors_are_those_of_the_score(texts: list[tuple[str, str]]):
    references, hypotheses = zip(*texts, strict=True)
    result, counts = score(references, hypotheses), word_errors(references, hypotheses)
    assert (counts.length, counts.rate) == (result.words, result.wer)
    assert counts.errors == result.substitutions + result.deletions + result.insertions


@given(sentences, st.lists(sentences, min_size=1, max_size=6))
def test_the_closest_hypothesis_is_the_first_with_the_fewest_word_errors(reference: str, nbest: list[str]):
    errors = [edit_distance(reference.split(), one.split()) for one in nbest]
    assert closest(reference, nbest) == nbest[errors.index(min(errors))]


def random_texts(utterances: int) -> tuple[list[str], list[str]]:
    """References of 5 to 15 words, and hypotheses with a fifth of them wrong."""
    draw = random.Random(utterances)
    references = [[draw.choice("abcdefgh") for _ in range(draw.randint(5, 15))] for _ in range(utterances)]
    hypotheses = [
        [draw.choice("xyz") if draw.random() < 0.2 else word for word in text] for text in references
    ]
    return [" ".join(text) for text in references], [" ".join(text) for text in hypotheses]


def width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]
