import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.subsampling import TIME_STRIDES, output_frames
from speechrnn.training.model.encoder import Encoder, locked_dropout

BINS = 12


def encoder(cell="lstm", stride=3, bidirectional=True, dropout=0.0, bottleneck=0):
    torch.manual_seed(0)
    settings = config.Encoder(
        cell=cell,
        layers=2,
        width=6,
        bottleneck=bottleneck,
        bidirectional=bidirectional,
        stride=stride,
        channels=3,
        dropout=dropout,
    )
    return Encoder(settings, BINS)


def padded(lengths, seed):
    generator = torch.Generator().manual_seed(seed)
    features = torch.zeros(len(lengths), max(lengths), BINS)
    for row, length in enumerate(lengths):
        features[row, :length] = torch.randn(length, BINS, generator=generator)
    return features, torch.tensor(lengths)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("stride", TIME_STRIDES)
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "none"])
def test_alone_or_in_a_batch_an_utterance_gives_the_same_states(cell, stride, bidirectional):
    network = encoder(cell, stride, bidirectional, dropout=0.3)
    features, lengths = padded([37, 5, 1, 24], seed=stride)
    seeds = torch.arange(4)
    for drawn in (None, seeds):
        together, frames = network(features, lengths, drawn)
        for row, length in enumerate(lengths.tolist()):
            own_seeds = None if drawn is None else drawn[row : row + 1]
            alone, own_frames = network(features[row : row + 1, :length], lengths[row : row + 1], own_seeds)
            assert own_frames.item() == frames[row] == output_frames(length, stride)
            torch.testing.assert_close(together[row, : frames[row]], alone[0], atol=1e-5, rtol=1e-5)
            assert not together[row, frames[row] :].any()


@given(frames=st.integers(0, 2000), stride=st.sampled_from(sorted(TIME_STRIDES)))
def test_a_stride_divides_the_frames_rounding_up(frames, stride):
    assert output_frames(frames, stride) == -(-frames // stride)


def test_locked_dropout_silences_the_same_units_in_every_frame_and_keeps_the_mean():
    hidden = torch.ones(200, 3, 50)
    dropped = locked_dropout(hidden, 0.3, torch.arange(200), stream=1)
    assert torch.equal(dropped[:, 0], dropped[:, 2])
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.03)


def test_dropout_draws_differ_between_layers_and_utterances():
    hidden = torch.ones(2, 1, 64)
    first = locked_dropout(hidden, 0.5, torch.tensor([7, 8]), stream=1)
    second = locked_dropout(hidden, 0.5, torch.tensor([7, 8]), stream=2)
    assert not torch.equal(first, second)
    assert not torch.equal(first[0], first[1])


def test_a_bottleneck_narrows_what_every_recurrent_layer_reads():
    network = encoder(bottleneck=4)
    assert [layer.recurrent.recurrence.input_size for layer in network.layers] == [4, 4]
    assert [layer.recurrent.recurrence.input_size for layer in encoder().layers] == [12, 12]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99), bottleneck=st.sampled_from([0, 4]))
def test_every_weight_of_the_encoder_receives_a_gradient(seed, bottleneck):
    network = encoder(bottleneck=bottleneck)
    features, lengths = padded([20, 14], seed)
    hidden, _ = network(features, lengths)
    hidden.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())
