"""Texts and models for the tests of this folder."""

from hypothesis import strategies as st

WORDS = ["a", "b", "c", "d", "ähm", "'tis"]

lines = st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), min_size=1, max_size=30)


def as_blocks(text_lines):
    """The lines as `count_ngrams` takes them."""
    return [("\n".join(text_lines) + "\n").encode()]


def assert_same_model(model, expected, tolerance=2e-6):
    """Both list the same n-grams with the same probabilities and weights."""
    assert model.keys() == expected.keys()
    for ngram, figures in expected.items():
        for figure, other in zip(figures, model[ngram], strict=True):
            assert abs(figure - other) <= tolerance * max(1, abs(figure)), ngram


@st.composite
def backoff_models(draw):
    """Models as `tests.reference.ngrams` has them, with any figures; the contexts of n-grams are listed."""
    order = draw(st.integers(1, 4))
    number = st.floats(-9, 0, width=16)
    weight = st.one_of(st.just(0.0), st.floats(-2, 1, width=16))
    vocabulary = ["<unk>", "<s>", "</s>", "a", "b", "c"]
    model = {(word,): (draw(number), draw(weight) if order > 1 else 0.0) for word in vocabulary}
    for n in range(2, order + 1):
        contexts = [ngram for ngram in model if len(ngram) == n - 1 and ngram[-1] != "</s>"]
        for context in draw(st.lists(st.sampled_from(contexts), unique=True, max_size=6)) if contexts else []:
            for word in draw(st.lists(st.sampled_from(vocabulary), unique=True, max_size=3)):
                model[(*context, word)] = (draw(number), draw(weight) if n < order else 0.0)
    return order, model
