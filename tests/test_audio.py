import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.audio import AudioStream, probe, read_audio
from speechrnn.errors import SpeechRnnError
from tests.recordings import RATE, SOUND_FILES, encoded, voice
from tests.reference.wave_pcm import wave_samples

EXACT = [kind for kind, (_, _, exact) in SOUND_FILES.items() if exact]
LOSSY = ["vorbis", "opus", "mp3"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("audio")


def saved(folder: Path, data: bytes, name: str = "recording") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one, other)[0, 1])


# What comes out


@pytest.mark.parametrize("kind", EXACT)
def test_a_lossless_format_gives_back_the_very_samples(folder, kind):
    samples = voice(1.5)
    assert np.array_equal(read_audio(saved(folder, encoded(samples, kind))), samples[:, 0])


@pytest.mark.parametrize("kind", LOSSY)
def test_a_lossy_format_gives_back_the_sound(folder, kind):
    samples = voice(3)
    decoded = read_audio(saved(folder, encoded(samples, kind)))
    assert len(decoded) == len(samples)
    assert correlation(decoded, samples[:, 0]) > 0.97


@given(
    subtype=st.sampled_from(["PCM_U8", "PCM_16", "PCM_24", "PCM_32"]),
    channels=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
@settings(max_examples=30, deadline=None)
def test_integers_of_any_size_are_scaled_to_one_as_by_the_slow_reference(folder, subtype, channels, seed):
    samples = np.random.default_rng(seed).uniform(-1, 1, (50, channels))
    path = folder / f"{subtype}-{channels}-{seed}.wav"
    soundfile.write(path, samples, RATE, subtype=subtype)
    expected = wave_samples(path.read_bytes())
    for channel in range(channels):
        assert np.array_equal(read_audio(path, channel=channel), expected[:, channel])
    assert np.allclose(read_audio(path), expected.mean(axis=1), atol=1e-6)


def test_channels_are_mixed_unless_one_is_chosen(folder):
    samples = voice(1, channels=3)
    path = saved(folder, encoded(samples, "flac"))
    assert np.array_equal(read_audio(path, channel=2), samples[:, 2])
    assert np.array_equal(read_audio(path, channel="mix"), read_audio(path))
    assert np.allclose(read_audio(path), samples.mean(axis=1), atol=1e-7)


def test_a_channel_that_is_not_there_is_refused(folder):
    path = saved(folder, encoded(voice(1, channels=2), "wav"))
    for channel in (2, -1):
        with pytest.raises(
            SpeechRnnError, match=f"recording: has no channel {channel}; its channels are 0 to 1"
        ):
            read_audio(path, channel=channel)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000])
def test_any_rate_is_resampled_as_soxr_does_it_at_once(folder, rate):
    samples = voice(2.7, rate)
    resampled = read_audio(saved(folder, encoded(samples, "wav", rate)))
    assert np.allclose(resampled, soxr.resample(samples[:, 0], rate, RATE), atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_a_resampled_tone_keeps_its_pitch_and_its_time(folder, rate):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)
    resampled = read_audio(saved(folder, encoded(tone, "wav-float", rate)))
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    inside = slice(RATE // 10, -RATE // 10)
    assert np.allclose(resampled[inside], expected[inside], atol=1e-4)


def test_samples_never_leave_full_scale(folder):
    loud = 3 * voice(1, 44100)
    assert np.abs(read_audio(saved(folder, encoded(loud, "wav-float", 44100)))).max() == 1.0


@pytest.mark.parametrize("kind", ["wav", "flac", "vorbis", "opus", "mp3", "aiff"])
def test_the_format_is_decided_by_content_whatever_the_name(folder, kind):
    data = encoded(voice(1), kind)
    expected = read_audio(saved(folder, data))
    for name in ("a.wav", "a.mp3", "a.raw", "a.vox", "a.txt", "a"):
        assert np.array_equal(read_audio(saved(folder, data, name)), expected)


# By block


@pytest.mark.parametrize("kind", ["wav", "flac", *LOSSY])
@pytest.mark.parametrize("rate", [RATE, 48000])
def test_blocks_joined_are_what_the_decoder_gives_in_one_go(folder, kind, rate):
    path = saved(folder, encoded(voice(5.3, rate), kind, rate))
    with path.open("rb") as file:
        whole, _ = soundfile.read(file, dtype="float32")
    blocks = list(AudioStream(path, rate))
    assert len(blocks) > 4
    assert np.allclose(np.concatenate(blocks), whole, atol=1e-6)


def test_a_stream_never_holds_more_than_seconds_of_a_long_file(folder):
    path = saved(folder, encoded(np.zeros((600 * RATE, 1), np.float32), "flac"))
    assert max(map(len, AudioStream(path, 8000))) <= 3 * 8000


def test_a_stream_can_be_read_again(folder):
    stream = AudioStream(saved(folder, encoded(voice(2), "opus")))
    assert np.array_equal(np.concatenate(list(stream)), np.concatenate(list(stream)))


def test_many_threads_read_what_one_reads(folder):
    paths = [
        saved(folder, encoded(voice(2, seed=seed), kind), f"{kind}-{seed}")
        for kind in ("flac", "opus", "mp3", "vorbis")
        for seed in range(4)
    ]
    alone = [read_audio(path) for path in paths]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(read_audio, paths))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


# Slices


@pytest.fixture(scope="module")
def long_files(folder) -> dict[str, Path]:
    samples = voice(12)
    kinds = ("wav", "flac", "aiff", *LOSSY)
    files = {kind: saved(folder, encoded(samples, kind), f"long-{kind}") for kind in kinds}
    # Frames of few bytes begin the farther before themselves.
    files["small mp3"] = folder / "long-small.mp3"
    soundfile.write(files["small mp3"], samples, RATE, format="MP3", compression_level=0.98)
    return files


slices = st.tuples(st.floats(0, 11.9), st.floats(0.001, 3)).filter(lambda slice_: sum(slice_) < 12)


@pytest.mark.parametrize(
    ("kind", "tolerance"),
    [("wav", 0), ("flac", 0), ("aiff", 0), ("vorbis", 0), ("mp3", 1e-5), ("small mp3", 1e-5), ("opus", 0.01)],
)
@given(asked=slices)
@settings(max_examples=15, deadline=None)
def test_a_slice_is_that_slice_of_the_whole(long_files, kind, tolerance, asked):
    offset, duration = asked
    whole = read_audio(long_files[kind])
    part = read_audio(long_files[kind], offset=offset, duration=duration)
    first = round(offset * RATE)
    expected = whole[first : first + round(duration * RATE)]
    assert len(part) == len(expected)
    assert np.abs(part - expected).max(initial=0) <= tolerance


@given(asked=slices, rate=st.sampled_from([8000, 11025, 22050, 44100, 48000, 44056]))
@settings(max_examples=40, deadline=None)
def test_a_resampled_slice_is_that_slice_of_the_resampled_whole(folder, asked, rate):
    offset, duration = asked
    path = folder / f"{rate}.wav"
    if not path.exists():
        path.write_bytes(encoded(voice(12, rate), "wav", rate))
    whole = read_audio(path)
    part = read_audio(path, offset=offset, duration=duration)
    first = round(offset * RATE)
    assert np.allclose(part, whole[first : first + round(duration * RATE)], atol=1e-5)


def test_without_a_duration_the_slice_goes_to_the_end(long_files):
    whole = read_audio(long_files["flac"])
    assert np.array_equal(read_audio(long_files["flac"], offset=11.25), whole[round(11.25 * RATE) :])


def test_a_duration_may_be_rounded_up_a_little(long_files):
    assert len(read_audio(long_files["flac"], offset=11.0, duration=1.05)) == RATE


@pytest.mark.parametrize("kind", ["wav", "flac", *LOSSY])
@pytest.mark.parametrize(("offset", "duration"), [(11, 2), (12, 1), (500, 1), (12, None)])
def test_a_slice_that_the_file_does_not_have_is_refused(long_files, kind, offset, duration):
    with pytest.raises(SpeechRnnError, match=r"has no sound from \d+\.\d+ s to .*; correct the offset"):
        read_audio(long_files[kind], offset=offset, duration=duration)


# The header


@pytest.mark.parametrize("kind", SOUND_FILES)
def test_the_header_tells_rate_channels_and_length(folder, kind):
    info = probe(saved(folder, encoded(voice(2.5, channels=2), kind)))
    container, subtype, _ = SOUND_FILES[kind]
    assert (info.sample_rate, info.channels, info.format) == (RATE, 2, f"{container} {subtype}")
    assert info.seconds == pytest.approx(2.5, abs=1e-3)


# Bad input


@pytest.mark.parametrize("read", [read_audio, probe])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "is empty"),
        (b"The quick brown fox jumps over the lazy dog. " * 100, "is not a sound file"),
        (bytes(5000), "is not a sound file"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "is not a sound file"),
        (b'{"audio_filepath": "a.wav", "text": "b", "duration": 1.0}\n', "is not a sound file"),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line_that_names_it(folder, read, content, message):
    path = folder / "no-recording.wav"
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpeechRnnError, match=f"no-recording.wav: {message}") as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["wav", "wav-float", "aiff"])
def test_a_file_without_samples_is_refused(folder, kind):
    with pytest.raises(SpeechRnnError, match="recording: holds no sound"):
        read_audio(saved(folder, encoded(np.zeros((0, 1), np.float32), kind)))


def test_a_folder_and_a_pipe_are_refused(folder):
    with pytest.raises(SpeechRnnError, match="is a folder"):
        read_audio(folder)
    os.mkfifo(folder / "pipe")
    with pytest.raises(SpeechRnnError, match="is not a regular file"):
        read_audio(folder / "pipe")


def test_a_file_without_permission_is_refused(folder):
    path = saved(folder, encoded(voice(1), "wav"), "secret.wav")
    path.chmod(0)
    code = (
        "import os, sys\n"
        "from speechrnn.audio import read_audio\n"
        "from speechrnn.errors import SpeechRnnError\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "try: read_audio(sys.argv[1])\n"
        "except SpeechRnnError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert "secret.wav" in done.stdout
    assert "permissions" in done.stdout


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers_are_refused_with_the_second(folder, value):
    samples = voice(3)
    samples[40000] = value
    with pytest.raises(SpeechRnnError, match=r"samples that are not numbers, after 2\.00 s; save it again"):
        read_audio(saved(folder, encoded(samples, "wav-float")))


def test_integers_in_a_float_file_are_refused(folder):
    with pytest.raises(SpeechRnnError, match="far beyond full scale"):
        read_audio(saved(folder, encoded(32768 * voice(1), "wav-float")))


@pytest.mark.parametrize("rate", [1, 4_000_000])
def test_a_sample_rate_that_no_recording_has_is_refused(folder, rate):
    with pytest.raises(SpeechRnnError, match=f"states {rate} samples a second"):
        probe(saved(folder, encoded(voice(1), "wav", rate)))


# Real recordings


def real_recordings(test):
    needs_data = pytest.mark.skipif("SPEECHRNN_DATA" not in os.environ, reason="SPEECHRNN_DATA names no data")
    return pytest.mark.data(needs_data(test))


@real_recordings
def test_real_opus_and_flac_of_the_same_speech_are_the_same_speech():
    parts = Path(os.environ["SPEECHRNN_DATA"]) / "librispeech-small"
    flac_files = sorted((parts / "test-clean-flac").rglob("*.flac"))[:5]
    assert flac_files
    for flac in flac_files:
        (opus,) = (parts / "test-clean").rglob(f"{flac.stem}.opus")
        one, other = read_audio(flac), read_audio(opus)
        assert abs(len(one) - len(other)) < RATE // 100
        length = min(len(one), len(other))
        assert correlation(one[:length], other[:length]) > 0.9
        assert probe(opus).seconds == pytest.approx(len(other) / RATE, abs=1e-3)


@real_recordings
def test_no_real_recording_is_taken_for_damaged():
    for part in ("librispeech-small/test-clean", "fsdd", "an4", "esc10"):
        files = sorted((Path(os.environ["SPEECHRNN_DATA"]) / part).rglob("*.opus"))[:40]
        assert files
        for path in files:
            stream = AudioStream(path)
            assert sum(map(len, stream)) > 0
            assert stream.broken_at is None
