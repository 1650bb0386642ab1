"""ASF, the annotation files of the Active Appearance Models tools.

An ASF file is text. ``#`` starts a comment. The first other line is the number of points, followed by one line per
point and the name of the host image. The line of a point has seven columns, or more if the writer added some::

    path  type  x_rel  y_rel  index  connects_from  connects_to

Source: M. B. Stegmann, The AAM-API, Technical University of Denmark, 2003; Nordstrøm et al., The IMM Face Database,
    2004.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from facekp.data.images import read_image_size
from facekp.data.readers.folder import FolderReader, numbered_lines
from facekp.data.records import Record
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import DataError

_COLUMNS = 7
_OPEN, _CLOSED = 4, 0  # types of a path
_FARTHEST = 1e6  # relative to the image


def read_asf(path: Path) -> np.ndarray:
    """Read one annotation.

    Returns:
        float32 [K, 2], x right and y down, relative to the image (0..1); points may lie outside it.

    Raises:
        DataError: naming the file and the line, if it cannot be read or does not follow the format.
    """
    lines = [(number, line) for number, line in numbered_lines(path) if not line.startswith("#")]
    if not lines:
        raise DataError(f"{path} holds no annotation, only comments or nothing; replace it by the original file")
    number, text = lines[0]
    if not re.fullmatch("0*[1-9][0-9]{0,17}", text):
        raise DataError(f"{path}, line {number}: the number of points was expected; replace the file by the original")
    count = int(text)
    if len(lines) != count + 2:
        found = max(0, len(lines) - 2)
        raise DataError(
            f"{path} announces {count} points and a host image, but {found} point lines follow; "
            "replace it by the original file"
        )
    keypoints = np.full((count, 2), np.nan, dtype=np.float32)
    for number, text in lines[1:-1]:
        index, x, y = _point(path, number, text, count)
        if not np.isnan(keypoints[index, 0]):
            raise DataError(f"{path}, line {number}: point {index} is given twice")
        keypoints[index] = x, y
    return keypoints


def _point(path: Path, number: int, text: str, count: int) -> tuple[int, float, float]:
    columns = text.split()
    if len(columns) < _COLUMNS:
        raise DataError(
            f"{path}, line {number}: a point has at least {_COLUMNS} columns, this line has {len(columns)}; correct it"
        )
    try:
        index = int(columns[4])
        x, y = float(columns[2]), float(columns[3])
    except ValueError:
        raise DataError(f"{path}, line {number} holds something that is not a number; correct it") from None
    if not 0 <= index < count:
        raise DataError(f"{path}, line {number}: point index {index} is not within 0..{count - 1}")
    if not (abs(x) < _FARTHEST and abs(y) < _FARTHEST):
        raise DataError(f"{path}, line {number}: point {index} has a coordinate that is not finite, or far too large")
    return index, x, y


def write_asf(path: Path, keypoints: np.ndarray, image_name: str, scheme: Scheme) -> None:
    """Write one annotation, with eight decimals.

    Args:
        path: the file to write; an existing one is replaced.
        keypoints: float [K, 2], x right and y down, relative to the image (0..1).
        image_name: the host image's file name.
        scheme: its groups become the file's paths; it has K points.

    Raises:
        OSError: if the file cannot be written.
    """
    rows = {}
    for number, group in enumerate(scheme.groups):
        points, kind = group.point_indices, _CLOSED if group.closed else _OPEN
        first, last = (points[-1], points[0]) if group.closed else (points[0], points[-1])
        for point, before, after in zip(points, (first, *points[:-1]), (*points[1:], last), strict=True):
            x, y = keypoints[point]
            rows[point] = f"{number} \t{kind} \t{x:.8f} \t{y:.8f} \t{point} \t{before} \t{after}"
    head = ["# number of model points", str(len(rows)), "# path type x_rel y_rel index connects_from connects_to"]
    lines = [*head, *(rows[point] for point in sorted(rows)), "# host image", image_name]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


class AsfFolderReader(FolderReader):
    """Reads photographs and ASF files with any number of points; the files' paths and host images are not used.

    Args:
        scheme, person: as for :class:`FolderReader`.
    """

    def faces(self, folder: Path) -> list[Record]:
        return self.paired(folder, ".asf", _read)


def _read(face: Record) -> Record:
    return replace(face, image_size=read_image_size(face.image), keypoints=read_asf(Path(face.source)))
