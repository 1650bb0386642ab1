"""A folder of photographs, each with an ASF file of the same name beside it."""

from __future__ import annotations

from pathlib import Path

from facekp.data.asf import read_asf
from facekp.data.folder import Face, FolderReader, paired
from facekp.data.images import read_image_size


class AsfFolderReader(FolderReader):
    """Reads photographs and ASF files with any number of points; the files' paths and host images are not used.

    Args:
        scheme, person: as for :class:`FolderReader`.
    """

    def faces(self, folder: Path) -> list[Face]:
        return [
            Face(name, image, read_image_size(image), read_asf(annotation).keypoints, str(annotation))
            for name, image, annotation in paired(folder, ".asf")
        ]
