import io
import os
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.audio import read_audio
from speechrnn.errors import SpeechRnnError
from speechrnn.mended import MendedFile, mended, mp3_count
from tests.recordings import RATE, encoded, mp3_without_count, voice, with_vbri

TAG_BYTES = 128


@given(
    content=st.binary(min_size=TAG_BYTES + 1, max_size=400),
    start=st.integers(0, 100),
    further=st.integers(0, 1000),
    patch_at=st.integers(0, 100),
    patch=st.binary(max_size=8),
    moves=st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 300)), max_size=8),
)
@settings(max_examples=100, deadline=None)
def test_a_mended_file_reads_like_the_bytes_that_it_seems_to_hold(
    content, start, further, patch_at, patch, moves
):
    shown = content[start:]
    patched = shown[:patch_at] + patch[: max(0, len(shown) - patch_at)] + shown[patch_at + len(patch) :]
    length = len(content) + further + TAG_BYTES
    file = MendedFile(io.BytesIO(content), start, length, patch_at, patch)
    assert file.seek(0, os.SEEK_END) == length
    for position, count in moves:
        file.seek(position)
        data = file.read(count)
        assert file.tell() == position + len(data)
        if position < length - TAG_BYTES:
            assert data == patched[position : position + count]
    file.seek(-TAG_BYTES, os.SEEK_END)
    assert file.read(TAG_BYTES) == content[-TAG_BYTES:]


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_an_mp3_counts_the_frames_that_ffmpeg_finds(tmp_path, rate, channels):
    av = pytest.importorskip("av")
    path = tmp_path / "recording.mp3"
    path.write_bytes(encoded(voice(1.5, rate, channels), "mp3", rate))
    with av.open(str(path)) as container:
        packets = sum(packet.size > 0 for packet in container.demux(audio=0))
    with path.open("rb") as file:
        count = mp3_count(file)
    assert count.frames == packets
    assert count.samples * packets >= 1.5 * rate
    assert count.size == path.stat().st_size
    assert path.read_bytes()[count.end] == 0xFF


def test_a_tag_before_the_sound_is_passed_over():
    data = encoded(voice(1.0), "mp3")
    tag = b"ID3\x04\x00\x00" + bytes([0, 0, 3, 5]) + bytes(3 * 128 + 5)
    plain, tagged = mp3_count(io.BytesIO(data)), mp3_count(io.BytesIO(tag + data))
    assert tagged.start == plain.start + len(tag)
    assert (tagged.frames, tagged.size) == (plain.frames, plain.size)


def test_fraunhofers_count_is_read():
    count = mp3_count(io.BytesIO(with_vbri(mp3_without_count(voice(1.0)), 77)))
    assert (count.frames, count.understood) == (78, False)


@pytest.mark.parametrize("kind", ["wav", "flac", "vorbis", "opus", "mp3", "aiff", "rf64"])
def test_what_libsndfile_reads_whole_is_left_alone(kind):
    assert mended(io.BytesIO(encoded(voice(1.0), kind))) is None


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"\xff\xfb", b"ID3", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f", bytes(300)]
)
def test_what_is_no_mp3_has_no_count(data):
    assert mp3_count(io.BytesIO(data)) is None


def wave(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


FORMAT = (b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))


def test_a_wav_of_size_zero_is_empty_if_only_chunks_follow(tmp_path):
    path = tmp_path / "empty.wav"
    path.write_bytes(
        wave(FORMAT, (b"data", b""), (b"LIST", b"INFOISFT\x04\0\0\0abc\0"), (b"id3 ", bytes(10)))
    )
    with pytest.raises(SpeechRnnError, match=r"empty\.wav: holds no sound"):
        read_audio(path)


def test_a_wav_of_size_zero_with_samples_behind_it_is_read_to_its_end(tmp_path):
    samples = voice(1.0)[:, 0]
    path = tmp_path / "unfinished.wav"
    header = wave(FORMAT, (b"LIST", b"odd"), (b"data", b""))
    path.write_bytes(header + (samples * 32768).astype("<i2").tobytes())
    assert np.array_equal(read_audio(path), samples)
