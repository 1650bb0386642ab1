"""The photographs and videos that paths stand for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facekp.utils.errors import DataError
from facekp.utils.files import user_path

PHOTOGRAPHS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pnm")
VIDEOS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm")


@dataclass(frozen=True)
class Input:
    """A file to find faces in.

    Args:
        path: of the file.
        name: its path relative to the folder that all files have in common.
    """

    path: Path
    name: str

    @property
    def is_video(self) -> bool:
        """Whether its name is that of a video."""
        return self.path.suffix.lower() in VIDEOS


def find_inputs(given: Sequence[str]) -> list[Input]:
    """The files that are given, and the photographs and videos in given folders and the folders therein, by name.

    Raises:
        DataError: if there is no such file or folder, or nothing in them.
    """
    paths: dict[Path, None] = {}
    for text in given:
        path = user_path(text)
        if path.is_dir():
            paths |= dict.fromkeys(_in_folder(path))
        elif path.exists():
            paths[Path(os.path.abspath(path))] = None  # noqa: PTH100, of a link its own name
        else:
            raise DataError(f"{path} does not exist; give photographs, videos or folders of them")
    if not paths:
        raise DataError(f"{', '.join(given)} holds no photographs or videos, such as .jpg, .png or .mp4; give others")
    common = Path(os.path.commonpath([path.parent for path in paths]))
    return [Input(path, path.relative_to(common).as_posix()) for path in paths]


def _in_folder(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(os.path.abspath(folder)):  # noqa: PTH100
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if Path(name).suffix.lower() in PHOTOGRAPHS + VIDEOS and not name.startswith("."):
                yield Path(parent, name)
