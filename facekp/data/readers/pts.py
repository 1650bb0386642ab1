"""Folders of photographs with ``.pts`` files, as the 300-W challenge publishes them.

Such a file is text::

    version: 1
    n_points: 68
    {
    446.000 91.000
    ...
    }

Each row holds x and y of a point in pixels, x right and y down. As in Matlab, the centre of the first pixel is (1, 1).

Source: C. Sagonas, G. Tzimiropoulos, S. Zafeiriou, M. Pantic, 300 Faces in-the-Wild Challenge, 2013.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from facekp.data.images import read_image_size
from facekp.data.readers.folder import FolderReader, numbered_lines
from facekp.data.records import Record
from facekp.landmarks.frames import from_pixel_centres
from facekp.utils.errors import ConfigError, DataError

_VERSION = re.compile(r"version:\s*1(\.0*)?")
_COUNT = re.compile(r"n_points:\s*([1-9][0-9]{0,8})")
_FARTHEST = 1e6  # pixels


def read_pts(path: Path) -> np.ndarray:
    """Read one annotation.

    Returns:
        float64 [K, 2], x right and y down, in pixels as in the file.

    Raises:
        DataError: naming the file and the line, if it cannot be read or does not follow the format.
    """
    lines = numbered_lines(path)
    head = [text for _, text in lines[:3]]
    count = _COUNT.fullmatch(head[1]) if len(head) == 3 else None
    if count is None or not _VERSION.fullmatch(head[0]) or head[2] != "{":
        raise DataError(
            f"{path} does not begin with 'version: 1', 'n_points: ...' and '{{'; replace it by the original file"
        )
    rows = lines[3:-1]
    if len(rows) != int(count[1]) or lines[-1][1] != "}":
        raise DataError(
            f"{path} announces {count[1]} points and a closing '}}', but {len(lines) - 3} lines follow; "
            "replace it by the original file"
        )
    return np.array([_point(path, number, text) for number, text in rows])


def write_pts(path: Path, points_px: np.ndarray) -> None:
    """Write one annotation: float [K, 2], in pixels as they shall stand in the file.

    Raises:
        OSError: if the file cannot be written.
    """
    rows = [f"{x:.3f} {y:.3f}" for x, y in points_px.tolist()]
    text = "\n".join(["version: 1", f"n_points: {len(rows)}", "{", *rows, "}", ""])
    path.write_text(text, encoding="utf-8", newline="\n")


def _point(path: Path, number: int, text: str) -> tuple[float, float]:
    try:
        x, y = (float(column) for column in text.split())
    except ValueError:
        raise DataError(f"{path}, line {number} is not the x and y of a point; correct it") from None
    if not (abs(x) < _FARTHEST and abs(y) < _FARTHEST):
        raise DataError(f"{path}, line {number} is not finite, or far too large; correct it")
    return x, y


class PtsReader(FolderReader):
    """Reads photographs and ``.pts`` files.

    Args:
        scheme, person: as for :class:`FolderReader`.
        first_pixel: coordinate of the centre of the first pixel: 1, or 0 for files that do not follow Matlab.

    Raises:
        ConfigError: if it is neither.
    """

    def __init__(self, scheme: Any = "ibug68", person: str | None = None, first_pixel: int = 1) -> None:
        super().__init__(scheme, person)
        if first_pixel not in (0, 1):
            raise ConfigError(f"data.reader.first_pixel={first_pixel} is not possible: it must be 0 or 1")
        self._first_pixel = first_pixel

    def faces(self, folder: Path) -> list[Record]:
        return self.paired(folder, ".pts", self._read)

    def _read(self, face: Record) -> Record:
        size = read_image_size(face.image)
        points_px = read_pts(Path(face.source)) - self._first_pixel
        return replace(face, image_size=size, keypoints=from_pixel_centres(points_px, size))
