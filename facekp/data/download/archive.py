"""Take known files out of an archive that nobody vouches for."""

from __future__ import annotations

import gzip
import reprlib
import stat
import tarfile
import zipfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import IO, Any, Protocol

_ZIP_START = b"PK"
_GZIP_START = b"\x1f\x8b"
_TAR_MARK = slice(257, 262), b"ustar"
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others may expand without bound within one read


class ArchiveError(Exception):
    """An archive that is damaged, hostile or none at all; the message says what it does, such as "holds a link"."""


@dataclass(frozen=True)
class UnpackLimits:
    """How much an archive may unpack to, counted in the bytes that really come out of it."""

    members: int = 5_000
    member_bytes: int = 4 * 2**20
    total_bytes: int = 256 * 2**20


def unpack(archive: Path, names: Collection[str], folder: Path, limits: UnpackLimits = UnpackLimits()) -> None:
    """Write the wanted files of a .zip, .tar.gz or .tar straight into a folder, wherever in the archive they lie.

    Only the last part of a member's path is used, and only if it is wanted, so nothing can be written elsewhere.
    Archives that try are refused all the same: what else they hold is not to be trusted either.

    Args:
        archive: its kind is told from its content, not from its name.
        names: plain file names.
        folder: exists, and holds none of the names yet.
        limits: of what may come out.

    Raises:
        ArchiveError: for anything but a sound archive. Wanted files that are absent are no error.
        OSError: if a file cannot be written, or exists.
    """
    for name, content in _wanted(archive, names, limits):
        with (folder / name).open("xb") as file:
            file.write(content)


@dataclass(frozen=True)
class _Member:
    path: str
    is_folder: bool
    is_file: bool
    open: Callable[[], IO[bytes] | None]


def _wanted(archive: Path, names: Collection[str], limits: UnpackLimits) -> Iterator[tuple[str, bytes]]:
    try:
        with archive.open("rb") as stream:
            yield from _read(_members(stream, limits), names, limits)
    except ArchiveError:
        raise
    except Exception as error:  # bytes gone wrong make the standard library raise nearly anything
        raise ArchiveError(f"is truncated or damaged ({type(error).__name__})") from error


def _read(members: Iterator[_Member], names: Collection[str], limits: UnpackLimits) -> Iterator[tuple[str, bytes]]:
    taken: set[str] = set()
    total = 0
    for count, member in enumerate(members, start=1):
        if count > limits.members:
            raise ArchiveError(f"holds more than {limits.members} files")
        name = _checked_name(member)
        if name not in names or member.is_folder:
            continue
        if name in taken:
            raise ArchiveError(f"holds {name} twice")
        content = _content(member, limits.member_bytes)
        taken.add(name)
        total += len(content)
        if total > limits.total_bytes:
            raise ArchiveError(f"unpacks to more than {limits.total_bytes} bytes")
        yield name, content


def _checked_name(member: _Member) -> str:
    path = PureWindowsPath(member.path)  # knows drives and both slashes
    if path.anchor or ".." in path.parts:
        raise ArchiveError(f"holds a path that leads out of it, {reprlib.repr(member.path)}")
    if not (member.is_file or member.is_folder):
        raise ArchiveError(f"holds a link or device, {reprlib.repr(member.path)}")
    return path.name


def _content(member: _Member, limit: int) -> bytes:
    stream = member.open()
    if stream is None:
        raise ArchiveError(f"holds no content for {reprlib.repr(member.path)}")
    with stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise ArchiveError(f"holds a file of more than {limit} bytes, {reprlib.repr(member.path)}")
    return content


def _members(stream: IO[bytes], limits: UnpackLimits) -> Iterator[_Member]:
    start = stream.read(512)
    stream.seek(0)
    where, mark = _TAR_MARK
    if start.startswith(_ZIP_START):
        return _zip_members(stream)
    if start.startswith(_GZIP_START):
        return _tar_members(gzip.open(stream), limits)
    if start[where] == mark:  # a .tar.gz that the web server or library has already expanded
        return _tar_members(stream, limits)
    raise ArchiveError("is neither a .zip nor a .tar.gz archive")


def _zip_members(stream: IO[bytes]) -> Iterator[_Member]:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            if info.compress_type not in _ZIP_METHODS:
                raise ArchiveError(f"is compressed in an unusual way (zip method {info.compress_type})")
            kind = stat.S_IFMT(info.external_attr >> 16)  # of the Unix that packed it; 0 if it was another system
            is_file = not info.is_dir() and kind in (0, stat.S_IFREG)
            is_folder = info.is_dir() and kind in (0, stat.S_IFDIR)
            yield _Member(info.filename, is_folder, is_file, partial(archive.open, info))


def _tar_members(stream: _Readable, limits: UnpackLimits) -> Iterator[_Member]:
    # Read from start to end, never back: every byte passes the meter, those of unwanted members and long headers too.
    metered: Any = _Metered(stream, limits.total_bytes)
    with tarfile.open(fileobj=metered, mode="r|") as archive:
        for info in archive:
            yield _Member(info.name, info.isdir(), info.isreg(), partial(archive.extractfile, info))


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Metered:
    """A stream to read that raises ArchiveError once more than ``limit`` bytes came out of it."""

    def __init__(self, stream: _Readable, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._count = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._count += len(data)
        if self._count > self._limit:
            raise ArchiveError(f"unpacks to more than {self._limit} bytes")
        return data
