"""The n-gram of a recipe: nothing that held-out speakers said is in the one that its weight is found with."""

import lzma

import pytest

from speechrnn.decoding.beam.tuned_weights import read_weights
from speechrnn.decoding.ngram.model import NgramModel
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance
from speechrnn.recipe import language_model
from speechrnn.recipe.language_model import Texts, as_blocks, build_language_model
from tests.runtime.level_model import RATE, speak, write_level_model


def test_texts_are_normalised_whatever_they_are_compressed_with(tmp_path):
    (tmp_path / "books.txt.xz").write_bytes(lzma.compress("THE  E\u0301CLAIR\n\nA CAT\n".encode()))
    texts = Texts(["a dog"], [tmp_path / "books.txt.xz"], [])
    assert list(texts.sentences()) == ["a dog", "the éclair", "a cat"]


def test_many_sentences_come_in_blocks(monkeypatch):
    monkeypatch.setattr(language_model, "LINES_A_BLOCK", 2)
    assert list(as_blocks(["a", "b c", "é"])) == [b"a\nb c\n", "é\n".encode()]


def test_weight_and_bonus_lie_beside_an_ngram_of_everything(tmp_path):
    import soundfile

    model = write_level_model(tmp_path / "model.onnx")
    held_out = []
    for name, text in (("x", "ab c"), ("y", "d ab")):
        samples = speak(text)
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE, subtype="FLOAT")
        held_out.append(Utterance(tmp_path / f"{name}.wav", text, len(samples) / RATE, id=name))
    (tmp_path / "more.txt").write_text("D AB\nAB AB\n")
    texts = Texts(["ab c", "d ab", "c ab", "c d", "ab d"], [tmp_path / "more.txt"], held_out)
    told = []
    path = build_language_model(model, tmp_path, texts, told.append)
    whole = NgramModel.open(path)
    assert set(whole.words.words()) == {"<unk>", "<s>", "</s>", "ab", "c", "d"}
    assert whole.log_prob("d ab") > whole.log_prob("c d")
    found = read_weights(path)
    assert found is not None
    assert found.wer == 0
    assert found.tuned_on == "model.onnx; 2 held-out utterances"
    assert len(told) == 1
    assert "words.ngram: 6 1-grams" in told[0]


def test_without_a_held_out_recording_it_says_so(tmp_path):
    model = write_level_model(tmp_path / "model.onnx")
    gone = Utterance(tmp_path / "gone.wav", "ab", 1.0, id="gone")
    with pytest.raises(SpeechRnnError, match=r"no held-out utterance can be read; gone: .*gone\.wav"):
        build_language_model(model, tmp_path, Texts(["ab"], [], [gone]), print)
