from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn

from speechrnn.decoding.greedy import greedy
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance, read_manifest
from speechrnn.model_folder import TrainedModel
from speechrnn.text import BLANK, Vocabulary
from speechrnn.training.data.batch import Example, stack
from speechrnn.training.evaluation import LogProbs, recognise_with_folder, results_by_id, score_transcripts
from speechrnn.training.model.initialise import random_network
from speechrnn.training.model.network_folder import write_network
from speechrnn.training.optimisation.distributed import Ranks
from tests.training.tones import tiny_run, tone_manifest

VOCABULARY = Vocabulary("characters", (BLANK, " ", "a", "b"))
ALONE = Ranks(0, 1, torch.device("cpu"))


class Dictation(nn.Module):
    """Writes the token that each sample is: what is heard is known, and so is what should be written."""

    def forward(self, audio: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        assert not self.training
        return torch.log_softmax(10.0 * torch.eye(4)[audio.long()], dim=-1), lengths


def written(log_probs: LogProbs) -> str:
    return greedy(log_probs, VOCABULARY, frame_seconds=1.0).text


def dictated(name: str, tokens: list[int]) -> Example:
    return Example(torch.tensor(tokens, dtype=torch.float32).numpy(), [1], seed=0, id=name)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_utterance_gets_its_own_text_without_that_of_the_padding(threads: int) -> None:
    batches = [
        stack([dictated("x", [2, 2, 0, 2, 1, 3]), dictated("y", [3]), dictated("z", [0, 0])]),
        stack([dictated("w", [2, 3])]),
    ]
    texts = results_by_id(Dictation().train(), batches, written, ALONE, threads)
    assert texts == {"x": "aa b", "y": "b", "z": "", "w": "ab"}


def test_scores_pair_texts_by_id() -> None:
    utterances = [
        Utterance(Path("a.wav"), text, 1.0, speaker="s", id=name) for name, text in (("x", "a b"), ("y", "c"))
    ]
    score = score_transcripts(utterances, {"y": "c", "x": "a d"})
    assert (score.words, score.substitutions, score.deletions, score.insertions) == (3, 1, 0, 0)
    assert [utterance.hypothesis for utterance in score.utterances] == ["a d", "c"]


def frames_of(trained: TrainedModel) -> Callable[[LogProbs], int]:
    """Counts the frames of each utterance, of log-probabilities of all that `trained` says."""

    def count(log_probs: LogProbs) -> int:
        assert log_probs.shape[1] == len(trained.vocabulary) + len(trained.sounds or ())
        return len(log_probs)

    return count


@pytest.mark.parametrize("sounds", [None, Vocabulary("sounds", (BLANK, "AH", "P"))], ids=["", "sounds"])
def test_a_model_folder_says_something_for_every_utterance_that_can_be_heard(
    tmp_path: Path, sounds: Vocabulary | None
) -> None:
    run = tiny_run()
    network = random_network(run, 4, len(sounds or ()))
    write_network(tmp_path / "model", {}, network, run.model, VOCABULARY, sounds)
    utterances = read_manifest(tone_manifest(tmp_path, "some", 4, seed=0))
    utterances[2].audio_filepath.write_bytes(b"this is no sound")
    frames, screening = recognise_with_folder(tmp_path / "model", utterances, frames_of, "cpu")
    assert frames.keys() == {"some-0", "some-1", "some-3"}
    assert min(frames.values()) > 0
    assert [utterance.id for utterance in screening.left_out] == ["some-2"]


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpeechRnnError, match="is not a model folder"):
        recognise_with_folder(tmp_path / "nothing", [], frames_of, "cpu")
