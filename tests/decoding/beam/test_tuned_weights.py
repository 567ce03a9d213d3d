"""Tuned weights are read as they were written, and refused where they are not for this language model."""

from dataclasses import replace

import pytest

from speechrnn.decoding.beam.tuned_weights import TunedWeights, read_weights, weights_path, write_weights
from speechrnn.errors import SpeechRnnError
from speechrnn.text import BLANK, Vocabulary

WEIGHTS = TunedWeights(0.7, -1.5, 25, 0.123, "a.onnx; b.jsonl, 100 utterances")


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "words.ngram"
    path.write_bytes(b"any model")
    return path


FREED = replace(WEIGHTS, prior_scale=0.5, token_shares={"b": 0.3, BLANK: 0.5, "a": 0.2})


def test_priors_are_for_the_tokens_they_were_measured_with():
    priors = FREED.priors(Vocabulary("characters", (BLANK, "a", "b")))
    assert (priors.scale, priors.shares.tolist()) == (0.5, [0.5, 0.2, 0.3])
    assert FREED.priors(Vocabulary("characters", (BLANK, "a", "c"))) is None
    assert WEIGHTS.priors(Vocabulary("characters", (BLANK,))) is None


def test_without_a_file_there_are_none(model):
    assert read_weights(model) is None


def test_they_are_read_as_they_were_written(model):
    assert write_weights(model, WEIGHTS) == weights_path(model)
    assert read_weights(model) == WEIGHTS
    write_weights(model, FREED)
    assert read_weights(model) == FREED
    assert [path.name for path in sorted(model.parent.iterdir())] == [
        "words.ngram",
        "words.ngram.weights.json",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"{", "holds no tuned weights"),
        (b"\xff", "holds no tuned weights"),
        (b'{"format": 1}', "holds no tuned weights"),
        (None, "has format 3, this speechrnn reads 2"),
    ],
)
def test_a_file_that_does_not_fit_is_named_with_the_cure(model, content, problem):
    path = write_weights(model, WEIGHTS)
    path.write_bytes(
        path.read_bytes().replace(b'"format": 2', b'"format": 3') if content is None else content
    )
    with pytest.raises(SpeechRnnError, match=problem) as refused:
        read_weights(model)
    assert str(refused.value).startswith(str(path))


def test_those_of_a_model_that_was_there_before_are_refused(model):
    write_weights(model, WEIGHTS)
    model.write_bytes(b"another model")
    with pytest.raises(SpeechRnnError, match=r"was tuned for an older words\.ngram"):
        read_weights(model)


def test_where_they_cannot_be_written_the_old_ones_stay(model, monkeypatch):
    write_weights(model, WEIGHTS)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(SpeechRnnError, match="cannot be written"):
        write_weights(model, TunedWeights(9, 9, 9, 9, "nothing"))
    assert read_weights(model) == WEIGHTS
