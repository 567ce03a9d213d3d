import pytest

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.outputs import QUIETEST
from speechrnn.training.model.network import Network
from speechrnn.training.model.writer import Writer

SOUNDS, TOKENS = 5, 4
SETTINGS = config.Model(
    encoder=config.Encoder(layers=1, width=6, channels=2, dropout=0.5),
    writer=config.Writer(layers=2, bottleneck=3),
)


def heard(utterances: int, frames: int, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.log_softmax(3 * torch.randn(utterances, frames, SOUNDS), dim=-1)


@pytest.mark.parametrize("frames", [1, 2, 7, 8])
def test_as_many_frames_are_written_as_are_heard(frames: int) -> None:
    written = Writer(SETTINGS, SOUNDS, TOKENS)(heard(3, frames), torch.tensor([frames, 1, frames]))
    assert written.shape == (3, frames, TOKENS)
    torch.testing.assert_close(written.exp().sum(dim=-1), torch.ones(3, frames))


def test_all_frames_share_a_head_and_each_of_a_step_tells_it_something_else() -> None:
    writer = Writer(SETTINGS, SOUNDS, TOKENS)
    sounds, lengths = heard(1, 6), torch.tensor([6])
    before = writer(sounds, lengths)
    with torch.no_grad():
        writer.of_frames[1].bias += 1
        told = writer(sounds, lengths)
        writer.head.bias[2] += 1
        after = writer(sounds, lengths)
    torch.testing.assert_close(told[:, ::2], before[:, ::2])
    assert not torch.allclose(told[:, 1::2], before[:, 1::2])
    assert (after[:, :, 2] > told[:, :, 2]).all()


def test_what_is_out_of_the_question_may_be_more_or_less_so() -> None:
    writer = Writer(SETTINGS, SOUNDS, TOKENS)
    sounds, lengths = heard(1, 6), torch.tensor([6])
    sounds[:, :, 1] = QUIETEST - 3
    quieter = sounds.clone()
    quieter[:, :, 1] = QUIETEST - 30
    torch.testing.assert_close(writer(sounds, lengths), writer(quieter, lengths), atol=1e-4, rtol=0)


def test_dropout_depends_on_the_seeds_alone() -> None:
    writer = Writer(SETTINGS, SOUNDS, TOKENS)
    sounds, lengths = heard(2, 6), torch.tensor([6, 5])
    one = writer(sounds, lengths, torch.tensor([1, 2]))
    torch.testing.assert_close(writer(sounds[1:], lengths[1:], torch.tensor([2]))[:, :5], one[1:, :5])
    assert not torch.allclose(writer(sounds, lengths, torch.tensor([3, 2]))[0], one[0])
    assert not torch.allclose(writer(sounds, lengths)[0], one[0])


def test_a_trained_network_writes_what_it_heard_in_the_mean_of_its_looks() -> None:
    torch.manual_seed(0)
    network = Network(SETTINGS, TOKENS, config.Augmentation(), sounds=SOUNDS).eval()
    assert network.writer is not None
    with torch.no_grad():
        log_probs, frames = network(0.1 * torch.randn(2, 4000), torch.tensor([4000, 3100]))
        written = network.writer(log_probs[..., TOKENS:], frames)
    torch.testing.assert_close(log_probs[..., :TOKENS], written)


def test_in_training_the_text_of_every_stage_that_is_looked_at_comes_from_the_writer() -> None:
    settings = config.Model(
        encoder=config.Encoder(layers=2, width=6, channels=2), writer=config.Writer(layers=1)
    )
    network = Network(settings, TOKENS, config.Augmentation(), config.Loss(middle=0.3), SOUNDS)
    seeds = torch.tensor([5, 6])
    log_probs, frames = network(0.1 * torch.randn(2, 4000), torch.tensor([4000, 3100]), seeds)
    assert network.writer is not None
    assert len(log_probs) == len(frames) == 4
    written = network.writer.scores(log_probs[..., TOKENS:], frames, seeds.repeat(2))
    torch.testing.assert_close(log_probs[..., :TOKENS], written)
