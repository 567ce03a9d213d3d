"""A grammar accepts its sentences and no others, whatever its notation; and says what is wrong with it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.decoding.beam.grammar import grammar, grammar_automaton, read_grammar
from speechrnn.decoding.beam.jsgf import Alternatives, Repetition, Sequence, Word
from speechrnn.decoding.beam.spelling import Spelling
from speechrnn.errors import SpeechRnnError
from tests.decoding.beam.search_cases import LETTERS

LAMP = """#JSGF V1.0 UTF-8 en;
grammar home.lamp;  // a comment
/* and one of
   two lines */
public <command> = [please] turn <state> (the <thing>)+;
<state> = on | off | "half on";
<thing> = lamp | <NULL> light;
<unused> = <VOID>;
"""

words = st.sampled_from(["a", "b", "c"])
expressions = st.recursive(
    words.map(Word),
    lambda part: st.one_of(
        st.lists(part, max_size=3).map(lambda parts: Sequence(tuple(parts))),
        st.lists(part, min_size=1, max_size=3).map(lambda parts: Alternatives(tuple(parts))),
        st.builds(Repetition, part, st.booleans(), st.booleans()),
    ),
    max_leaves=6,
)


def written(expression) -> str:
    """The expression in JSGF's notation."""
    match expression:
        case Word(text):
            return text
        case Sequence(parts):
            return "(" + " ".join(["<NULL>", *map(written, parts)]) + ")"
        case Alternatives(choices):
            return "(" + " | ".join(map(written, choices)) + ")"
        case Repetition(part, absent, repeat):
            inner = written(part)
            return {(0, 0): f"({inner})", (1, 0): f"[{inner}]", (0, 1): f"({inner})+", (1, 1): f"({inner})*"}[
                absent, repeat
            ]


def sentences(expression, longest: int) -> set[tuple[str, ...]]:
    """All sentences of `expression` up to a length, straight from what the notation means."""
    match expression:
        case Word(text):
            return {(text,)}
        case Sequence(parts):
            result = {()}
            for part in parts:
                result = {a + b for a in result for b in sentences(part, longest) if len(a + b) <= longest}
            return result
        case Alternatives(choices):
            return set().union(*(sentences(choice, longest) for choice in choices))
        case Repetition(part, absent, repeat):
            once = sentences(part, longest)
            result = set(once)
            while repeat:
                more = {a + b for a in result for b in once if len(a + b) <= longest} | result
                if more == result:
                    break
                result = more
            return result | ({()} if absent else set())


def accepts(compiled, sentence) -> bool:
    place = 0
    for word in sentence:
        if word not in compiled.steps[place]:
            return False
        place = compiled.steps[place][word]
    return place in compiled.final


@given(expressions)
def test_a_grammar_accepts_its_sentences_and_no_others(expression):
    text = f"#JSGF V1.0;\ngrammar g;\npublic <s> = {written(expression)};"
    accepted = {s for n in range(5) for s in itertools.product("abc", repeat=n) if accepts(grammar(text), s)}
    assert accepted == {sentence for sentence in sentences(expression, 4) if len(sentence) <= 4}


@pytest.mark.parametrize(
    ("sentence", "is_accepted"),
    [
        ("turn on the lamp", True),
        ("please turn off the lamp the light", True),
        ("turn half on the light", True),
        ("turn the lamp", False),
        ("turn half the light", False),
        ("turn on the", False),
        ("please please turn on the lamp", False),
    ],
)
def test_jsgf_with_rules_comments_quotes_and_repetition(sentence, is_accepted):
    assert accepts(grammar(LAMP), sentence.split()) is is_accepted


def test_a_list_of_sentences_may_use_the_notation_too(tmp_path):
    path = tmp_path / "commands.txt"
    path.write_text("\ufeff# commands\r\nlights on\r\n\r\nvolume (up | down) [now]\r\n", encoding="utf-8")
    compiled = read_grammar(path)
    assert compiled.words == {"lights", "on", "volume", "up", "down", "now"}
    assert accepts(compiled, ["volume", "down", "now"])
    assert not accepts(compiled, ["lights"])


def test_from_every_place_the_sentence_can_be_ended():
    compiled = grammar("#JSGF V1.0;\npublic <s> = a | a b <VOID>;")
    assert compiled.steps == ({"a": 1}, {})
    assert compiled.final == {1}


HEADER = "#JSGF V1.0;\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("# nothing but a comment", "cannot be left"),
        (HEADER + "public <s> = a <VOID>;", "cannot be left"),
        (HEADER + "public <s> = a <s>;", "<s> refers to itself, so it may never be left"),
        (HEADER + "public <s> = <t>; <t> = b [<s>];", "<s> refers to itself"),
        (HEADER + "public <s> = <t>;", "no rule <t>"),
        (HEADER + "<s> = a;", "no public rule"),
        (HEADER + "public <s> = a;\npublic <s> = b;", "line 3: the rule <s> is there twice"),
        (HEADER + "import <other.*>;\npublic <s> = a;", "line 2: imports are not supported"),
        (HEADER + "public <s> = /0.7/ a | b;", "/0.7/ is a weight"),
        (HEADER + "public <s> = a {go};", "{go} is a tag"),
        (HEADER + "public <s> = a", "expected ';'"),
        (HEADER + "public <s> = (a | b;", r"line 2: expected '\)'"),
        (HEADER + "public <s> = a | ;", "expected a word"),
        (HEADER + "public", "ends in the middle"),
        (HEADER + "a b c", "expected a rule"),
        ("a b\n[c", "line 2: expected ']'"),
        ("a b }", "'}' does not belong here"),
        ("a b)", r"'\)' does not belong here"),
    ],
)
def test_what_is_wrong_with_a_grammar_is_said_in_one_line(text, complaint):
    with pytest.raises(SpeechRnnError, match=complaint) as error:
        grammar(text, "command.jsgf")
    assert str(error.value).startswith("command.jsgf")
    assert "\n" not in str(error.value)


def test_a_grammar_whose_words_the_model_cannot_write_is_refused():
    with pytest.raises(SpeechRnnError, match="cannot write c é in the word 'acé'"):
        grammar_automaton(grammar("a b\nb acé"), Spelling(LETTERS), {}, 0)


def test_a_grammar_too_large_for_any_memory_is_refused():
    with pytest.raises(SpeechRnnError, match="make it smaller"):
        # Whether the twentieth word from the end is an a: a million places once it is made deterministic.
        grammar("(a | b)* a" + " (a | b)" * 20)


def test_a_file_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "commands.txt"
    path.write_bytes("größer".encode("latin-1"))
    with pytest.raises(SpeechRnnError, match="not UTF-8"):
        read_grammar(path)
