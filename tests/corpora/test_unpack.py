"""Archives are unpacked only where they belong, whole or not at all."""

import io
import tarfile

import pytest

from speechrnn.corpora.unpack import unpack
from speechrnn.errors import SpeechRnnError


def archive_of(path, *members):
    """Write a packed tar file of (name, type, content or target of a link)."""
    with tarfile.open(path, "w:gz") as tar:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            if kind == tarfile.REGTYPE:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            else:
                member.linkname = content.decode()
                tar.addfile(member)
    return path


GOOD = ("corpus/a.txt", tarfile.REGTYPE, b"hello")


def test_files_and_folders_come_out_and_older_ones_go(tmp_path):
    archive = archive_of(tmp_path / "a.tar.gz", ("corpus", tarfile.DIRTYPE, b""), GOOD)
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "stale").write_text("half unpacked")
    unpack(archive, tmp_path / "to")
    assert (tmp_path / "to" / "corpus" / "a.txt").read_bytes() == b"hello"
    assert not (tmp_path / "to" / "stale").exists()


@pytest.mark.parametrize(
    "bad",
    [
        ("../outside.txt", tarfile.REGTYPE, b"x"),
        ("corpus/../../outside.txt", tarfile.REGTYPE, b"x"),
        ("link", tarfile.SYMTYPE, b"/etc"),
        ("link", tarfile.SYMTYPE, b"corpus/a.txt"),
        ("link", tarfile.LNKTYPE, b"corpus/a.txt"),
        ("device", tarfile.CHRTYPE, b""),
        ("pipe", tarfile.FIFOTYPE, b""),
    ],
)
def test_nothing_of_an_archive_with_a_trap_stays(tmp_path, bad):
    archive = archive_of(tmp_path / "a.tar.gz", GOOD, bad)
    with pytest.raises(
        SpeechRnnError, match=r"a\.tar\.gz: (holds a link or a device|wants to write elsewhere)"
    ):
        unpack(archive, tmp_path / "to")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


def test_an_absolute_name_stays_inside(tmp_path):
    outside = tmp_path / "outside.txt"
    archive = archive_of(tmp_path / "a.tar.gz", (str(outside), tarfile.REGTYPE, b"x"))
    unpack(archive, tmp_path / "to")
    assert not outside.exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_an_archive_cut_short_is_told(tmp_path, share):
    noise = bytes(hash((i, 7)) % 251 for i in range(50_000))
    archive = archive_of(tmp_path / "a.tar.gz", ("corpus/a.bin", tarfile.REGTYPE, noise))
    archive.write_bytes(archive.read_bytes()[: int(archive.stat().st_size * share)])
    with pytest.raises(SpeechRnnError, match="cut short or broken"):
        unpack(archive, tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_something_else_than_an_archive_is_told(tmp_path):
    (tmp_path / "a.tar.gz").write_text("<html>Please log in</html>" * 100)
    with pytest.raises(SpeechRnnError, match=r"a\.tar\.gz: is cut short or broken"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "to")
