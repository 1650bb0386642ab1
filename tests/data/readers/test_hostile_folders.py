"""Data folders that hold what no photograph or annotation is: pipes, devices, names that are no text."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from facekp.data.readers.asf import AsfFolderReader, write_asf
from facekp.data.readers.coco import CocoReader
from facekp.data.readers.danes import DanesReader
from facekp.data.readers.pts import PtsReader
from facekp.data.records import Reader
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import DataError
from tests.data.readers.folders import coco, draw, write_coco, write_pts

SIZE, POINTS = (40, 30), np.array([[0.1, 0.2], [0.5, 0.6]])


def pts(folder: Path) -> Reader:
    write_pts(folder / "a.pts", POINTS * SIZE)
    return PtsReader("none")


def asf(folder: Path) -> Reader:
    write_asf(folder / "a.asf", POINTS, "a.png", Scheme.unknown(2))
    return AsfFolderReader()


def json(folder: Path) -> Reader:
    faces = [("a.png", SIZE, [4.0, 6.0, 2, 20.0, 18.0, 2])]
    return CocoReader(str(write_coco(folder / "a.json", coco(["one", "two"], faces))))


FORMATS = [pts, asf, json]


def replaced_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replaced_by_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def replaced_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("replaced", [replaced_by_pipe, replaced_by_device, replaced_by_folder])
@pytest.mark.parametrize("half", ["image", "annotation"])
@pytest.mark.parametrize("write", FORMATS)
def test_only_regular_files_are_opened(tmp_path, write, half, replaced):
    draw(tmp_path / "a.png", SIZE, POINTS * SIZE)
    reader = write(tmp_path)
    odd = tmp_path / ("a.png" if half == "image" else f"a.{write.__name__}")
    replaced(odd)
    with pytest.raises(DataError, match=r"not a regular file|is not in") as caught:
        reader.read(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".jpg", ".asf"])
def test_a_pipe_among_the_danes_is_one_bad_face(drawn_root, tmp_path, suffix):
    folder = Path(shutil.copytree(drawn_root, tmp_path / "faces"))
    odd = sorted(folder.glob(f"*{suffix}"))[3]
    replaced_by_pipe(odd)
    reader = DanesReader()
    with pytest.raises(DataError, match="not a regular file"):
        reader.read(folder, "raw")
    reader.on_bad = "skip"
    assert [record.name for record in reader.read(folder, "raw") if record.fault] == [odd.stem]


@pytest.mark.parametrize("name", ["a\x1b[31mred", "a\nb", "a\u202eb", "j\udcf6rg"])
@pytest.mark.parametrize("write", FORMATS)
def test_a_name_that_is_no_plain_text_is_one_bad_face(tmp_path, write, name):
    for stem in ("a", name):
        draw(tmp_path / f"{stem}.png", SIZE, POINTS * SIZE)
    reader = write(tmp_path)
    if write is json:
        faces = [(f"{stem}.png", SIZE, [4.0, 6.0, 2, 20.0, 18.0, 2]) for stem in ("a", name)]
        write_coco(tmp_path / "a.json", coco(["one", "two"], faces))
    else:
        shutil.copy(tmp_path / f"a.{write.__name__}", tmp_path / f"{name}.{write.__name__}")
    with pytest.raises(DataError, match="control characters or is not UTF-8; rename it"):
        reader.read(tmp_path)
    reader.on_bad = "skip"
    assert sorted(record.fault is None for record in reader.read(tmp_path)) == [False, True]


@pytest.mark.parametrize("root", ["~nobody-of-this-name", "a" * 5000, "a/" * 3000, "a\0b", "j\udcf6rg"])
@pytest.mark.parametrize("reader", [DanesReader(), AsfFolderReader()])
def test_a_root_that_cannot_be_is_said_not_to_exist(root, reader):
    with pytest.raises(DataError, match=r"(?s)the data folder .* does not exist"):
        reader.read(root, "raw")
