"""Files from outside, opened with care; and files of our own, either as they were or complete, never in between."""

from __future__ import annotations

import csv
import errno
import io
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Any, BinaryIO

_STALE_S = 86_400.0


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading, but neither a pipe nor a device, which could keep the reader waiting for ever.

    Raises:
        OSError: saying why, if there is no such file, it is no regular file, or it cannot be read.
    """
    try:
        if stat.S_ISREG(path.stat().st_mode):
            return path.open("rb")
    except ValueError as error:
        raise OSError(errno.EINVAL, "no file can have such a name", str(path)) from error
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def read_bytes(path: Path, at_most: int) -> bytes:
    """The content of a regular file of at most so many bytes.

    Raises:
        OSError: as :func:`open_regular`, and if the file is larger.
    """
    with open_regular(path) as file:
        content = file.read(at_most + 1)
    if len(content) > at_most:
        raise OSError(errno.EINVAL, f"larger than {at_most:,} bytes", str(path))
    return content


def user_path(path: str | Path) -> Path:
    """A path as a person gives it: ``~`` is a home folder, unless nobody has it."""
    return Path(os.path.expanduser(path))  # noqa: PTH111, Path.expanduser raises where there is no such person


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; False also for a path that no file can have, such as one that is too long."""
    with suppress(OSError):
        return path.is_dir()
    return False


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside ``path`` for writing, which takes the place of what was there once it is complete and on disk.

    Args:
        path: its folder is made where there is none.

    Raises:
        OSError: naming ``path``, if it cannot be written; what was there stays.
    """
    aside = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException as error:
        aside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)  # a failed write names no file
        raise
    _sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a text file by :func:`atomic_write`."""
    with atomic_write(path) as file:
        file.write(text.encode(errors="backslashreplace"))  # a part of a file's name may be no text


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV by :func:`atomic_write`: a column for each name that any of them has, in the order met."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, dict.fromkeys(name for row in rows for name in row), restval="")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def make_folder(folder: Path, fill: Callable[[Path], None], is_made: Callable[[], bool]) -> None:
    """Fill a hidden folder that then becomes ``folder`` all at once, unless that is made already.

    So it is never seen half filled, and several processes may ask for it: the first to finish wins. What killed ones
    have left is removed a day later.

    Args:
        folder: absent, empty, or made; its parents are made where there are none.
        fill: puts the files into the folder it is given.
        is_made: whether ``folder`` holds what is asked for; raises what it likes if it holds something else.

    Raises:
        OSError: if the folder cannot be written.
    """
    prefix = f".{folder.name}.facekp-"
    for left in folder.parent.glob(escape(prefix) + "*"):
        with suppress(OSError):  # another process may remove it meanwhile
            if max(path.stat().st_mtime for path in (left, *left.iterdir())) < time.time() - _STALE_S:
                shutil.rmtree(left)
    if is_made():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder.parent, ignore_cleanup_errors=True) as aside:
        new = Path(aside) / folder.name
        new.mkdir()
        fill(new)
        try:
            with suppress(OSError):
                folder.rmdir()  # an empty folder makes way; any other stays
            new.rename(folder)
        except OSError:
            if not is_made():  # else another process was faster
                raise


def _sync_folder(folder: Path) -> None:
    """See to it that the names in a folder outlast a loss of power, where the system has a way to."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
