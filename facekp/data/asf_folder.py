"""A folder of photographs, each with an ASF file of the same name beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from facekp.data.asf import read_asf
from facekp.data.folder import Face, FolderReader
from facekp.data.images import read_image_size


class AsfFolderReader(FolderReader):
    """Reads photographs and ASF files with any number of points; the files' paths and host images are not used.

    Args:
        scheme, person: as for :class:`FolderReader`.
    """

    def faces(self, folder: Path) -> list[Face]:
        return self.paired(folder, ".asf", _read)


def _read(face: Face) -> Face:
    return replace(face, image_size=read_image_size(face.image), keypoints=read_asf(Path(face.source)).keypoints)
