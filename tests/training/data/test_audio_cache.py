import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.audio import read_audio
from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance
from speechrnn.training.data import audio_cache
from speechrnn.training.data.audio_source import CachedAudio, StreamedAudio, find_audio

RATE = 8000
HALF_A_STEP = 0.5 / 32768 + 1e-7


def record(path: Path, seconds: float = 0.5, seed: int = 0, rate: int = RATE) -> Path:
    samples = np.random.default_rng(seed).uniform(-0.4, 0.4, (round(seconds * rate), 2))
    soundfile.write(path, samples, rate, subtype="FLOAT" if path.suffix == ".wav" else None)
    return path


def recordings(folder: Path, count: int) -> list[Path]:
    return [record(folder / f"{number}.wav", 0.1 + 0.01 * number, number) for number in range(count)]


def whole(path: Path) -> Utterance:
    return Utterance(path, "text", soundfile.info(path).duration)


@pytest.fixture(scope="module")
def longer(tmp_path_factory):
    return record(tmp_path_factory.mktemp("recordings") / "longer.wav", seconds=2)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@given(offset=st.floats(0, 1.9), duration=st.floats(0.01, 2))
@settings(max_examples=50, deadline=None)
def test_the_cache_reads_what_streaming_reads(longer, cache, offset, duration):
    utterance = Utterance(longer, "text", min(duration, 2 - offset), offset)
    cached, streamed = CachedAudio([utterance], RATE, folder=cache), StreamedAudio(RATE)
    samples = cached.read(utterance)
    assert samples.dtype == np.float32
    assert cached.samples(utterance) == len(samples)
    np.testing.assert_array_equal(samples, streamed.read(utterance))


def test_recordings_are_decoded_each_time_where_the_disk_is_too_small_for_all_of_them(
    longer, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not" / "yet"))
    utterances = [replace(whole(longer), duration=1.5), replace(whole(longer), offset=0.5, duration=1.5)]
    needed = 2 * 2 * RATE  # bytes
    told: list[str] = []
    monkeypatch.setattr(audio_cache, "bytes_free", lambda folder: needed)
    assert isinstance(find_audio(utterances, RATE, told.append), StreamedAudio)
    assert len(told) == 1
    assert "XDG_CACHE_HOME" in told[0]
    monkeypatch.setattr(audio_cache, "bytes_free", lambda folder: 2 * needed)
    assert isinstance(find_audio(utterances, RATE, told.append), CachedAudio)
    monkeypatch.setattr(audio_cache, "bytes_free", lambda folder: 0)
    assert isinstance(find_audio(utterances, RATE, told.append), CachedAudio)  # all of it is there already
    assert len(told) == 1


def test_room_is_counted_where_the_cache_will_be(tmp_path):
    assert audio_cache.bytes_free(tmp_path / "not" / "yet") > 0


def test_rate_and_channel_are_kept_apart(longer, cache):
    utterance = whole(longer)
    for rate in (RATE, 16000):
        for channel in ("mix", 0, 1):
            samples = CachedAudio([utterance], rate, channel, cache).read(utterance)
            np.testing.assert_allclose(samples, read_audio(longer, rate, channel), atol=HALF_A_STEP)


def test_samples_beyond_full_scale_are_clipped(tmp_path):
    soundfile.write(tmp_path / "loud.wav", np.array([2.0, -2.0, 0.5]), RATE, subtype="FLOAT")
    utterance = whole(tmp_path / "loud.wav")
    samples = CachedAudio([utterance], RATE, folder=tmp_path / "cache").read(utterance)
    np.testing.assert_allclose(samples, [32767 / 32768, -1, 0.5])


def test_what_is_cached_is_not_decoded_again(tmp_path, monkeypatch):
    paths = recordings(tmp_path, 3)
    before = audio_cache.decode(paths, tmp_path / "cache", RATE)
    monkeypatch.setattr(audio_cache, "AudioStream", None)
    assert audio_cache.decode(paths, tmp_path / "cache", RATE) == before


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_name_that_is_not_utf_8_is_kept_like_any_other(tmp_path, monkeypatch):
    path = recordings(tmp_path, 1)[0].rename(tmp_path / os.fsdecode(b"caf\xe9.wav"))
    before = audio_cache.decode([path], tmp_path / "cache", RATE)
    monkeypatch.setattr(audio_cache, "AudioStream", None)
    assert audio_cache.decode([path], tmp_path / "cache", RATE) == before
    assert before[path].samples == 0.1 * RATE


def test_a_file_that_changed_is_decoded_anew_and_only_that(tmp_path):
    paths = recordings(tmp_path, 3)
    before = audio_cache.decode(paths, tmp_path / "cache", RATE)
    record(paths[1], 0.3, seed=99)
    after = audio_cache.decode(paths, tmp_path / "cache", RATE)
    assert [after[path] == before[path] for path in paths] == [True, False, True]
    samples = audio_cache.read(after[paths[1]], 0, after[paths[1]].samples)
    np.testing.assert_allclose(samples, read_audio(paths[1], RATE), atol=HALF_A_STEP)


@pytest.mark.parametrize("processes", [1, 2])
def test_any_number_of_processes_decodes_the_same(tmp_path, monkeypatch, processes):
    monkeypatch.setattr(audio_cache, "SHARD_RECORDINGS", 3)
    paths = recordings(tmp_path, 8)
    found = audio_cache.decode(paths, tmp_path / "cache", RATE, processes=processes)
    assert len({recording.shard for recording in found.values()}) == 3
    for path in paths:
        samples = audio_cache.read(found[path], 0, found[path].samples)
        np.testing.assert_allclose(samples, read_audio(path, RATE), atol=HALF_A_STEP)


def test_what_cannot_be_decoded_is_told_and_the_rest_is_there(tmp_path):
    good, text, empty = recordings(tmp_path, 1)[0], tmp_path / "text.wav", tmp_path / "empty.wav"
    text.write_text("not a recording")
    empty.touch()
    missing = tmp_path / "missing.wav"
    utterances = [Utterance(path, "text", 0.1) for path in (text, good, empty, missing)]
    cached = CachedAudio(utterances, RATE, folder=tmp_path / "cache")
    problems = [cached.problem(utterance) for utterance in utterances]
    assert problems[1] is None
    for utterance, problem in zip(utterances, problems, strict=True):
        if utterance.audio_filepath != good:
            assert problem.startswith(f"{utterance.audio_filepath}: ")
            assert cached.samples(utterance) == 0
            with pytest.raises(SpeechRnnError, match=utterance.audio_filepath.name):
                cached.read(utterance)
    np.testing.assert_allclose(cached.read(utterances[1]), read_audio(good, RATE), atol=HALF_A_STEP)


def test_a_file_that_is_mended_is_tried_again(tmp_path):
    path = tmp_path / "recording.wav"
    path.write_text("not a recording")
    assert CachedAudio([Utterance(path, "text", 0.1)], RATE, folder=tmp_path / "cache").problem(
        Utterance(path, "text", 0.1)
    )
    record(path, 0.1)
    assert CachedAudio([whole(path)], RATE, folder=tmp_path / "cache").problem(whole(path)) is None


@pytest.mark.parametrize("source", [CachedAudio, StreamedAudio])
def test_a_recording_much_shorter_than_its_manifest_says_is_a_problem(tmp_path, source):
    path = record(tmp_path / "short.wav", seconds=1)
    says = {1.0: None, 1.09: None, 3.0: "ends at 1.0 s, the manifest says 3.0 s"}
    for seconds, expected in says.items():
        utterance = Utterance(path, "text", seconds)
        folder = {"folder": tmp_path / "cache"} if source is CachedAudio else {}
        arguments = ([utterance], RATE) if source is CachedAudio else (RATE,)
        problem = source(*arguments, **folder).problem(utterance)
        assert problem is None if expected is None else expected in problem


def test_a_recording_that_breaks_off_is_a_problem_for_what_lies_behind_the_break(tmp_path):
    path = record(tmp_path / "recording.flac", seconds=4)
    os.truncate(path, path.stat().st_size // 2)
    before, across = Utterance(path, "text", 0.5), Utterance(path, "text", 3.5)
    cached = CachedAudio([before], RATE, folder=tmp_path / "cache")
    assert cached.problem(before) is None
    assert "recording.flac: breaks off at " in cached.problem(across)
    again = CachedAudio([across], RATE, folder=tmp_path / "cache")
    assert again.problem(across) == cached.problem(across)


BUILD = """
import sys
from pathlib import Path
from speechrnn.training.data import audio_cache
audio_cache.SHARD_RECORDINGS = 2
paths = sorted(Path(sys.argv[1]).glob("*.wav"))
found = audio_cache.decode(paths, Path(sys.argv[2]), 8000, processes=1)
print(sum(recording.samples for recording in found.values()))
"""


def build(folder: Path, **options) -> subprocess.Popen:
    command = [sys.executable, "-c", BUILD, str(folder), str(folder / "cache")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_builders_at_the_same_time_agree_and_decode_once(tmp_path):
    paths = recordings(tmp_path, 30)
    builders = [build(tmp_path) for _ in range(3)]
    outputs = {builder.communicate()[0] for builder in builders}
    assert outputs == {f"{sum(len(read_audio(path, RATE)) for path in paths)}\n"}
    assert len(list((tmp_path / "cache").rglob("*.pcm"))) == 15


def test_a_killed_builder_leaves_a_cache_that_the_next_one_completes(tmp_path):
    paths = recordings(tmp_path, 200)
    builder = build(tmp_path)
    while builder.poll() is None and not list((tmp_path / "cache").rglob("*.json")):
        time.sleep(0.001)
    builder.send_signal(signal.SIGKILL)
    builder.communicate()
    (tmp_path / "cache" / f"{RATE}-mix" / "left.part").write_bytes(b"half")
    finished = set((tmp_path / "cache").rglob("*.json"))
    assert 0 < len(finished) < 100
    found = audio_cache.decode(paths, tmp_path / "cache", RATE)
    assert finished < set((tmp_path / "cache").rglob("*.json"))
    assert not list((tmp_path / "cache").rglob("*.part"))
    for path in paths:
        samples = audio_cache.read(found[path], 0, found[path].samples)
        np.testing.assert_allclose(samples, read_audio(path, RATE), atol=HALF_A_STEP)


def test_data_that_was_cut_short_is_decoded_again(tmp_path):
    paths = recordings(tmp_path, 3)
    found = audio_cache.decode(paths, tmp_path / "cache", RATE)
    os.truncate(found[paths[0]].shard, 2 * (found[paths[0]].samples + 5))
    again = audio_cache.decode(paths, tmp_path / "cache", RATE)
    assert [again[path] == found[path] for path in paths] == [True, False, False]


def test_a_full_disk_is_one_line_that_says_what_to_do(tmp_path):
    resource = pytest.importorskip("resource")
    recordings(tmp_path, 30)

    def little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    builder = build(tmp_path, preexec_fn=little_room)
    _, errors = builder.communicate()
    assert builder.returncode == 1
    last = errors.splitlines()[-1]
    assert f"{tmp_path / 'cache' / '8000-mix'}: decoded audio cannot be written (File too large)" in last
    assert last.endswith("make room there, or set XDG_CACHE_HOME to a folder on another disk")
    assert not list((tmp_path / "cache").rglob("*.p*"))


PARALLEL = """
import sys
from pathlib import Path
from speechrnn.training.data import audio_cache

def wait(number, frame):
    raise SystemExit("interrupted")

if __name__ == "__main__":
    import signal
    signal.signal(signal.SIGINT, wait)
    audio_cache.SHARD_RECORDINGS = 2
    audio_cache.decode(sorted(Path(sys.argv[1]).glob("*.wav")), Path(sys.argv[2]), 8000, processes=2)
"""


@pytest.mark.parametrize("when", ["processes start", "they decode"])
def test_ctrl_c_ends_decoding_without_tracebacks_of_its_processes(tmp_path, when):
    recordings(tmp_path, 200)
    script, folder = tmp_path / "parallel.py", tmp_path / "cache"
    script.write_text(PARALLEL)
    builder = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    sign = "*/lock" if when == "processes start" else "*/*.json"
    while builder.poll() is None and not list(folder.glob(sign)):
        time.sleep(0.001)
    os.killpg(builder.pid, signal.SIGINT)
    _, errors = builder.communicate()
    assert errors == "interrupted\n"
    assert len(list(folder.glob("*/*.json"))) < 100


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (path,) = recordings(tmp_path, 1)
    (tmp_path / "file").touch()
    with pytest.raises(SpeechRnnError, match="file/8000-mix: decoded audio cannot be written"):
        audio_cache.decode([path], tmp_path / "file", RATE)


def test_the_default_folder_follows_the_users_setting(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert audio_cache.default_folder() == tmp_path / "speechrnn" / "audio"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert audio_cache.default_folder() == tmp_path / ".cache" / "speechrnn" / "audio"
