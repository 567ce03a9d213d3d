"""The grammar says many things, nothing but words, and never the same in training and test."""

import random
import re

from speechrnn.corpora.sentences import RULES, TEST_SHARE, draw, reserved_for_test, words

DRAWN = [draw(source) for source in [random.Random(3)] for _ in range(5000)]


def test_the_grammar_has_words_enough():
    assert len(words()) >= 200


def test_every_rule_is_used_and_every_slot_has_a_rule():
    slots = {
        slot for options in RULES.values() for option in options for slot in re.findall("<(.*?)>", option)
    }
    assert slots | {"sentence"} == set(RULES)


def test_sentences_are_lower_case_words_of_the_grammar():
    assert all(re.fullmatch(r"[a-z']+( [a-z']+)*", sentence) for sentence in DRAWN)
    assert {word for sentence in DRAWN for word in sentence.split()} <= words()


def test_sentences_seldom_repeat():
    assert len(set(DRAWN)) > 0.7 * len(DRAWN)


def test_about_a_tenth_of_the_sentences_is_reserved_for_the_test():
    distinct = set(DRAWN)
    assert abs(sum(map(reserved_for_test, distinct)) / len(distinct) - TEST_SHARE) < 0.02


def test_the_same_seed_says_the_same_on_every_machine():
    source = random.Random("speechrnn/1/1001")
    assert [draw(source) for _ in range(2)] == [
        "set the light in the living room to one hundred percent",
        "do you have this blanket in white or red",
    ]
