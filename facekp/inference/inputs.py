"""The photographs and videos that paths stand for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from facekp.data.images import IMAGE_SUFFIXES
from facekp.utils.errors import DataError
from facekp.utils.files import user_path

VIDEOS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm")


@dataclass(frozen=True)
class Input:
    """A file to find faces in.

    Args:
        path: of the file.
        name: its path relative to the folder that all files have in common.
        files: the path, without an ending, of what is written for it; see :func:`with_files`.
    """

    path: Path
    name: str
    files: str = ""

    @property
    def is_video(self) -> bool:
        """Whether its name is that of a video."""
        return self.path.suffix.lower() in VIDEOS


def find_inputs(given: Sequence[str]) -> tuple[Path, list[Input]]:
    """The files that are given, and the photographs and videos in given folders and the folders therein, by name.

    Returns:
        The folder that they have in common, and the files.

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
    return common, [Input(path, _utf8(path.relative_to(common).as_posix())) for path in paths]


def with_files(inputs: Iterable[Input], taken: Iterable[str]) -> list[Input]:
    """Give each input a path for its files that is like its own, or one that no other has.

    Args:
        inputs: in order.
        taken: paths of others.
    """
    known, named = {path.lower() for path in taken}, []
    for each in inputs:
        files = str(Path(each.name).with_suffix(""))
        if files.lower() in known:
            files = each.name.replace(".", "_")
        known.add(files.lower())
        named.append(replace(each, files=files))
    return named


def _utf8(name: str) -> str:
    return name.encode(errors="backslashreplace").decode()


def _in_folder(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(os.path.abspath(folder)):  # noqa: PTH100
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if Path(name).suffix.lower() in IMAGE_SUFFIXES + VIDEOS and not name.startswith("."):
                yield Path(parent, name)
