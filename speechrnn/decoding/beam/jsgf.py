"""Grammars as people write them: JSGF, or a list of sentences, read into expressions.

The part of the JSpeech Grammar Format (W3C Note, 2000) that describes sets of sentences: rules, references to
rules, alternatives `a | b`, groups `(a b)`, optionals `[a]`, repetitions `a*` and `a+`, `<NULL>` and
`<VOID>`, comments. A file that does not start with `#JSGF` is a list: a line each, a sentence or an
expression in the same notation. Weights, tags, imports and rules that refer to themselves are refused by
name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from speechrnn.errors import SpeechRnnError

_TOKEN = re.compile(
    r"\s+|//[^\n]*|/\*.*?\*/"
    r"|(?P<rule><[^<>\s]+>)|(?P<sign>[|()\[\]*+;=])|(?P<tag>\{[^}]*\})|(?P<weight>/[\d.eE+-]+/)"
    r'|"(?P<quoted>[^"\n]*)"|(?P<word>[^\s|()\[\]*+;=<>{}"]+)',
    re.DOTALL,
)


@dataclass(frozen=True)
class Word:
    """One word of a sentence."""

    text: str


@dataclass(frozen=True)
class Sequence:
    """All of `parts`, one after the other; none: nothing is said."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True)
class Alternatives:
    """One of `choices`; none: it cannot be said."""

    choices: tuple["Expression", ...]


@dataclass(frozen=True)
class Repetition:
    """`part` once, or not at all if it `may_be_absent`, or more often if it `may_repeat`."""

    part: "Expression"
    may_be_absent: bool
    may_repeat: bool


@dataclass(frozen=True)
class Reference:
    """Whatever the rule with this name says."""

    rule: str


Expression: TypeAlias = Word | Sequence | Alternatives | Repetition | Reference


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


def parse_grammar(text: str, name: str) -> Expression:
    """Return the sentences of a grammar as one expression without references.

    `name` stands for the grammar in errors: a file, as a rule. Raises SpeechRnnError where the text is no
    grammar, or uses what is not supported.
    """
    if text.lstrip("\ufeff").startswith("#JSGF"):
        rules, public = _parse_rules(text, name)
        return Alternatives(tuple(_resolved(Reference(rule), rules, (), name) for rule in public))
    lines = enumerate(text.lstrip("\ufeff").splitlines(), start=1)
    return Alternatives(
        tuple(
            _resolved(_Parser(line, f"{name}: line {number}").whole(), {}, (), name)
            for number, line in lines
            if line.strip() and not line.lstrip().startswith(("#", "//"))
        )
    )


def _parse_rules(text: str, name: str) -> tuple[dict[str, Expression], list[str]]:
    """Return all rules of a JSGF text, and the names of those that are public."""
    header, _, body = text.partition("\n")
    parser = _Parser("\n" * bool(header) + body, name)
    rules: dict[str, Expression] = {}
    public: list[str] = []
    while not parser.at_end():
        first = parser.take()
        if first.text == "import":
            raise parser.error(first, "imports are not supported; copy the rules into this file")
        if first.text == "grammar":
            while parser.take().text != ";":
                pass
            continue
        is_public = first.text == "public"
        rule = parser.take() if is_public else first
        if rule.kind != "rule" or parser.take().text != "=":
            raise parser.error(rule, f"expected a rule such as <name> = ... ; but found {rule.text!r}")
        if rule.text in rules:
            raise parser.error(rule, f"the rule {rule.text} is there twice; remove one")
        rules[rule.text] = parser.alternatives()
        parser.expect(";")
        public += [rule.text] * is_public
    if not public:
        raise SpeechRnnError(f"{name}: has no public rule; write `public` before the rule that is a sentence")
    return rules, public


def _resolved(
    expression: Expression, rules: dict[str, Expression], inside: tuple[str, ...], name: str
) -> Expression:
    """Return `expression` without references; `inside` are the rules that it is part of."""
    match expression:
        case Word():
            return expression
        case Sequence(parts):
            return Sequence(tuple(_resolved(part, rules, inside, name) for part in parts))
        case Alternatives(choices):
            return Alternatives(tuple(_resolved(choice, rules, inside, name) for choice in choices))
        case Repetition(part, absent, repeat):
            return Repetition(_resolved(part, rules, inside, name), absent, repeat)
        case Reference("<NULL>"):
            return Sequence(())
        case Reference("<VOID>"):
            return Alternatives(())
        case Reference(rule):
            if rule in inside:
                raise SpeechRnnError(
                    f"{name}: the rule {rule} refers to itself, so it may never be left; repeat with * or +"
                )
            if rule not in rules:
                raise SpeechRnnError(f"{name}: there is no rule {rule}; define it or correct the name")
            return _resolved(rules[rule], rules, (*inside, rule), name)


class _Parser:
    """Reads expressions from text, one token after the other."""

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._tokens = list(self._split(text))
        self._place = 0

    def whole(self) -> Expression:
        """Return the expression that is all of the text."""
        expression = self.alternatives()
        if not self.at_end():
            raise self.error(self._next(), f"{self._next().text!r} does not belong here; remove it")
        return expression

    def alternatives(self) -> Expression:
        choices = [self._sequence()]
        while self._next().text == "|":
            self.take()
            choices.append(self._sequence())
        return choices[0] if len(choices) == 1 else Alternatives(tuple(choices))

    def take(self) -> _Token:
        token = self._next()
        if token.kind == "end":
            raise self.error(token, "ends in the middle of a rule; complete it, with ; at its end")
        self._place += 1
        return token

    def expect(self, sign: str) -> None:
        if self._next().text != sign:
            found = self._next().text or "the end"
            raise self.error(self._next(), f"expected {sign!r} but found {found!r}; check the brackets")
        self._place += 1

    def at_end(self) -> bool:
        return self._next().kind == "end"

    def error(self, token: _Token, problem: str) -> SpeechRnnError:
        line = f", line {token.line}" if token.line > 1 else ""
        return SpeechRnnError(f"{self._name}{line}: {problem}")

    def _sequence(self) -> Expression:
        parts = []
        while self._next().kind in ("word", "quoted", "rule") or self._next().text in ("(", "["):
            parts.append(self._repeated(self._single()))
        if not parts:
            found = self._next().text or "the end"
            raise self.error(self._next(), f"expected a word but found {found!r}; write <NULL> for nothing")
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _single(self) -> Expression:
        token = self.take()
        if token.kind == "rule":
            return Reference(token.text)
        if token.text == "(" and token.kind == "sign":
            inner = self.alternatives()
            self.expect(")")
            return inner
        if token.text == "[" and token.kind == "sign":
            inner = self.alternatives()
            self.expect("]")
            return Repetition(inner, may_be_absent=True, may_repeat=False)
        return Sequence(tuple(map(Word, token.text.split()))) if token.kind == "quoted" else Word(token.text)

    def _repeated(self, part: Expression) -> Expression:
        while self._next().text in ("*", "+"):
            part = Repetition(part, may_be_absent=self.take().text == "*", may_repeat=True)
        return part

    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _split(self, text: str) -> Iterator[_Token]:
        place = 0
        while place < len(text):
            line = text.count("\n", 0, place) + 1
            found = _TOKEN.match(text, place)
            if not found:
                raise self.error(_Token("", "", line), f"{text[place]!r} does not belong here; remove it")
            if found.lastgroup in ("tag", "weight"):
                problem = f"{found.group()} is a {found.lastgroup}, which is not supported; remove it"
                raise self.error(_Token("", "", line), problem)
            if found.lastgroup:
                yield _Token(found.lastgroup, found[found.lastgroup], line)
            place = found.end()
        yield _Token("end", "", text.count("\n") + 1)
