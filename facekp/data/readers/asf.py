"""ASF, the annotation files of the Active Appearance Models tools.

An ASF file is text. ``#`` starts a comment. The first other line is the number of points, followed by one line per
point and the name of the host image. The line of a point has seven columns, or more if the writer added some::

    path  type  x_rel  y_rel  index  connects_from  connects_to

Source: M. B. Stegmann, The AAM-API, Technical University of Denmark, 2003; Nordstrøm et al., The IMM Face Database,
    2004.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facekp.data.images import read_image_size
from facekp.data.readers.folder import AnnotatedFace, FolderReader
from facekp.data.readers.text import numbered_lines
from facekp.landmarks.scheme import Group, Scheme
from facekp.utils.errors import ConfigError, DataError

_COLUMNS = 7
_USER_COLUMNS = 3
_OPEN, _CLOSED = 4, 0  # types of a path
_FARTHEST = 1e6  # relative to the image


@dataclass(frozen=True)
class AsfShape:
    """The content of an ASF file.

    Args:
        keypoints: float32 [K, 2], x right and y down, relative to the image (0..1).
        image_name: the host image's file name, as written.
    """

    keypoints: np.ndarray
    image_name: str


def read_asf(path: Path) -> AsfShape:
    """Read one annotation.

    Points may lie outside the image; every other fault raises.

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
    rows = lines[1 : 1 + count]
    if len(rows) < count or len(lines) != count + 2:
        found = max(0, len(lines) - 2)
        raise DataError(
            f"{path} announces {count} points and a host image, but {found} point lines follow; "
            "replace it by the original file"
        )
    keypoints = np.full((count, 2), np.nan, dtype=np.float32)
    for number, text in rows:
        index, x, y = _point(path, number, text, count)
        if not np.isnan(keypoints[index, 0]):
            raise DataError(f"{path}, line {number}: point {index} is given twice")
        keypoints[index] = x, y
    return AsfShape(keypoints, lines[-1][1])


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


def write_asf(path: Path, keypoints: np.ndarray, image_name: str, scheme: Scheme, columns: int = _COLUMNS) -> None:
    """Write one annotation, with eight decimals.

    Args:
        path: the file to write; an existing one is replaced.
        keypoints: float [K, 2], x right and y down, relative to the image (0..1).
        image_name: the host image's file name.
        scheme: its groups become the file's paths; it has K points.
        columns: 7, or 10 to add three user columns of zeros.

    Raises:
        ConfigError: if the number of points is not the scheme's, or the number of columns is neither 7 nor 10.
        OSError: if the file cannot be written.
    """
    if keypoints.shape != (len(scheme), 2):
        raise ConfigError(f"scheme {scheme.name} has {len(scheme)} points in two coordinates, not {keypoints.shape}")
    if columns not in (_COLUMNS, _COLUMNS + _USER_COLUMNS):
        raise ConfigError(f"an ASF point has {_COLUMNS} or {_COLUMNS + _USER_COLUMNS} columns, not {columns}")
    user = columns - _COLUMNS
    titles = "<path#> <type> <x rel.> <y rel.> <point#> <connects from> <connects to>"
    titles += "".join(f" <user{number}>" for number in range(1, user + 1))
    rows = {}
    for number, group in enumerate(scheme.groups):
        for point, before, after in _neighbours(group):
            x, y = keypoints[point]
            place = f"{number} \t{_CLOSED if group.closed else _OPEN} \t{x:.8f} \t{y:.8f}"
            rows[point] = f"{place} \t{point} \t{before} \t{after}" + "\t0.00" * user
    text = "\n".join(
        [
            "#" * 70,
            _comment("   AAM Shape File"),
            "#" * 70 + "\n",
            _comment("number of model points"),
            f"{len(scheme)}\n",
            _comment("model points", f"format: {titles}"),
            *(rows[point] for point in sorted(rows)),
            "",
            _comment("host image"),
            f"{image_name}\n",
        ]
    )
    path.write_text(text, encoding="utf-8", newline="\n")


def _neighbours(group: Group) -> list[tuple[int, int, int]]:
    """Each point of a path with the ones before and after it; the ends of an open path are their own neighbours."""
    points = group.point_indices
    first, last = (points[-1], points[0]) if group.closed else (points[0], points[-1])
    return list(zip(points, (first, *points[:-1]), (*points[1:], last), strict=True))


def _comment(*lines: str) -> str:
    return "\n".join(["#", *(f"# {line}\n#" for line in lines)])


class AsfFolderReader(FolderReader):
    """Reads photographs and ASF files with any number of points; the files' paths and host images are not used.

    Args:
        scheme, person: as for :class:`FolderReader`.
    """

    def faces(self, folder: Path) -> list[AnnotatedFace]:
        return self.paired(folder, ".asf", _read)


def _read(face: AnnotatedFace) -> AnnotatedFace:
    return replace(face, image_size=read_image_size(face.image), keypoints=read_asf(Path(face.source)).keypoints)
