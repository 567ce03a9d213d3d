"""Downloads end with the right bytes or one line of advice, however the server behaves."""

import hashlib
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speechrnn.corpora.download import Patience, Source, download
from speechrnn.errors import SpeechRnnError
from tests.corpora.loopback import send_all, send_nothing, send_other_piece, send_status, serving

CONTENT = bytes(range(256)) * 40
HURRIED = Patience(attempts=3, first_pause_seconds=0.001, timeout_seconds=5)


def md5(content):
    return hashlib.md5(content).hexdigest()


def source_at(loopback, content=CONTENT, md5_of=None):
    return Source(loopback.url("/corpus.tar.gz", content), md5(md5_of or content))


def ranges(loopback):
    return [asked for _, asked in loopback.requests]


def test_a_file_arrives_and_no_traces_stay(loopback, tmp_path):
    path = download(source_at(loopback), tmp_path / "deep" / "corpus.tar.gz", HURRIED)
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_there_is_not_fetched_again(loopback, tmp_path):
    (tmp_path / "corpus.tar.gz").write_bytes(b"mine")
    download(source_at(loopback), tmp_path / "corpus.tar.gz", HURRIED)
    assert (tmp_path / "corpus.tar.gz").read_bytes() == b"mine"
    assert loopback.requests == []


def test_a_cut_connection_is_resumed_where_it_broke(loopback, tmp_path):
    loopback.behaviours = [loopback.send_cut(1000), loopback.send_cut(500)]
    path = download(source_at(loopback), tmp_path / "c", HURRIED)
    assert path.read_bytes() == CONTENT
    assert ranges(loopback) == [None, "bytes=1000-", "bytes=1500-"]


def test_many_cuts_are_borne_as_long_as_each_brings_something(loopback, tmp_path):
    loopback.behaviours = [loopback.send_cut(700)] * 10
    assert download(source_at(loopback), tmp_path / "c", HURRIED).read_bytes() == CONTENT


def test_a_later_run_goes_on_where_the_first_gave_up(loopback, tmp_path):
    source = source_at(loopback)
    loopback.behaviours = [loopback.send_cut(1000)] + [send_nothing] * 3
    with pytest.raises(SpeechRnnError, match=r"cannot be fetched.*what has arrived is kept"):
        download(source, tmp_path / "c", HURRIED)
    loopback.behaviours = []
    assert download(source, tmp_path / "c", HURRIED).read_bytes() == CONTENT
    assert ranges(loopback)[-1] == "bytes=1000-"


def test_a_half_of_another_version_is_not_continued(loopback, tmp_path):
    loopback.behaviours = [loopback.send_cut(1000)] + [send_nothing] * 3
    with pytest.raises(SpeechRnnError):
        download(source_at(loopback), tmp_path / "c", HURRIED)
    newer = CONTENT[::-1]
    loopback.version, loopback.behaviours = '"v2"', []
    path = download(Source(loopback.url("/corpus.tar.gz", newer)), tmp_path / "c", HURRIED)
    assert path.read_bytes() == newer


def test_a_half_without_a_version_is_fetched_from_the_start(loopback, tmp_path):
    loopback.version = None
    loopback.behaviours = [loopback.send_cut(1000)]
    assert download(source_at(loopback), tmp_path / "c", HURRIED).read_bytes() == CONTENT
    assert ranges(loopback) == [None, None]


def test_a_server_that_ignores_range_is_read_from_the_start(loopback, tmp_path):
    loopback.behaviours = [loopback.send_cut(1000), send_all]
    assert download(source_at(loopback), tmp_path / "c", HURRIED).read_bytes() == CONTENT


def test_a_piece_that_was_not_asked_for_is_not_used(loopback, tmp_path):
    loopback.behaviours = [loopback.send_cut(1000), send_other_piece]
    assert download(source_at(loopback), tmp_path / "c", HURRIED).read_bytes() == CONTENT


def test_a_whole_part_is_recognised_by_the_servers_refusal(loopback, tmp_path):
    source = source_at(loopback)
    (tmp_path / "c.part").write_bytes(CONTENT)
    (tmp_path / "c.part.version").write_text('"v1"')
    assert download(source, tmp_path / "c", HURRIED).read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_thrown_away(loopback, tmp_path):
    source = source_at(loopback)
    (tmp_path / "c.part").write_bytes(CONTENT + b"and more")
    (tmp_path / "c.part.version").write_text('"v1"')
    assert download(source, tmp_path / "c", HURRIED).read_bytes() == CONTENT


def test_wrong_bytes_are_fetched_once_more_and_then_refused(loopback, tmp_path):
    source = source_at(loopback, md5_of=b"what was published")
    with pytest.raises(SpeechRnnError, match=r"corpus\.tar\.gz: sends other bytes than were published"):
        download(source, tmp_path / "c", HURRIED)
    assert len(loopback.requests) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_half_does_not_spoil_the_file(loopback, tmp_path):
    source = source_at(loopback)
    (tmp_path / "c.part").write_bytes(b"rubbish")
    (tmp_path / "c.part.version").write_text('"v1"')
    assert download(source, tmp_path / "c", HURRIED).read_bytes() == CONTENT


def test_a_wrong_length_is_refused_where_no_checksum_is_known(loopback, tmp_path):
    source = Source(loopback.url("/lm.gz", CONTENT), size=len(CONTENT) + 1)
    with pytest.raises(SpeechRnnError, match="other bytes"):
        download(source, tmp_path / "c", HURRIED)


def test_a_missing_file_is_told_at_once(loopback, tmp_path):
    with pytest.raises(SpeechRnnError, match=r"nowhere: the server refuses it \(HTTP status 404"):
        download(Source(loopback.address + "/nowhere"), tmp_path / "c", HURRIED)
    assert len(loopback.requests) == 1


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_busy_server_is_asked_again(loopback, tmp_path, status):
    loopback.behaviours = [send_status(status), send_nothing]
    assert download(source_at(loopback), tmp_path / "c", HURRIED).read_bytes() == CONTENT


def test_a_server_that_stays_broken_is_given_up(loopback, tmp_path):
    loopback.behaviours = [send_status(500)] * 9
    with pytest.raises(SpeechRnnError, match=r"cannot be fetched \(HTTP status 500"):
        download(source_at(loopback), tmp_path / "c", HURRIED)
    assert len(loopback.requests) == HURRIED.attempts


def test_a_redirection_is_followed_and_resumed(loopback, tmp_path):
    source = source_at(loopback)
    mirror = loopback.url("/mirror", CONTENT)
    loopback.behaviours = [
        send_status(302, Location=mirror),
        loopback.send_cut(1000),
        send_status(302, Location=mirror),
    ]
    assert download(source, tmp_path / "c", HURRIED).read_bytes() == CONTENT
    assert loopback.requests[-1] == ("/mirror", "bytes=1000-")


def test_a_silent_server_is_given_up(loopback, tmp_path):
    loopback.behaviours = [send_nothing] * 9
    with pytest.raises(SpeechRnnError, match="cannot be fetched"):
        download(source_at(loopback), tmp_path / "c", HURRIED)


def test_an_unknown_server_is_given_up_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(SpeechRnnError, match="check the network"):
        download(Source("http://nowhere.invalid/x"), tmp_path / "c", Patience(first_pause_seconds=3600))


def test_a_disk_without_room_is_told_before_anything_is_written(loopback, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 0))
    with pytest.raises(SpeechRnnError, match="the disk is full; make room"):
        download(source_at(loopback), tmp_path / "c", HURRIED)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here to write to")
def test_a_disk_that_fills_up_is_told(loopback, tmp_path):
    (tmp_path / "c.part").symlink_to("/dev/full")
    with pytest.raises(SpeechRnnError, match="the disk is full; make room"):
        download(source_at(loopback), tmp_path / "c", HURRIED)


def test_a_folder_that_cannot_be_made_is_told(loopback, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SpeechRnnError, match=r"cannot be written.*name another folder"):
        download(source_at(loopback), tmp_path / "file" / "c", HURRIED)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(min_size=1, max_size=3000), cuts=st.lists(st.integers(0, 800), max_size=6))
def test_whatever_the_cuts_the_bytes_are_right(tmp_path_factory, monkeypatch, content, cuts):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as loopback:
        loopback.behaviours = [loopback.send_cut(count) for count in cuts]
        patience = Patience(attempts=10, first_pause_seconds=0, timeout_seconds=5)
        path = download(source_at(loopback, content), tmp_path_factory.mktemp("whole") / "c", patience)
        assert path.read_bytes() == content
