"""Whatever the bytes, reading them ends with samples or with a SpeechRnnError."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.recordings import MEDIA, SOUND_FILES, encoded, media, mp3_without_count, voice
from tests.reference.audio_worker import AudioWorker

EXAMPLES = 25
MANY_EXAMPLES = 300
KINDS = [*SOUND_FILES, "mp3-without-count", *MEDIA]

Change = tuple[str, float, bytes]

# Where headers are, and anywhere; what lengths and counts look like when they are wrong, and any bytes.
places = st.one_of(st.floats(0, 1), st.floats(0, 0.02))
pieces = st.one_of(
    st.sampled_from(
        [bytes(4), b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x80", b"OggS", b"fLaC"]
    ),
    st.binary(min_size=1, max_size=12),
    st.integers(1, 3000).map(bytes),
)
changes = st.tuples(st.sampled_from(["overwrite", "insert", "delete", "cut", "repeat"]), places, pieces)


def changed(data: bytes, steps: list[Change]) -> bytes:
    for what, place, piece in steps:
        at = int(place * len(data))
        behind = at + len(piece)
        if what == "overwrite":
            data = data[:at] + piece + data[behind:]
        elif what == "insert":
            data = data[:at] + piece + data[at:]
        elif what == "delete":
            data = data[:at] + data[behind:]
        elif what == "repeat":
            data = data[:at] + data[at:behind] * 3 + data[behind:]
        else:
            data = data[:at]
    return data


class Originals(dict[str, bytes]):
    """The bytes of an unchanged recording of each kind."""

    def __repr__(self) -> str:
        return "originals"  # hypothesis prints the arguments of a test that failed: not these


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    worker = AudioWorker(tmp_path_factory.mktemp("fuzz"))
    yield worker
    worker.stop()


@pytest.fixture(scope="module")
def originals(tmp_path_factory) -> Originals:
    samples = voice(0.4, channels=2)
    files = Originals({kind: encoded(samples, kind) for kind in SOUND_FILES})
    files["mp3-without-count"] = mp3_without_count(samples)
    pytest.importorskip("av")
    folder = tmp_path_factory.mktemp("originals")
    files.update({kind: media(folder / kind, samples, kind).read_bytes() for kind in MEDIA})
    return files


def check(worker: AudioWorker, data: bytes) -> None:
    outcome, reason = worker.read(data)
    assert outcome != "wrong", reason


@pytest.mark.parametrize("kind", KINDS)
def test_the_original_is_read(worker, originals, kind):
    assert worker.read(originals[kind]) == ("read", "")


@pytest.mark.parametrize("kind", KINDS)
@given(steps=st.lists(changes, min_size=1, max_size=4))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_changed_recording_is_read_or_refused(worker, originals, kind, steps):
    check(worker, changed(originals[kind], steps))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@given(steps=st.lists(changes, min_size=1, max_size=6))
@settings(max_examples=MANY_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_many_changed_recordings_are_read_or_refused(worker, originals, kind, steps):
    check(worker, changed(originals[kind], steps))


@pytest.mark.parametrize(
    "magic", [b"", b"RIFF\0\0\0\0WAVE", b"fLaC", b"OggS\0\x02", b"ID3\4\0\0", b"FORM\0\0\0\0AIFF"]
)
@given(data=st.binary(max_size=400))
@settings(max_examples=EXAMPLES, deadline=None)
def test_random_bytes_behind_a_magic_number_are_read_or_refused(worker, magic, data):
    check(worker, magic + data)
