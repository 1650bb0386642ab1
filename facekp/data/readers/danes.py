"""Reader of the Danes set: photographs ``PP-Ts.jpg``, each with its ``PP-Ts.asf``."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from facekp.data.images import read_image_size
from facekp.data.label_repair import mend
from facekp.data.readers.asf import read_asf
from facekp.data.records import Reader, Record, attempt
from facekp.landmarks.scheme import DANES
from facekp.utils.errors import DataError
from facekp.utils.files import is_folder, user_path

_NAME = re.compile(r"(?P<person>\d{2,})-(?P<image_type>[1-6])(?P<sex>[mf])")


class DanesReader(Reader):
    """Reads a folder in the Danes' format."""

    scheme = DANES

    def read(self, root: str | Path, labels: str = "mended") -> list[Record]:
        """Index the folder, without decoding the images.

        Args:
            root: the folder.
            labels: ``mended`` corrects mis-ordered eyes, ``raw`` keeps every label as in its file.

        Returns:
            One record per photograph, ordered by name; see ``on_bad`` for those that cannot be used.

        Raises:
            DataError: naming the file, and the line or point, that is missing or wrong.
        """
        folder = user_path(root)
        if not is_folder(folder):
            raise DataError(f"the data folder {folder} does not exist; set FACEKP_DANES or data.root to the Danes set")
        images = {path.stem: path for path in folder.glob("*.jpg")}
        shapes = {path.stem: path for path in folder.glob("*.asf")}
        if not images and not shapes:
            raise DataError(
                f"the data folder {folder} holds no .jpg or .asf file; point data.root at the Danes set itself"
            )
        for name in sorted(images.keys() ^ shapes.keys()) if self.on_bad == "error" else ():
            absent = ".asf" if name in images else ".jpg"
            raise DataError(f"{folder}: {name} has no {absent} file; add it, or move its other half away")
        read = partial(_read, mended=labels == "mended")
        return [attempt(_named(folder / f"{name}.jpg"), read, self.on_bad) for name in sorted({*images, *shapes})]


def _named(image: Path) -> Record:
    """The record of a photograph, as far as its name tells."""
    named = _NAME.fullmatch(image.stem)
    if named is None:
        raise DataError(
            f"{image}: the name does not follow PP-Ts.jpg (person, type 1-6, sex m or f); rename or move it"
        )
    person, kind, sex = int(named["person"]), int(named["image_type"]), named["sex"]
    return Record(image.stem, image, person=person, sex=sex, image_type=kind)


def _read(record: Record, mended: bool) -> Record:
    annotation = record.image.with_suffix(".asf")
    keypoints = read_asf(annotation)
    if len(keypoints) != len(DANES):
        raise DataError(f"{annotation} holds {len(keypoints)} points instead of {len(DANES)}; replace it")
    outside = np.flatnonzero(((keypoints < 0) | (keypoints > 1)).any(axis=1))
    if len(outside):
        x, y = keypoints[outside[0]]
        raise DataError(f"{annotation}: point {outside[0]} lies outside the image, at ({x:.3f}, {y:.3f}); correct it")
    whole = replace(record, image_size=read_image_size(record.image), keypoints=keypoints)
    return mend(whole, DANES) if mended else whole
