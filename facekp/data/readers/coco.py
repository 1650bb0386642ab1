"""Keypoints in one COCO JSON file beside a folder of images.

These parts of the file are read: ``images`` (id, file_name, width, height), ``annotations`` (image_id, category_id,
keypoints: x, y, v for each point) and the one entry of ``categories`` that has ``keypoints``. The skeleton is not read:
lines follow the groups of a scheme. Coordinates are pixels counted from 0, so the centre of the first pixel is (0, 0).
v is 0 for a point without a label, 1 for a hidden and 2 for a visible one; 1 and 2 are treated alike.

Source: COCO, Data format, https://cocodataset.org/#format-data; T.-Y. Lin et al., Microsoft COCO, 2014.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from facekp.data.images import read_image_size
from facekp.data.readers.folder import FolderReader
from facekp.data.records import Record, attempt
from facekp.landmarks.frames import from_pixel_centres
from facekp.landmarks.scheme import Group, Scheme
from facekp.utils.errors import ConfigError, DataError
from facekp.utils.files import is_file, read_bytes, user_path
from facekp.utils.terminal import display_path

_MAX_BYTES = 1_000_000_000  # the largest of COCO's own files is a quarter of it
_FARTHEST = 1e6  # pixels
_SIDES = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class CocoFace(Record):
    """The record of one annotation.

    Args:
        noted_size: (width, height) of the image as the file tells it, or None if it does not.
        points_px: float64 [K, 3], x and y in pixels counted from 0, and v; none with a fault.
    """

    noted_size: tuple[int, int] | None = None
    points_px: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))

    @property
    def area(self) -> float:
        """The area of the box around the labelled points, in pixels; infinite with a fault, as the size is unknown."""
        labelled = self.points_px[self.points_px[:, 2] > 0, :2]
        return np.inf if self.fault else float(np.prod(np.ptp(labelled, axis=0))) if len(labelled) else 0.0


def coco_category(scheme: Scheme, point_indices: Sequence[int]) -> dict[str, Any]:
    """The entry of ``categories`` for faces with these points of a scheme; its id is 1."""
    row_of = {point: row for row, point in enumerate(point_indices)}
    segments = [segment for group in scheme.groups for segment in group.segments if segment[0] != segment[1]]
    lines = [[row_of[one] + 1, row_of[other] + 1] for one, other in segments if {one, other} <= row_of.keys()]
    names = scheme.names
    keypoints = [names[point] for point in point_indices]
    return {"id": 1, "name": "face", "supercategory": "person", "keypoints": keypoints, "skeleton": lines}


def read_coco(path: Path, folder: Path, on_bad: str = "error") -> tuple[tuple[str, ...], list[CocoFace]]:
    """Read a file, without looking at the images.

    Args:
        folder: of the images.
        on_bad: ``skip`` returns a face whose keypoints are broken with its ``fault``, ``error`` raises.

    Returns:
        The names of the points, and the faces with these points, in the order of the file.

    Raises:
        DataError: naming the file and the entry, if it cannot be read or does not follow the format.
    """
    try:
        content = json.loads(read_bytes(path, _MAX_BYTES))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); set data.reader.annotations to the file") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON that can be read ({error}); replace it by the original file") from error
    images = {}
    for image, where in _entries(content, "images", path):
        sizes = {"width": int, "height": int} if {"width", "height"} & image.keys() else {}
        _check(image, where, id=(int, str), file_name=str, **sizes)
        images[image["id"]] = image
    categories = [entry for entry in _entries(content, "categories", path) if entry[0].get("keypoints")]
    if len(categories) != 1:
        raise DataError(f"{path} has {len(categories)} categories with keypoints; keep the one that is wanted")
    category, where = categories[0]
    _check(category, where, id=(int, str), keypoints=list)
    names = tuple(map(str, category["keypoints"]))
    faces = []
    for annotation, where in _entries(content, "annotations", path):
        if "keypoints" in annotation and annotation.get("category_id") == category["id"]:
            _check(annotation, where, image_id=(int, str))
            if annotation["image_id"] not in images:
                raise DataError(f"{where}: there is no image {str(annotation['image_id'])[:60]!r}; correct it")
            image = images[annotation["image_id"]]
            name, noted = image["file_name"], (image["width"], image["height"]) if "width" in image else None
            known = CocoFace(name, folder / name, source=where, noted_size=noted)
            faces.append(attempt(known, partial(_with_points, annotation, len(names)), on_bad))
    return names, faces


def _entries(content: Any, key: str, path: Path) -> Iterable[tuple[dict[str, Any], str]]:
    """The entries of a list of the file, each with a name for messages."""
    entries = content.get(key) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DataError(f"{path} holds no list of {key}; replace it by the original file")
    return [(entry, f"{path}, {key}[{number}]") for number, entry in enumerate(entries)]


def _check(entry: Mapping[str, Any], where: str, **kinds: type | tuple[type, ...]) -> None:
    for key, kind in kinds.items():
        if not isinstance(entry.get(key), kind):
            raise DataError(f"{where}: {key} is missing, or of the wrong kind; correct it")


def _with_points(annotation: Mapping[str, Any], count: int, face: CocoFace) -> CocoFace:
    _check(annotation, face.source, keypoints=list)
    given = annotation["keypoints"]
    if len(given) != 3 * count:
        raise DataError(f"{face.source}: keypoints has {len(given)} numbers instead of 3 for each of {count} points")
    if not all(isinstance(number, (int, float)) and abs(number) < _FARTHEST for number in given):
        raise DataError(f"{face.source}: keypoints has something that is not a finite number of pixels; correct it")
    return replace(face, points_px=np.array(given, dtype=np.float64).reshape(count, 3))


class CocoReader(FolderReader):
    """Reads the faces of a COCO file, one for each image.

    Of several faces in an image the largest is used. A photograph whose face lacks a point (v = 0) is left out. Their
    numbers are printed. The name of a record is the file name of its photograph.

    Args:
        annotations: path of the JSON file.
        scheme: as for :class:`FolderReader`, or ``names`` to derive it from the points' names. Each point is then a
            group of its name, ``left`` and ``right`` swap in a mirror, and the NME is normalised by the distance from
            ``left_eye`` to ``right_eye``, if there are such names.
        person: as for :class:`FolderReader`.

    Raises:
        ConfigError: if no file is given.
    """

    def __init__(self, annotations: str | None = None, scheme: Any = "names", person: str | None = None) -> None:
        super().__init__("none" if scheme == "names" else scheme, person)
        if annotations is None:
            raise ConfigError("data.reader.annotations must be given, the path of the JSON file")
        self._annotations = user_path(annotations)
        self._by_names = scheme == "names"

    def faces(self, folder: Path) -> list[Record]:
        names, found = read_coco(self._annotations, folder, self.on_bad)
        if self._by_names:
            self.given_scheme = scheme_of_names(names)
        largest: dict[str, CocoFace] = {}
        for face in sorted(found, key=lambda face: -face.area):
            largest.setdefault(face.name, face)
        complete = [largest[name] for name in sorted(largest) if (largest[name].points_px[:, 2] > 0).all()]
        if found and not complete:
            raise DataError(f"{self._annotations}: no face has all its points labelled (v > 0); label them")
        for count, what in (
            (len(found) - len(largest), "smaller faces of images with several"),
            (len(largest) - len(complete), "images whose face has points without a label (v = 0)"),
        ):
            if count:
                print(f"Left out of {display_path(self._annotations)}: {count} {what}")
        return [attempt(face, partial(_located, folder), self.on_bad) for face in complete]


def _located(folder: Path, face: CocoFace) -> CocoFace:
    path, noted = face.image, face.noted_size
    if not is_file(path):
        raise DataError(f"{face.source}: the image {face.name[:60]!r} is not in {folder}; add it, or set data.root")
    size = read_image_size(path)
    if noted not in (None, size):
        raise DataError(
            f"{path} is {size[0]}x{size[1]}, but {face.source} was made at {noted[0]}x{noted[1]}; replace either"
        )
    return replace(face, image_size=size, keypoints=from_pixel_centres(face.points_px[:, :2], size))


def scheme_of_names(names: Sequence[str]) -> Scheme:
    """The scheme that the names of points imply.

    Args:
        names: one for each point, such as ``nose`` and ``left_eye``.

    Returns:
        A scheme without lines, and without mirror map or eyes if no names contain left and right. If names are not
        unique, nothing is known of the points.
    """
    index = {name: number for number, name in enumerate(names)}
    if len(index) < len(names) or "all" in index:
        return Scheme.unknown(len(names))
    others = (re.sub("left|right", lambda side: _SIDES[side[0]], name, count=1) for name in names)
    mirror = tuple(index.get(other, number) for number, other in enumerate(others))
    known = mirror != tuple(range(len(names)))
    eyes = ((index["left_eye"],), (index["right_eye"],)) if {"left_eye", "right_eye"} <= index.keys() else None
    groups = tuple(Group(name, (point,)) for name, point in index.items())
    return Scheme("names", groups, mirror if known else None, eyes)
