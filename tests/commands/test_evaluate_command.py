import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from speechrnn.commands import main
from speechrnn.export.write import export_model
from speechrnn.manifest import Utterance, read_manifest, write_manifest
from tests.training.tones import tone_manifest

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with test.jsonl, a model folder that knows a little, and its model.onnx."""
    folder = tmp_path_factory.mktemp("tones")
    tone_manifest(folder, "train", 40, seed=0)
    tone_manifest(folder, "test", 8, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        flags = (
            f"--train {folder}/train.jsonl --valid {folder}/test.jsonl --to {folder}/run --updates 60 "
            "--model.front-end.sample-rate 8000 --model.encoder.layers 1 --model.encoder.width 24 "
            "--model.encoder.channels 4 --batching.seconds 12 --batching.workers 0 --device cpu "
            "--precision fp32 --optimisation.peak-rate 0.01 --optimisation.ema 0.9"
        )
        assert main(["train", *flags.split()]) == 0
    export_model(folder / "run" / "model", folder / "model.onnx")
    return folder


def test_a_folder_and_its_onnx_give_the_same_report(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = []
    for model in ("run/model", "model.onnx"):
        flags = [
            "--manifest",
            str(corpus / "test.jsonl"),
            "--by-speaker",
            "--to",
            str(tmp_path / Path(model).name),
        ]
        assert main(["evaluate", str(corpus / model), *flags]) == 0
        reports.append(capsys.readouterr().out)
    assert reports[0] == reports[1]
    assert reports[0].startswith("WER ")
    assert "95 % intervals over 6 speakers" in reports[0]
    assert "test-5 " in reports[0]
    assert "REF: " in reports[0]
    for name in ("references.trn", "hypotheses.trn"):
        assert (tmp_path / "model" / name).read_bytes() == (tmp_path / "model.onnx" / name).read_bytes()


def test_a_beam_search_is_measured_alike_with_both_and_nbest_tells_what_the_best_would_reach(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--manifest", str(corpus / "test.jsonl"), "--worst", "0", "--nbest", "8", "--word-bonus", "1"]
    reports = []
    for model in ("run/model", "model.onnx"):
        assert main(["evaluate", str(corpus / model), *flags]) == 0
        reports.append(capsys.readouterr().out)
    assert reports[0] == reports[1]
    likeliest, oracle = reports[0].splitlines()
    assert oracle.startswith("best of 8: WER ")
    assert float(oracle.split()[4]) <= float(likeliest.split()[1])


def test_a_decoder_that_cannot_be_is_one_line_and_status_2(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model in ("run/model", "model.onnx"):
        flags = ["--manifest", str(corpus / "test.jsonl"), "--lm", "none.ngram"]
        assert main(["evaluate", str(corpus / model), *flags]) == 2
        assert capsys.readouterr().err == "speechrnn: none.ngram: no such file; check the path\n"


@pytest.mark.parametrize("model", ["run/model", "model.onnx"])
def test_utterances_without_sound_are_named_and_the_others_measured(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    utterances = read_manifest(corpus / "test.jsonl")
    (tmp_path / "noise.wav").write_bytes(b"this is no sound")
    broken = Utterance(tmp_path / "noise.wav", "a b", 1.0, id="broken")
    write_manifest(tmp_path / "mixed.jsonl", [*utterances, broken])
    assert main(["evaluate", str(corpus / model), "--manifest", str(tmp_path / "mixed.jsonl")]) == 1
    mixed = capsys.readouterr()
    assert "left out: broken: " in mixed.err
    assert main(["evaluate", str(corpus / model), "--manifest", str(corpus / "test.jsonl")]) == 0
    assert capsys.readouterr().out == mixed.out


@pytest.mark.parametrize("model", ["run/model", "model.onnx"])
def test_slices_of_a_recording_are_measured_each_by_itself(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    import numpy as np
    import soundfile

    utterances = read_manifest(corpus / "test.jsonl")
    sounds = [soundfile.read(utterance.audio_filepath, dtype="float32")[0] for utterance in utterances]
    soundfile.write(tmp_path / "long.wav", np.concatenate(sounds), 8000)
    ends = np.cumsum([len(sound) for sound in sounds])
    slices = [
        Utterance(
            tmp_path / "long.wav",
            u.text,
            len(sound) / 8000,
            float(end - len(sound)) / 8000,
            u.speaker,
            id=u.id,
        )
        for u, sound, end in zip(utterances, sounds, ends, strict=True)
    ]
    write_manifest(tmp_path / "slices.jsonl", slices)
    for manifest in (tmp_path / "slices.jsonl", corpus / "test.jsonl"):
        assert main(["evaluate", str(corpus / model), "--manifest", str(manifest)]) == 0
    lines = capsys.readouterr().out.splitlines()
    half = len(lines) // 2
    assert lines[:half] == lines[half:]


@pytest.mark.parametrize("model", ["nowhere", "nowhere.onnx"])
def test_a_model_that_is_not_there_is_one_line_and_status_2(
    corpus: Path, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    assert main(["evaluate", model, "--manifest", str(corpus / "test.jsonl")]) == 2
    assert capsys.readouterr().err.startswith(f"speechrnn: {model}: ")


WITHOUT_TORCH = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

sys.meta_path.insert(0, NoTorch())
from speechrnn.commands import main
sys.exit(main(sys.argv[1:]))
"""


def evaluate_without_torch(model: Path, manifest: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", WITHOUT_TORCH, "evaluate", str(model), "--manifest", str(manifest)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_onnx_is_measured_without_torch(corpus: Path) -> None:
    done = evaluate_without_torch(corpus / "model.onnx", corpus / "test.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("WER ")


def test_a_folder_without_torch_names_what_to_install(corpus: Path) -> None:
    done = evaluate_without_torch(corpus / "run" / "model", corpus / "test.jsonl")
    assert done.returncode == 2
    assert "pip install 'speechrnn[train]'" in done.stderr
    assert done.stderr.count("\n") == 1
