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
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from facekp.data.images import read_image_size
from facekp.data.readers.folder import AnnotatedFace, FolderReader
from facekp.data.records import NO_KEYPOINTS, NO_SIZE, attempt
from facekp.landmarks.frames import from_pixel_centres
from facekp.landmarks.scheme import Group, Scheme
from facekp.utils.errors import ConfigError, DataError
from facekp.utils.files import read_bytes, user_path
from facekp.utils.terminal import display_path

_MAX_BYTES = 1_000_000_000  # the largest of COCO's own files is a quarter of it
_FARTHEST = 1e6  # pixels
_SIDES = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class CocoAnnotation:
    """One annotation.

    Args:
        file_name: of the image, relative to the image folder.
        image_size: (width, height) as the file gives it, or None.
        points_px: float64 [K, 2], in pixels counted from 0.
        labelled: bool [K].
        where: name of the annotation, for messages.
        fault: why it cannot be used, or None; with a fault it has no points.
    """

    file_name: str
    image_size: tuple[int, int] | None
    points_px: np.ndarray
    labelled: np.ndarray
    where: str
    fault: str | None = None

    @property
    def area(self) -> float:
        """The area of the box around the labelled points, in pixels; infinite with a fault, as the size is unknown."""
        if self.fault is not None:
            return np.inf
        labelled = self.points_px[self.labelled]
        return float(np.prod(np.ptp(labelled, axis=0))) if len(labelled) else 0.0


def read_coco(path: Path, on_bad: str = "error") -> tuple[tuple[str, ...], list[CocoAnnotation]]:
    """Read a file.

    Args:
        path: the JSON file.
        on_bad: ``skip`` returns an annotation whose keypoints are broken with its ``fault``, ``error`` raises.

    Returns:
        The names of the points, and the annotations of their category, in the order of the file.

    Raises:
        DataError: naming the file and the entry, if it cannot be read or does not follow the format.
    """
    content = _load(path)
    images = {_id(image, "id", where): _image(image, where) for image, where in _entries(content, "images", path)}
    category, names = _category(content, path)
    faces = []
    for annotation, where in _entries(content, "annotations", path, "keypoints"):
        if annotation.get("category_id") == category:
            image = _id(annotation, "image_id", where)
            if image not in images:
                raise DataError(f"{where}: there is no image with the id {str(image)[:60]!r}; correct it")
            known = CocoAnnotation(*images[image], NO_KEYPOINTS, np.empty(0, bool), where)
            faces.append(attempt(known, partial(_labelled, annotation, len(names)), on_bad))
    return names, faces


def _category(content: Mapping[str, Any], path: Path) -> tuple[int | str, tuple[str, ...]]:
    """The id of the category that has keypoints, and their names."""
    categories = list(_entries(content, "categories", path, "keypoints"))
    if len(categories) != 1:
        raise DataError(f"{path} has {len(categories)} categories with keypoints; keep the one that is wanted")
    category, where = categories[0]
    names = tuple(str(name) for name in _of(category, "keypoints", list, where))
    if not names:
        raise DataError(f"{where}: keypoints names no point; correct it")
    return _id(category, "id", where), names


def _load(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(read_bytes(path, _MAX_BYTES))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); set data.reader.annotations to the file") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON that can be read ({error}); replace it by the original file") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} holds no images, annotations and categories; replace it by the original file")
    return content


def _entries(
    content: Mapping[str, Any], key: str, path: Path, needs: str | None = None
) -> Iterable[tuple[dict[str, Any], str]]:
    """The entries of a list of the file, each with a name for messages; those without the key ``needs`` are skipped.

    Files with several kinds of annotations hold entries of each.
    """
    entries = content.get(key)
    if not isinstance(entries, list):
        raise DataError(f"{path} holds no list of {key}; replace it by the original file")
    for number, entry in enumerate(entries):
        where = f"{path}, {key}[{number}]"
        if not isinstance(entry, dict):
            raise DataError(f"{where} is not an object; replace it by the original file")
        if needs is None or needs in entry:
            yield entry, where


def _of(entry: Mapping[str, Any], key: str, kind: type | tuple[type, ...], where: str) -> Any:
    if not isinstance(entry.get(key), kind):
        raise DataError(f"{where}: {key} is missing, or of the wrong kind; correct it")
    return entry[key]


def _id(entry: Mapping[str, Any], key: str, where: str) -> int | str:
    return _of(entry, key, (int, str), where)


def _image(image: Mapping[str, Any], where: str) -> tuple[str, tuple[int, int] | None]:
    file_name = _of(image, "file_name", str, where)
    if "width" not in image and "height" not in image:
        return file_name, None
    return file_name, (_of(image, "width", int, where), _of(image, "height", int, where))


def _labelled(annotation: Mapping[str, Any], count: int, face: CocoAnnotation) -> CocoAnnotation:
    """Add the points to a face."""
    where = face.where
    given = _of(annotation, "keypoints", list, where)
    if len(given) != 3 * count:
        raise DataError(f"{where}: keypoints has {len(given)} numbers instead of 3 for each of {count} points")
    if not all(isinstance(number, (int, float)) and abs(number) < _FARTHEST for number in given):
        raise DataError(f"{where}: keypoints has something that is not a finite number of pixels; correct it")
    numbers = np.array(given, dtype=np.float64).reshape(count, 3)
    return replace(face, points_px=numbers[:, :2], labelled=numbers[:, 2] > 0)


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
        self._names: tuple[str, ...] = ()

    def faces(self, folder: Path) -> list[AnnotatedFace]:
        self._names, found = read_coco(self._annotations, self.on_bad)
        largest: dict[str, CocoAnnotation] = {}
        for face in sorted(found, key=lambda face: -face.area):
            largest.setdefault(face.file_name, face)
        taken = [largest[name] for name in sorted(largest)]
        complete = [face for face in taken if face.labelled.all()]
        if found and not complete:
            raise DataError(f"{self._annotations}: no face has all its points labelled (v > 0); label them")
        self._print_left_out(len(found) - len(taken), "smaller faces of images with several")
        self._print_left_out(len(taken) - len(complete), "images whose face has points without a label (v = 0)")
        return [
            attempt(
                AnnotatedFace(face.file_name, folder / face.file_name, NO_SIZE, NO_KEYPOINTS, face.where, face.fault),
                partial(_located, face, folder),
                self.on_bad,
            )
            for face in complete
        ]

    def _print_left_out(self, count: int, what: str) -> None:
        if count:
            print(f"Left out of {display_path(self._annotations)}: {count} {what}")

    def scheme_of(self, num_points: int) -> Scheme:
        return scheme_of_names(self._names) if self._by_names else super().scheme_of(num_points)


def _located(face: CocoAnnotation, folder: Path, known: AnnotatedFace) -> AnnotatedFace:
    path = known.image
    try:
        there = path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        there = False
    if not there:
        raise DataError(f"{face.where}: the image {face.file_name[:60]!r} is not in {folder}; add it, or set data.root")
    size = read_image_size(path)
    if face.image_size not in (None, size):
        sizes = ["{}x{}".format(*each) for each in (size, face.image_size or size)]
        raise DataError(f"{path} is {sizes[0]}, but {face.where} was made at {sizes[1]}; replace either")
    return replace(known, image_size=size, keypoints=from_pixel_centres(face.points_px, size))


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
