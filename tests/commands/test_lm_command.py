"""`speechrnn lm` trains, measures and converts language models."""

import pytest

from speechrnn.commands import main
from speechrnn.decoding.ngram.model import NgramModel

TEXT = "THE CAT SAT\nTHE CAT RAN\nA DOG RAN\n"


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return str(path)


def train(text, to, *flags):
    return main(["lm", "train", text, "--to", str(to), "--discount-fallback", *flags])


def test_a_model_is_trained_and_says_how_large_it_is(text, tmp_path, capsys):
    assert train(text, tmp_path / "m.ngram", "--order", "4", "--prune", "0", "1") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "9 1-grams, 3 2-grams, 1 3-grams, 0 4-grams" in said.err
    assert NgramModel.open(tmp_path / "m.ngram").counts == (9, 3, 1, 0)


def test_arpa_and_the_other_form_say_the_same_of_a_text(text, tmp_path, capsys):
    train(text, tmp_path / "m.arpa.gz")
    assert main(["lm", "convert", str(tmp_path / "m.arpa.gz"), "--to", str(tmp_path / "m.ngram")]) == 0
    capsys.readouterr()
    figures = []
    for name in ("m.arpa.gz", "m.ngram"):
        assert main(["lm", "perplexity", str(tmp_path / name), text]) == 0
        figures.append(capsys.readouterr().out)
    assert figures[0] == figures[1]
    rows = dict(line.split("\t") for line in figures[0].splitlines())
    assert rows["unknown words"] == "0"
    assert rows["words and sentence ends"] == "12"
    assert 1 < float(rows["perplexity"]) < 9


def test_a_model_is_put_into_lower_case(text, tmp_path):
    train(text, tmp_path / "upper.ngram")
    flags = ["--to", str(tmp_path / "lower.arpa"), "--lower"]
    assert main(["lm", "convert", str(tmp_path / "upper.ngram"), *flags]) == 0
    upper, lower = (NgramModel.open(tmp_path / name) for name in ("upper.ngram", "lower.arpa"))
    assert lower.words.words() == ["<unk>", "<s>", "</s>", "the", "cat", "sat", "ran", "a", "dog"]
    assert lower.log_prob("the dog sat") == pytest.approx(upper.log_prob("THE DOG SAT"), abs=1e-5)


def test_words_that_lower_case_makes_one_are_refused(tmp_path, capsys):
    mixed = tmp_path / "mixed.txt"
    mixed.write_text("Polish polish\n")
    train(str(mixed), tmp_path / "m.ngram")
    flags = ["--to", str(tmp_path / "l.ngram"), "--lower"]
    assert main(["lm", "convert", str(tmp_path / "m.ngram"), *flags]) == 2
    assert "'Polish' and 'polish' become one word" in capsys.readouterr().err


def test_units_are_recorded_and_may_be_told(text, tmp_path):
    train(text, tmp_path / "c.ngram", "--units", "characters")
    model = NgramModel.open(tmp_path / "c.ngram")
    assert model.units == "characters"
    assert model.words.words()[3:] == ["T", "H", "E", "▁", "C", "A", "S", "R", "N", "D", "O", "G"]
    main(["lm", "convert", str(tmp_path / "c.ngram"), "--to", str(tmp_path / "c.arpa")])
    flags = ["--to", str(tmp_path / "again.ngram"), "--units", "characters"]
    main(["lm", "convert", str(tmp_path / "c.arpa"), *flags])
    assert NgramModel.open(tmp_path / "again.ngram").log_prob("A CAT") == pytest.approx(
        model.log_prob("A CAT"), abs=1e-5
    )


@pytest.mark.parametrize(
    ("contents", "problem"),
    [
        (b"a\nb <s> c\n", "text.txt: line 2 contains <s>"),
        (b"a\n\xe4\n", "text.txt: line 2 is not UTF-8"),
        (b"", "text.txt: is empty"),
    ],
)
def test_a_text_that_cannot_be_used_is_named_with_its_line(text, tmp_path, capsys, contents, problem):
    (tmp_path / "text.txt").write_bytes(contents)
    assert train(text, tmp_path / "m.ngram") == 2
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "m.ngram").exists()


def test_a_missing_text_is_asked_for(tmp_path, capsys):
    assert main(["lm", "train", "--to", str(tmp_path / "m.ngram")]) == 2
    assert "name one or more" in capsys.readouterr().err


def test_what_was_mended_is_said_on_stderr(text, tmp_path, capsys):
    train(text, tmp_path / "m.arpa")
    arpa = tmp_path / "m.arpa"
    arpa.write_text(arpa.read_text().replace("ngram 1=9", "ngram 1=8"))
    assert main(["lm", "convert", str(arpa), "--to", str(tmp_path / "m.ngram")]) == 0
    assert "m.arpa: the header announces 8 1-grams, there are 9" in capsys.readouterr().err
