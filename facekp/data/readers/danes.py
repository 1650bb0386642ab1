"""Reader of the Danes set: photographs ``PP-Ts.jpg``, each with its ``PP-Ts.asf``."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from facekp.data.label_repair import mend
from facekp.data.readers.asf import AsfFolderReader
from facekp.data.records import Record
from facekp.landmarks.scheme import DANES
from facekp.utils.errors import DataError

_NAME = re.compile(r"(?P<person>\d{2,})-(?P<image_type>[1-6])(?P<sex>[mf])")


class DanesReader(AsfFolderReader):
    """Reads a folder in the Danes' format."""

    scheme = DANES
    max_outside = 0.0

    def __init__(self) -> None:
        super().__init__(person=r"(\d+)-..$")
        self._given_scheme = DANES

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
        return records if labels == "raw" else [r if r.fault else mend(r, DANES) for r in records]

    def faces(self, folder: Path) -> list[Record]:
        return [_named(face) for face in super().faces(folder)]


def _named(face: Record) -> Record:
    named = _NAME.fullmatch(face.image.stem)
    if named is None:
        raise DataError(
            f"{face.image}: the name does not follow PP-Ts.jpg (person, type 1-6, sex m or f); rename or move it"
        )
    return replace(face, sex=named["sex"], image_type=int(named["image_type"]))
