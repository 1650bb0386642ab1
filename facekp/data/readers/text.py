"""Reading of text files with annotations.

What such a file holds is never quoted: it may be a link to another file, whose text is nobody's business.
"""

from __future__ import annotations

from pathlib import Path

from facekp.utils.errors import DataError
from facekp.utils.files import read_bytes

_MAX_BYTES = 1_000_000  # 20,000 points at 50 bytes each


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
