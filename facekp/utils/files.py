"""Safe reading of files from outside, and atomic writing of our own."""

from __future__ import annotations

import csv
import errno
import io
import os
import re
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
    """Open a regular file for reading; a pipe or a device could block for ever.

    Raises:
        OSError: if there is no such file, it is not a regular file, or it cannot be read.
    """
    try:
        if stat.S_ISREG(path.stat().st_mode):
            return path.open("rb")
    except ValueError as error:
        raise OSError(errno.EINVAL, "no file can have such a name", str(path)) from error
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def read_bytes(path: Path, at_most: int) -> bytes:
    """The content of a regular file of at most ``at_most`` bytes.

    Raises:
        OSError: as :func:`open_regular`, and if the file is larger.
    """
    with open_regular(path) as file:
        content = file.read(at_most + 1)
    if len(content) > at_most:
        raise OSError(errno.EINVAL, f"larger than {at_most:,} bytes", str(path))
    return content


def user_path(path: str | Path) -> Path:
    """A path that a user gave: ``~`` is a home folder, if it exists."""
    return Path(os.path.expanduser(path))  # noqa: PTH111, Path.expanduser raises if there is no such user


def name_of(text: str) -> str:
    """A text as the name of a folder, in characters that need no quotes in a shell, at most 100 of them."""
    return re.sub(r"[^\w.+-]+", "-", text)[:100]


is_folder, is_file = os.path.isdir, os.path.isfile
"""Whether there is such a folder or file; False also for an impossible path, such as one that is too long."""


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file for writing, which replaces ``path`` once it is complete and on disk.

    Raises:
        OSError: naming ``path``, if it cannot be written; an existing file stays.
    """
    temporary = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)  # a failed write names no file
        raise
    _sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a text file with :func:`atomic_write`."""
    with atomic_write(path) as file:
        file.write(text.encode(errors="backslashreplace"))  # names of files may not be valid Unicode


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV with :func:`atomic_write`; the columns are all names, in the order of their first row."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, dict.fromkeys(name for row in rows for name in row), restval="")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def make_folder(folder: Path, fill: Callable[[Path], None], is_complete: Callable[[], bool]) -> None:
    """Fill a hidden folder and rename it to ``folder``, unless that is complete already.

    So it is never seen half filled, and several processes may call this: the first to finish wins. Leftovers of killed
    processes are removed after a day.

    Args:
        folder: absent, empty, or complete; its parents are created if they do not exist.
        is_complete: whether ``folder`` is complete; may raise if it has other content.

    Raises:
        OSError: if the folder cannot be written.
    """
    prefix = f".{folder.name}.facekp-"
    for left in folder.parent.glob(escape(prefix) + "*"):
        with suppress(OSError):  # another process may remove it at the same time
            if max(path.stat().st_mtime for path in (left, *left.iterdir())) < time.time() - _STALE_S:
                shutil.rmtree(left)
    if is_complete():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder.parent, ignore_cleanup_errors=True) as aside:
        new = Path(aside) / folder.name
        new.mkdir()
        fill(new)
        try:
            with suppress(OSError):
                folder.rmdir()  # removes an empty folder only
            new.rename(folder)
        except OSError:
            if not is_complete():  # otherwise another process was faster
                raise


def _sync_folder(folder: Path) -> None:
    """Make sure that the names in a folder survive a loss of power, if the system supports it."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
