"""Reader of the Danes set: photographs ``PP-Ts.jpg``, each with its ``PP-Ts.asf``, and the mending of its labels."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from facekp.data.readers.asf import AsfFolderReader
from facekp.data.records import Record
from facekp.landmarks.scheme import DANES
from facekp.utils.errors import DataError

_NAME = re.compile(r"\d{2,}-(?P<image_type>[1-6])(?P<sex>[mf])")
_EYES = DANES.select("right_eye"), DANES.select("left_eye")
_REORDER = [4, 3, 2, 1, 0, 7, 6, 5]  # of an eye that is listed from the inner corner


class DanesReader(AsfFolderReader):
    """Reads a folder in the Danes' format."""

    max_outside = 0.0

    def __init__(self) -> None:
        super().__init__(person=r"(\d+)-..$")
        self.given_scheme = DANES

    def read(self, root: str | Path, labels: str = "mended") -> list[Record]:
        """Index the folder, without decoding the images.

        Args:
            labels: ``mended`` corrects mis-ordered eyes, ``raw`` keeps every label as in its file.

        Returns:
            One record per photograph, ordered by name; see ``on_bad`` for those that cannot be used.

        Raises:
            DataError: naming the file, and the line or point, that is missing or wrong.
        """
        records = super().read(root)
        return records if labels == "raw" else [record if record.fault else mend(record) for record in records]

    def faces(self, folder: Path) -> list[Record]:
        return [_named(face) for face in super().faces(folder)]


def _named(face: Record) -> Record:
    named = _NAME.fullmatch(face.image.stem)
    if named is None:
        raise DataError(
            f"{face.image}: the name does not follow PP-Ts.jpg (person, type 1-6, sex m or f); rename or move it"
        )
    return replace(face, sex=named["sex"], image_type=int(named["image_type"]))


def swapped_eyes(keypoints: np.ndarray) -> list[tuple[int, ...]]:
    """Eyes whose points are correct but listed from the inner corner instead of the outer one.

    The rule: an eye's first point, its outer corner, must be farther from the other eye than its fifth, the inner one.

    Args:
        keypoints: float32 [58, 2] of one face.

    Returns:
        The point indices of each faulty eye; empty if there is none.
    """
    faulty = []
    for eye, other in (_EYES, _EYES[::-1]):
        centre = keypoints[list(other)].mean(0)
        outer, inner = np.linalg.norm(keypoints[[eye[0], eye[4]]] - centre, axis=1)
        if outer < inner:
            faulty.append(eye)
    return faulty


def mend(record: Record) -> Record:
    """Reorder the points of mis-ordered eyes; a record without such a fault is returned unchanged."""
    faulty = swapped_eyes(record.keypoints)
    if not faulty:
        return record
    keypoints = record.keypoints.copy()
    for eye in faulty:
        keypoints[list(eye)] = keypoints[[eye[i] for i in _REORDER]]
    return replace(record, keypoints=keypoints, raw=record.keypoints)
