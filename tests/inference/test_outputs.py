from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

from facekp.data.readers.asf import AsfFolderReader
from facekp.data.readers.coco import CocoReader
from facekp.data.readers.pts import PtsReader
from facekp.inference.face import Face
from facekp.inference.outputs import COLUMNS, CocoFile, FaceFiles, open_csv
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
    Image.new("RGB", SIZE).save(tmp_path / "one.png")
    return tmp_path


@pytest.mark.parametrize("kind", ["pts", "asf"])
def test_point_files_are_read_back(photographs, kind):
    given = face()
    FaceFiles(photographs).write_points("one", "one.png", SIZE, [given, face(9)], kind)
    (photographs / f"one-2.{kind}").rename(photographs / "other.txt")
    reader = PtsReader("none") if kind == "pts" else AsfFolderReader("none")
    (record,) = reader.read(photographs, "raw")
    assert np.abs(record.keypoints * SIZE - given.points_px).max() < 1e-3


def test_coco_files_are_read_back(photographs):
    small, large = face(), face(9)
    large = Face(large.points_px * 1.2, None, None, 0.6, DANES, large.point_indices)
    coco = CocoFile(DANES, range(58))
    coco.add("one.png", SIZE, [small, large])
    coco.write(photographs / "predictions.json")
    reader = CocoReader(str(photographs / "predictions.json"))
    (record,) = reader.read(photographs, "raw")
    assert np.abs(record.keypoints * SIZE - large.points_px).max() < 1e-3  # of several faces the largest
    assert reader.scheme_of(58).select("nose_tip") == (52,)
    content = json.loads((photographs / "predictions.json").read_text())
    assert content["annotations"][0]["bbox"][:2] == pytest.approx(small.points_px.min(0) - 0.5, abs=0.01)
    assert max(max(line) for line in content["categories"][0]["skeleton"]) == 58


def test_a_table_has_a_row_for_each_point(tmp_path):
    given = face()
    with open_csv(tmp_path / "predictions.csv") as table:
        table.add("one.png", [(0, given)])
        table.add("clip.mp4", [(3, Face(given.points_px[:2], None, None, 0.6, DANES, (5, 52)))], 7, 0.28)
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


def test_photographs_of_the_same_name_do_not_share_a_file(tmp_path):
    files = FaceFiles(tmp_path)
    names = ["a/one.png", "b/one.png", "a/one.jpg", "a/ONE.bmp"]
    assert len({files.stem(name).lower() for name in names}) == 4
    assert files.stem("c/two.png") == "c/two"


def test_asf_needs_all_points_of_the_scheme(tmp_path):
    with pytest.raises(ConfigError, match="leave out asf"):
        FaceFiles(tmp_path).write_points("one", "one.png", SIZE, [face(points=3)], "asf")
