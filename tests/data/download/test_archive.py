"""Archives from strangers: what is wanted comes out, and nothing else does."""

import contextlib
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facekp.data.download.archive import ArchiveError, UnpackLimits, unpack
from tests.data.download.archives import Pack, tarred, tarred_with, zipped

WANTED = {"a.jpg": b"an image" * 500, "a.asf": b"its points"}
PLAIN = list(WANTED.items())
SMALL = UnpackLimits(members=20, member_bytes=10_000, total_bytes=50_000)


@pytest.fixture(params=[zipped, tarred], ids=["zip", "tar.gz"])
def pack(request: pytest.FixtureRequest) -> Pack:
    packing: Pack = request.param
    return packing


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[[bytes], dict[str, bytes]]:
    """Unpack into an empty folder; answer with all that is in it, and make sure that nothing lies beside it."""

    def run(archive: bytes) -> dict[str, bytes]:
        path, folder = tmp_path / "archive", tmp_path / "folder"
        path.write_bytes(archive)
        folder.mkdir()
        try:
            unpack(path, WANTED, folder, SMALL)
        finally:
            assert {each.name for each in tmp_path.iterdir()} == {"archive", "folder"}
            assert {each.name for each in folder.iterdir()} <= WANTED.keys()
            assert not any(each.is_symlink() for each in folder.iterdir())
        return {each.name: each.read_bytes() for each in folder.iterdir()}

    return run


def test_wanted_files_are_found_in_a_folder_among_others(pack: Pack, unpacked: Any) -> None:
    members = [("set/readme.txt", b"hello"), *((f"set/{name}", content) for name, content in PLAIN)]
    assert unpacked(pack(members)) == WANTED


def test_a_tar_that_was_expanded_on_the_way_is_read_too(unpacked: Any) -> None:
    assert unpacked(tarred(PLAIN, "w")) == WANTED


def test_folders_are_no_files_even_with_a_wanted_name(unpacked: Any) -> None:
    assert unpacked(tarred_with(PLAIN, "set", type=tarfile.DIRTYPE)) == WANTED


def test_absent_files_are_no_error(pack: Pack, unpacked: Any) -> None:
    assert unpacked(pack([("other", b"")])) == {}


@pytest.mark.parametrize(
    "path",
    ["../a.jpg", "set/../../a.jpg", "/a.jpg", "/tmp/a.jpg", "..\\a.jpg", "C:\\a.jpg", "C:a.jpg", "\\\\host\\a.jpg"],
)
def test_paths_that_lead_out_are_refused(path: str, pack: Pack, unpacked: Any) -> None:
    with pytest.raises(ArchiveError, match="leads out of it"):
        unpacked(pack([(path, b"x")]))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE], ids=repr
)
@pytest.mark.parametrize("target", ["/etc/passwd", "a.asf"])
def test_links_and_devices_in_a_tar_are_refused(kind: bytes, target: str, unpacked: Any) -> None:
    with pytest.raises(ArchiveError, match=r"link or device, 'b\.jpg'"):
        unpacked(tarred_with(PLAIN, "b.jpg", type=kind, linkname=target))


def test_links_in_a_zip_are_refused(unpacked: Any) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("a.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ArchiveError, match="link or device"):
        unpacked(buffer.getvalue())


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused(pack: Pack, unpacked: Any) -> None:
    with pytest.raises(ArchiveError, match=r"holds a\.jpg twice"):
        unpacked(pack([("one/a.jpg", b"x"), ("two/a.jpg", b"y")]))


def test_nothing_is_overwritten(pack: Pack, tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(pack(PLAIN))
    (tmp_path / "a.jpg").write_bytes(b"edited")
    with pytest.raises(FileExistsError):
        unpack(tmp_path / "archive", WANTED, tmp_path)
    assert (tmp_path / "a.jpg").read_bytes() == b"edited"


def test_a_bomb_is_refused(pack: Pack, unpacked: Any) -> None:
    bomb = pack([("a.jpg", bytes(SMALL.member_bytes + 1))])
    assert len(bomb) < 1000
    with pytest.raises(ArchiveError, match="file of more than 10000 bytes"):
        unpacked(bomb)


def test_many_files_may_not_be_a_bomb_together(pack: Pack, tmp_path: Path) -> None:
    names = [str(number) for number in range(10)]
    (tmp_path / "archive").write_bytes(pack([(name, bytes(9_000)) for name in names]))
    (tmp_path / "folder").mkdir()
    with pytest.raises(ArchiveError, match="unpacks to more than 50000 bytes"):
        unpack(tmp_path / "archive", names, tmp_path / "folder", SMALL)


def test_more_members_than_any_such_set_has_are_refused(pack: Pack, unpacked: Any) -> None:
    with pytest.raises(ArchiveError, match="more than 20 files"):
        unpacked(pack([(f"{number}.txt", b"") for number in range(21)]))


def test_unwanted_members_of_a_tar_may_not_be_a_bomb(unpacked: Any) -> None:
    with pytest.raises(ArchiveError, match="unpacks to more than 50000 bytes"):
        unpacked(tarred([("readme.txt", bytes(60_000))]))


def test_headers_of_a_tar_may_not_be_a_bomb(unpacked: Any) -> None:
    with pytest.raises(ArchiveError, match="unpacks to more than 50000 bytes"):
        unpacked(tarred_with(PLAIN, "readme.txt", pax_headers={"comment": "x" * 60_000}))


@pytest.mark.parametrize("claimed", [3, 2**31])
def test_a_zip_that_lies_about_a_size_is_refused(claimed: int, unpacked: Any) -> None:
    lying = bytearray(zipped([("a.jpg", bytes(SMALL.member_bytes + 1))]))
    entry = lying.index(b"PK\x01\x02")
    lying[entry + 24 : entry + 28] = claimed.to_bytes(4, "little")
    with pytest.raises(ArchiveError, match=r"damaged|more than 10000 bytes"):
        unpacked(bytes(lying))


@pytest.mark.parametrize("claimed", [5_000, 10**12])
def test_a_tar_that_lies_about_a_size_is_refused(claimed: int, unpacked: Any) -> None:
    info = tarfile.TarInfo("a.jpg")
    info.size = claimed
    with pytest.raises(ArchiveError, match="truncated or damaged"):
        unpacked(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)))


def test_unusual_compression_is_refused(unpacked: Any) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.jpg", b"x")
    with pytest.raises(ArchiveError, match="unusual"):
        unpacked(buffer.getvalue())


@pytest.mark.parametrize("content", [b"", b"PK", b"\x1f\x8b", b"<html>not found</html>" * 100])
def test_what_is_no_archive_is_refused(content: bytes, unpacked: Any) -> None:
    with pytest.raises(ArchiveError, match=r"neither a \.zip nor a \.tar\.gz|truncated or damaged"):
        unpacked(content)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_truncated_archive_is_refused(kept: float, pack: Pack, unpacked: Any) -> None:
    whole = pack(PLAIN)
    with pytest.raises(ArchiveError, match="truncated or damaged"):
        unpacked(whole[: int(kept * len(whole))])


def test_changed_bytes_never_end_in_anything_but_an_archive_error(pack: Pack, tmp_path: Path) -> None:
    whole = pack(PLAIN)
    for position in range(0, len(whole), 3):
        corrupt = bytearray(whole)
        corrupt[position] ^= 0xFF
        (tmp_path / "archive").write_bytes(corrupt)
        folder = tmp_path / str(position)
        folder.mkdir()
        with contextlib.suppress(ArchiveError):
            unpack(tmp_path / "archive", WANTED, folder, SMALL)
        assert {each.name for each in folder.iterdir()} <= WANTED.keys()
