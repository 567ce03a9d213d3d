import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from speechrnn import config
from speechrnn.errors import SpeechRnnError
from speechrnn.training.largest_batch import UPDATES_A_PASS, Extent, largest, made_up, seconds_that_fit
from speechrnn.training.model.ctc import summed_loss
from speechrnn.training.model.network import Network
from speechrnn.training.optimisation.distributed import Ranks
from speechrnn.training.optimisation.gradients import Differentiation
from speechrnn.training.optimisation.task import Task
from tests.training.optimisation.test_gradients import NarrowNetwork
from tests.training.tones import tiny_run

TASK = Task(loss=summed_loss, watched={}, metric=lambda network: {}, rate=16000, criterion="wer")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def tiny_network() -> Network:
    return Network(tiny_run().model, 6, tiny_run().augmentation)


@given(edge=st.integers(0, 300), most=st.integers(1, 300))
def test_the_search_ends_at_the_edge_and_asks_for_little_more_than_fits(edge: int, most: int) -> None:
    asked = []

    def fits(rows: int) -> bool:
        asked.append(rows)
        return rows <= edge

    assert largest(fits, most) == max((n for n in range(1, most + 1) if n <= edge), default=0)
    assert max(asked) <= max(1, 2 * min(edge, most))
    assert len(asked) == len(set(asked)) <= 2 * most.bit_length() + 1


@pytest.mark.parametrize("rows", [1, 4])
def test_made_up_batches_are_as_large_as_they_say_and_give_a_gradient(rows: int) -> None:
    batch = made_up(rows, Extent(audio=100.0, longest=4000, tokens=3))
    assert batch.audio.shape == (rows, 4000)
    differentiate = Differentiation(tiny_network().train(), TASK, "fp32", threads=1)
    assert all(bool(tensor.isfinite().all()) for tensor in differentiate(batch, mask=True).tensors)


@pytest.mark.parametrize(("rows", "fits"), [(3, True), (4, False)])
def test_what_is_beyond_the_memory_does_not_fit(rows: int, fits: bool) -> None:
    extent = Extent(audio=100.0, longest=4000, tokens=3)
    narrow = NarrowNetwork(tiny_network(), samples=3 * extent.longest)
    assert Differentiation(narrow, TASK, "fp32", threads=1).fits(made_up(rows, extent)) is fits


def test_without_a_gpu_there_is_nothing_to_fill() -> None:
    ranks = Ranks(0, 1, torch.device("cpu"))
    with pytest.raises(SpeechRnnError, match=r"--batching.seconds 0: .*give seconds"):
        seconds_that_fit(tiny_run(), Extent(100.0, 4000, 3), tiny_network(), TASK, 1, ranks)


@pytest.mark.gpu
@needs_gpu
def test_on_a_gpu_what_is_found_fits_and_leaves_enough_updates_in_a_pass() -> None:
    run = config.Run(precision="fp32")
    network = Network(run.model, 29, run.augmentation)
    extent = Extent(audio=16000.0, longest=15 * 16000, tokens=200)
    ranks = Ranks(0, 1, torch.device("cuda", 0))
    seconds = seconds_that_fit(run, extent, network, TASK, 1, ranks)
    assert 15 <= seconds <= extent.audio / UPDATES_A_PASS
    rows = int(seconds / 15)
    on_gpu = Differentiation(network.cuda().train(), TASK, "fp32", threads=1)
    assert on_gpu.fits(made_up(rows, extent).to("cuda"))
