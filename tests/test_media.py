import sys

import numpy as np
import pytest

from speechrnn.audio import AudioStream, probe, read_audio
from speechrnn.errors import SpeechRnnError
from tests.recordings import MEDIA, RATE, encoded, media, voice

av = pytest.importorskip("av")

LONGEST_SHIFT = RATE // 10


def best_match(decoded: np.ndarray, samples: np.ndarray) -> float:
    """Return the correlation of the two at the best shift within 100 ms: codecs add something in front."""
    length = min(len(decoded), len(samples)) - LONGEST_SHIFT
    shift = int(np.correlate(decoded[: length + LONGEST_SHIFT], samples[:length]).argmax())
    return float(np.corrcoef(decoded[shift : shift + length], samples[:length])[0, 1])


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    return {kind: media(folder / kind, voice(3.0), kind) for kind in MEDIA}


@pytest.mark.parametrize("kind", MEDIA)
def test_the_sound_comes_out_at_the_rate_asked_for(recordings, kind):
    decoded = read_audio(recordings[kind])
    assert decoded.dtype == np.float32
    assert len(decoded) / RATE == pytest.approx(3.0, abs=0.13)
    assert best_match(decoded, voice(3.0)[:, 0]) > 0.95


@pytest.mark.parametrize("kind", ["mov-lossless", "avi", "ogg-flac", "tta"])
def test_a_lossless_codec_gives_back_the_samples(recordings, kind):
    step = 1 / 128 if kind == "tta" else 1 / 32768
    assert np.abs(read_audio(recordings[kind]) - voice(3.0)[:, 0]).max() <= step


@pytest.mark.parametrize("kind", MEDIA)
def test_the_header_agrees_with_the_samples(recordings, kind):
    info = probe(recordings[kind])
    assert (info.sample_rate, info.channels) == (MEDIA[kind][2], 1)
    assert info.seconds == pytest.approx(len(read_audio(recordings[kind])) / RATE, abs=0.1)


@pytest.mark.parametrize("kind", ["m4a", "webm"])
def test_blocks_joined_are_the_whole_and_a_slice_is_a_part_of_it(recordings, kind):
    rate = MEDIA[kind][2]
    blocks = list(AudioStream(recordings[kind], rate))
    whole = read_audio(recordings[kind], rate)
    assert len(blocks) > 2
    assert np.array_equal(np.concatenate(blocks), whole)
    part = read_audio(recordings[kind], rate, offset=1.3, duration=0.7)
    assert np.array_equal(part, whole[round(1.3 * rate) : round(2.0 * rate)])


@pytest.mark.parametrize("kind", ["m4a", "mov-lossless"])
def test_a_channel_can_be_chosen(tmp_path, kind):
    samples = voice(2.0, channels=2)
    path = media(tmp_path / "stereo", samples, kind)
    for channel in (0, 1):
        assert best_match(read_audio(path, channel=channel), samples[:, channel]) > 0.95
    mixed = (read_audio(path, channel=0) + read_audio(path, channel=1)) / 2
    assert np.allclose(read_audio(path), mixed, atol=1e-6)


def test_the_name_does_not_matter(recordings, tmp_path):
    for name in ("talk.wav", "talk.txt", "a:b", "http:--x", "100%d.m4a", "pipe:0"):
        path = tmp_path / name
        path.write_bytes(recordings["m4a"].read_bytes())
        assert np.array_equal(read_audio(path), read_audio(recordings["m4a"]))


def test_an_m4a_whose_index_was_cut_off_is_refused(recordings, tmp_path):
    path = tmp_path / "talk.m4a"
    data = recordings["m4a"].read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(
        SpeechRnnError, match=r"talk\.m4a: is not a sound file, or its beginning or index is missing"
    ):
        read_audio(path)


def test_a_video_without_sound_is_refused(tmp_path):
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with pytest.raises(SpeechRnnError, match=r"silent\.mp4: has no sound track"):
        read_audio(path)


@pytest.mark.parametrize(
    "playlist",
    ["ffconcat version 1.0\nfile {}\n", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"],
)
def test_a_playlist_opens_no_other_file(recordings, tmp_path, playlist):
    other = tmp_path / "other.ts"
    other.write_bytes(recordings["mpegts"].read_bytes())
    path = tmp_path / "list.mp4"
    path.write_text(playlist.format(other.name))
    with pytest.raises(SpeechRnnError, match=r"list\.mp4: is not a sound file"):
        read_audio(path)


def test_without_av_the_error_names_the_extra(recordings, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(SpeechRnnError, match=r"m4a: is not a plain WAV.*pip install 'speechrnn\[media\]'"):
        read_audio(recordings["m4a"])
    flac = tmp_path / "still.flac"
    flac.write_bytes(encoded(voice(1.0), "flac"))
    assert len(read_audio(flac)) == RATE
