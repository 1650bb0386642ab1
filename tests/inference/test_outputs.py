from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from facekp.data.readers.asf import AsfFolderReader
from facekp.data.readers.coco import CocoReader
from facekp.data.readers.pts import PtsReader
from facekp.inference.face import Face
from facekp.inference.inputs import Input, with_files
from facekp.inference.outputs import write_coco, write_points
from facekp.inference.tables import COLUMNS, Image, Tables, claimed, rows_of
from facekp.landmarks.scheme import DANES
from facekp.utils.errors import ConfigError

RNG = np.random.default_rng(0)
SIZE = 200, 150


def face(shift: float = 0.0, points: int = 58) -> Face:
    points_px = (20 + 80 * RNG.random((points, 2)) + shift).astype(np.float32)
    covariance = np.tile(np.array([[2.0, 0.5], [0.5, 1.0]], np.float32), (points, 1, 1))
    return Face(points_px, np.full(points, 0.5, np.float32), covariance, 0.75, DANES, tuple(range(points)))


@pytest.fixture
def photographs(tmp_path):
    """A folder with a photograph of that size."""
    Pillow.new("RGB", SIZE).save(tmp_path / "one.png")
    return tmp_path


def tables(folder, faces: dict[str, list[Face]], points: int = 58) -> Tables:
    """Tables with photographs and their faces."""
    made = Tables(folder, DANES, range(points))
    for name, found in faces.items():
        made.add(rows_of(name, [*enumerate(found)]))
        made.finish(Image(name, *SIZE, 0, len(found), Path(name).stem))
    return made


@pytest.mark.parametrize("kind", ["pts", "asf"])
def test_point_files_are_read_back(photographs, kind):
    given = face()
    write_points(photographs, tables(photographs, {"none.png": [], "one.png": [given, face(9)]}), kind)
    (photographs / f"one-2.{kind}").rename(photographs / "other.txt")
    reader = PtsReader("none") if kind == "pts" else AsfFolderReader("none")
    (record,) = reader.read(photographs, "raw")
    assert np.abs(record.keypoints * SIZE - given.points_px).max() < 2e-3


def test_coco_files_are_read_back(photographs):
    small, large = face(), face(9)
    large = Face(large.points_px * 1.2, None, None, 0.6, DANES, large.point_indices)
    write_coco(photographs / "predictions.json", tables(photographs, {"one.png": [small, large], "none.png": []}))
    reader = CocoReader(str(photographs / "predictions.json"))
    (record,) = reader.read(photographs, "raw")
    assert np.abs(record.keypoints * SIZE - large.points_px).max() < 2e-3  # of several faces the largest
    assert reader.scheme.select("nose_tip") == (52,)
    content = json.loads((photographs / "predictions.json").read_text())
    assert [image["file_name"] for image in content["images"]] == ["one.png", "none.png"]
    assert [annotation["id"] for annotation in content["annotations"]] == [1, 2]
    assert content["annotations"][0]["bbox"][:2] == pytest.approx(small.points_px.min(0) - 0.5, abs=0.01)
    assert max(max(line) for line in content["categories"][0]["skeleton"]) == 58


def test_a_table_has_a_row_for_each_point(tmp_path):
    given = face()
    made = tables(tmp_path, {"one.png": [given]})
    clip = Face(given.points_px[:2], None, None, 0.6, DANES, (5, 52))
    made.add(rows_of("clip.mp4", [(3, clip)], 7, 0.28))
    with (tmp_path / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS)
    assert len(rows) == 60
    assert [float(rows[13][key]) for key in ("x_px", "y_px")] == pytest.approx(given.points_px[13], abs=1e-3)
    assert [rows[13][key] for key in ("image", "frame", "face", "group")] == ["one.png", "", "0", "right_eye"]
    assert [float(rows[13][key]) for key in ("var_x_px2", "cov_xy_px2", "var_y_px2")] == [2, 0.5, 1]
    last = ["clip.mp4", "7", "0.280", "3", "52", "nose_tip", "", ""]
    keys = ("image", "frame", "time_s", "face", "point", "name", "confidence", "var_x_px2")
    assert [rows[-1][key] for key in keys] == last


@pytest.mark.parametrize("damaged", ["predictions.csv", "images.csv"])
@pytest.mark.parametrize("cut", [1, 5, 60])
def test_what_is_incomplete_is_dropped(tmp_path, damaged, cut):
    """Such as the last row of a process that was killed; names may have commas, quotes and line breaks."""
    names = ['a,"b"\n.png', "none.png", "c.png"]
    found = {names[0]: [face(), face(9)], names[1]: [], names[2]: [face()]}
    whole = tables(tmp_path, found)
    path = tmp_path / damaged
    os.truncate(path, path.stat().st_size - min(cut, 20 if damaged == "images.csv" else cut))
    again = Tables(tmp_path, DANES, range(58))
    assert [*again.done] == names[:2]
    again.add(rows_of(names[2], [*enumerate(found[names[2]])]))
    again.finish(whole.done[names[2]])
    read = [*again.faces()]
    for (image, faces), (name, expected) in zip(read, found.items(), strict=True):
        assert image == whole.done[name]
        assert len(faces) == len(expected)
        for one, other in zip(faces, expected, strict=True):
            assert np.abs(one.points_px - other.points_px).max() < 1e-3


def test_a_folder_is_for_one_kind_of_predictions(tmp_path):
    settings = {"min_score": 0.4, "faces": "all"}
    for _ in range(2):
        with claimed(tmp_path / "out", settings):
            assert json.loads((tmp_path / "out" / "options.json").read_text()) == settings
    other = {"min_score": 0.2, "faces": "all"}
    with pytest.raises(ConfigError, match=r"with min_score 0\.4, not 0\.2; choose"), claimed(tmp_path / "out", other):
        pass
    (tmp_path / "predictions.csv").touch()
    with pytest.raises(ConfigError, match="predictions of another kind"), claimed(tmp_path, settings):
        pass


def test_two_processes_do_not_write_into_one_folder(tmp_path):
    pytest.importorskip("fcntl")
    holds = "import fcntl, sys; fcntl.lockf(1, fcntl.LOCK_EX); print(file=sys.stderr, flush=True); input()"
    with (
        (tmp_path / "options.json").open("a") as file,
        subprocess.Popen(
            [sys.executable, "-c", holds],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.PIPE,
        ) as other,
    ):
        other.stderr.readline()
        with pytest.raises(ConfigError, match="another process writes into"), claimed(tmp_path, {}):
            pass
        other.communicate(b"\n")


def test_photographs_of_the_same_name_do_not_share_a_file():
    names = ["a/one.png", "b/one.png", "a/one.jpg", "a/ONE.bmp", "c/two.png"]
    files = [each.files for each in with_files([Input(Path(name), name) for name in names], ["b/one"])]
    assert len({each.lower() for each in [*files, "b/one"]}) == 6
    assert files[-1] == "c/two"
