"""Reading of text files with annotations."""

from __future__ import annotations

from pathlib import Path

from facekp.utils.errors import DataError
from facekp.utils.files import read_bytes

_MAX_BYTES = 1_000_000  # 20,000 points at 50 bytes each
_SHOWN = 60


def numbered_lines(path: Path) -> list[tuple[int, str]]:
    """The non-empty lines of a file, stripped, each with its number from 1.

    Raises:
        DataError: naming the file, if it cannot be read, is larger than any annotation, or holds binary data.
    """
    try:
        raw = read_bytes(path, _MAX_BYTES)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check the file and its permissions") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\0" in text:
        raise DataError(f"{path} holds binary data, not an annotation; replace it by the original file")
    stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
    return [(number, line) for number, line in stripped if line]


def quoted(text: str) -> str:
    """A piece of a file for a message: on one line, and not too long."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")
