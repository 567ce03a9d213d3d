"""Recordings whose end is missing: the samples up to the break are delivered, and the break is told."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.audio import AudioStream, read_audio
from speechrnn.errors import SpeechRnnError
from speechrnn.truncation import is_cut_short, ogg_layout
from tests.recordings import MEDIA, RATE, encoded, media, mp3_without_count, voice, with_vbri

SECONDS = 4.0
SAMPLES = voice(SECONDS)
# How far before the cut the last sample may be that can still be decoded: a frame or a page of the format.
UNDECODABLE = {"flac": 0.3, "vorbis": 1.2, "opus": 1.1, "mp3": 0.3}


def delivered(path: Path) -> tuple[np.ndarray, float | None]:
    stream = AudioStream(path)
    return np.concatenate(list(stream)), stream.broken_at


def saved(folder: Path, data: bytes) -> Path:
    path = folder / "recording"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("truncated")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    kinds = ("wav", "wav-24-bit", "rf64", "w64", "aiff", "au", "flac", "vorbis", "opus", "mp3")
    return {kind: encoded(SAMPLES, kind) for kind in kinds}


@pytest.mark.parametrize(
    "kind", ["wav", "wav-24-bit", "rf64", "w64", "aiff", "au", "flac", "vorbis", "opus", "mp3"]
)
@given(share=st.floats(0.4, 0.95))
@settings(max_examples=12, deadline=None)
def test_the_samples_up_to_a_cut_are_delivered_and_its_second_is_told(folder, files, kind, share):
    data = files[kind]
    whole, unbroken = delivered(saved(folder, data))
    assert unbroken is None
    part, broken_at = delivered(saved(folder, data[: int(share * len(data))]))
    assert broken_at == pytest.approx(len(part) / RATE)
    assert np.allclose(part[:-1200], whole[: len(part) - 1200], atol=1e-5)
    if kind not in ("vorbis", "opus", "mp3"):  # whose bit rate varies from second to second
        assert broken_at == pytest.approx(share * SECONDS, abs=UNDECODABLE.get(kind, 0.01))


@pytest.mark.parametrize("kind", ["wav", "aiff", "flac", "vorbis", "opus", "mp3"])
def test_a_whole_array_of_a_cut_file_is_refused_with_the_second(folder, files, kind):
    path = saved(folder, files[kind][: len(files[kind]) // 2])
    _, broken_at = delivered(path)
    with pytest.raises(
        SpeechRnnError, match=f"recording: is damaged or cut short: it breaks off at {broken_at:.2f} s"
    ):
        read_audio(path)


@pytest.mark.parametrize("kind", ["wav", "aiff", "flac", "vorbis", "opus", "mp3"])
def test_a_slice_before_the_break_is_as_good_as_ever(folder, files, kind):
    whole = read_audio(saved(folder, files[kind]), offset=0.2, duration=0.5)
    part = read_audio(saved(folder, files[kind][: len(files[kind]) // 2]), offset=0.2, duration=0.5)
    assert np.allclose(part, whole, atol=0.01)


@pytest.mark.parametrize("kind", ["wav", "flac", "vorbis", "opus", "mp3"])
@pytest.mark.parametrize("left", [0, 20, 60])
def test_a_file_that_is_cut_in_its_header_is_refused(folder, files, kind, left):
    with pytest.raises(SpeechRnnError, match="recording: "):
        read_audio(saved(folder, files[kind][:left]))


# Sizes in headers


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
@pytest.mark.parametrize("total", [True, False])
def test_a_wav_that_was_written_to_a_pipe_is_whole(folder, files, size, total):
    data = bytearray(files["wav"])
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", size)
    if total:
        data[4:8] = struct.pack("<I", size)
    samples, broken_at = delivered(saved(folder, bytes(data)))
    assert broken_at is None
    assert np.array_equal(samples, SAMPLES[:, 0])


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_an_aiff_that_was_written_to_a_pipe_is_whole(folder, files, size):
    data = bytearray(files["aiff"])
    for name, behind in ((b"FORM", 4), (b"SSND", 4), (b"COMM", 10)):
        at = data.index(name) + behind
        data[at : at + 4] = struct.pack(">I", size)
    samples, broken_at = delivered(saved(folder, bytes(data)))
    assert broken_at is None
    assert np.array_equal(samples, SAMPLES[:, 0])


def test_an_au_of_unknown_size_is_whole(folder, files):
    data = bytearray(files["au"])
    data[8:12] = b"\xff\xff\xff\xff"
    assert delivered(saved(folder, bytes(data)))[1] is None


def test_a_flac_of_unknown_length_is_whole_and_notices_damage_all_the_same(folder, files):
    data = bytearray(files["flac"])
    data[21] &= 0xF0  # the number of samples: 36 bits from the middle of byte 21 on
    data[22:26] = bytes(4)
    samples, broken_at = delivered(saved(folder, bytes(data)))
    assert broken_at is None
    assert np.array_equal(samples, SAMPLES[:, 0])
    data[len(data) // 2] ^= 0x10
    assert 0 < delivered(saved(folder, bytes(data)))[1] < SECONDS


@pytest.mark.parametrize("extra", [1, 1000, 10_000_000])
@pytest.mark.parametrize(("kind", "name", "order"), [("wav", b"data", "<"), ("aiff", b"SSND", ">")])
def test_any_other_size_beyond_the_end_tells_of_a_cut(folder, files, kind, name, order, extra):
    data = bytearray(files[kind])
    at = data.index(name) + 4
    (size,) = struct.unpack(f"{order}I", data[at : at + 4])
    data[at : at + 4] = struct.pack(f"{order}I", size + extra)
    samples, broken_at = delivered(saved(folder, bytes(data)))
    assert broken_at == SECONDS
    assert len(samples) == len(SAMPLES)


# Damage in the middle


@given(at=st.floats(0.3, 0.99), length=st.integers(1, 3000), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_a_damaged_flac_gives_its_samples_to_the_bit_up_to_the_damage(folder, files, at, length, seed):
    data = bytearray(files["flac"])
    start = int(at * len(data))
    noise = np.random.default_rng(seed).integers(1, 256, len(data[start : start + length]), np.uint8)
    data[start : start + length] = (np.frombuffer(data[start : start + length], np.uint8) ^ noise).tobytes()
    samples, broken_at = delivered(saved(folder, bytes(data)))
    assert broken_at == len(samples) / RATE
    assert broken_at == pytest.approx(at * SECONDS, abs=0.3)
    assert np.array_equal(samples, SAMPLES[: len(samples), 0])


@pytest.mark.parametrize("kind", ["vorbis", "opus", "mp3"])
def test_a_hole_in_a_lossy_file_is_noticed(folder, files, kind):
    data = files[kind]
    middle = len(data) // 2
    assert delivered(saved(folder, data[:middle] + bytes(2000) + data[middle + 2000 :]))[1] is not None


# Ogg


def pages(data: bytes) -> list[int]:
    return [at for at in range(len(data)) if data[at : at + 4] == b"OggS"]


@pytest.mark.parametrize("kind", ["vorbis", "opus"])
def test_ogg_without_its_last_page_is_cut_and_with_all_of_it_is_not(files, kind):
    data = files[kind]
    last = pages(data)[-1]
    assert ogg_layout(io.BytesIO(data)).ends
    for cut in (last, last + 10, last + 40, len(data) - 1):
        assert not ogg_layout(io.BytesIO(data[:cut])).ends


@pytest.mark.parametrize("kind", ["vorbis", "opus"])
def test_what_follows_the_last_page_does_not_matter(folder, files, kind):
    samples, broken_at = delivered(saved(folder, files[kind] + b"TAG" + bytes(200_000)))
    assert broken_at is None
    assert len(samples) == len(SAMPLES)


@pytest.mark.parametrize("kind", ["vorbis", "opus"])
def test_ogg_files_that_were_joined_are_read_to_the_end_of_the_last(folder, files, kind):
    assert ogg_layout(io.BytesIO(files[kind])).links == 1
    joined = files[kind] + encoded(voice(2.0, seed=1), kind)
    assert ogg_layout(io.BytesIO(joined)).links == 2
    samples, broken_at = delivered(saved(folder, joined))
    assert broken_at is None
    assert len(samples) / RATE == pytest.approx(SECONDS + 2.0, abs=0.1)


# MP3


def test_an_mp3_without_a_count_is_read_to_its_end(folder):
    silence = np.zeros((8 * RATE, 1), np.float32)
    samples, broken_at = delivered(
        saved(folder, mp3_without_count(np.concatenate([SAMPLES, silence, SAMPLES])))
    )
    assert broken_at is None
    assert len(samples) / RATE == pytest.approx(16, abs=0.2)
    assert np.abs(samples[-3 * RATE :]).max() > 0.2


def test_mp3_files_that_were_joined_are_read_to_the_end_of_the_last(folder, files):
    samples, broken_at = delivered(saved(folder, files["mp3"] * 3))
    assert broken_at is None
    assert len(samples) / RATE == pytest.approx(3 * SECONDS, abs=0.6)


@pytest.mark.parametrize(("missing_frames", "is_broken"), [(0, False), (10, True)])
def test_the_count_of_fraunhofers_encoder_is_kept_to(folder, missing_frames, is_broken):
    data = mp3_without_count(SAMPLES)
    frames = round(len(read_audio(saved(folder, data))) / 576)
    _, broken_at = delivered(saved(folder, with_vbri(data, frames + missing_frames)))
    assert (broken_at is not None) == is_broken


def test_a_tag_at_the_end_of_an_mp3_is_not_taken_for_sound_or_damage(folder, files):
    tag = b"TAG" + b"a title".ljust(125, b"\0")
    for data in (files["mp3"], mp3_without_count(SAMPLES)):
        plain, _ = delivered(saved(folder, data))
        tagged, broken_at = delivered(saved(folder, data + tag))
        assert broken_at is None
        assert np.allclose(plain, tagged, atol=1e-6)


# FFmpeg's formats


@pytest.mark.parametrize("kind", ["m4a-index-first", "mp4-fragments", "webm", "mka", "flv", "tta", "avi"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_cut_media_file_breaks_off_where_it_ends(folder, kind, share):
    pytest.importorskip("av")
    path = media(folder / "media", SAMPLES, kind)
    data = path.read_bytes()
    whole, unbroken = delivered(path)
    assert unbroken is None
    path.write_bytes(data[: int(share * len(data))])
    part, broken_at = delivered(path)
    assert broken_at is not None
    assert broken_at == pytest.approx(len(part) / RATE, abs=0.01)
    assert len(part) < len(whole)
    assert np.allclose(part[:-1500], whole[: len(part) - 1500], atol=1e-3)


@pytest.mark.parametrize("kind", MEDIA)
def test_no_whole_container_is_taken_for_cut(folder, kind):
    pytest.importorskip("av")
    with media(folder / "media", SAMPLES, kind).open("rb") as file:
        assert not is_cut_short(file)


@pytest.mark.parametrize(
    "header",
    [
        b"\x1a\x45\xdf\xa3\x01" + b"\xfe" * 7,
        b"caff\0\1\0\0desc" + b"\x7f" * 8,
        bytes(4) + b"ftypM4A " + bytes(16),
        b"\0\0\0\1ftyp" + b"\x7f" * 8 + bytes(8),
        b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff" + bytes(8),
    ],
)
def test_a_size_beyond_all_files_in_front_of_the_sound_is_no_promise_about_its_end(folder, header):
    with saved(folder, header + bytes(100)).open("rb") as file:
        assert not is_cut_short(file)
