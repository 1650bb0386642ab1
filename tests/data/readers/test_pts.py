from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facekp.data.augmentation import Augmentation
from facekp.data.images import load_grey
from facekp.data.readers.pts import PtsReader, read_pts
from facekp.utils.errors import ConfigError, DataError
from tests.data.readers.folders import draw, read_or_refused, write_pts

GOOD = "version: 1\nn_points:  3\n{\n446.000 91.000\n449.5 119.25\n1 1\n}\n"
THREE = {"points": 3, "mirror": [[0, 1]]}


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    """Where each test writes its annotation."""
    return tmp_path_factory.mktemp("pts") / "face.pts"


def test_reads_points_as_they_are_written(path):
    for text in (
        GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("n_points:  3", "n_points:3"),
        "\ufeff" + GOOD + "\n\n",
    ):
        path.write_text(text, encoding="utf-8")
        np.testing.assert_array_equal(read_pts(path), [(446, 91), (449.5, 119.25), (1, 1)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("version: 1\n", ""), "does not begin with 'version: 1', 'n_points: ...' and '{'"),
        (("version: 1", "version: 2"), "does not begin with"),
        (("n_points:  3", "n_points: -3"), "does not begin with"),
        (("n_points:  3", "n_points: 0"), "does not begin with"),
        (("n_points:  3", "n_points: " + "9" * 5000), "does not begin with"),
        (("n_points:  3", "n_points: 4"), "announces 4 points and a closing '}', but 4 lines follow"),
        (("n_points:  3", "n_points: 2"), "announces 2 points"),
        (("1 1\n}\n", "1 1\n"), "announces 3 points"),
        (("449.5 119.25", "449.5"), "line 5 is not the x and y of a point"),
        (("449.5 119.25", "449.5 119.25 3"), "line 5 is not the x and y of a point"),
        (("449.5", "one"), "line 5 is not the x and y"),
        (("449.5", "nan"), "line 5 is not finite"),
        (("449.5", "1e300"), "line 5 is not finite, or far too large"),
        ((GOOD, ""), "does not begin with"),
        ((GOOD, "\0"), "holds binary data"),
        ((GOOD, "1" * 2_000_000), "larger than 1,000,000 bytes"),
    ],
)
def test_each_fault_names_file_line_and_what_is_wrong(path, change, message):
    path.write_text(GOOD.replace(*change))
    with pytest.raises(DataError, match=message) as caught:
        read_pts(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.floats(-1e5, 1e5)] * 2), min_size=1, max_size=100))
def test_what_is_written_is_read(path, points):
    write_pts(path, np.array(points))
    np.testing.assert_allclose(read_pts(path), points, atol=1e-6)


@settings(deadline=None)
@given(st.data())
def test_a_spoilt_file_is_read_or_refused_in_one_line(path, data):
    raw = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start, length = (data.draw(st.integers(0, top)) for top in (len(raw), 12))
        raw[start : start + length] = data.draw(st.binary(max_size=12))
    path.write_bytes(raw)
    points = read_or_refused(read_pts, path)
    if points is not None:
        assert points.ndim == points.shape[1] == 2
        assert np.isfinite(points).all()


@pytest.mark.parametrize("first_pixel", [1, 0])
def test_a_point_on_a_pixel_lies_at_that_pixels_centre(tmp_path, first_pixel):
    pixels = np.array([(0, 0), (39, 29), (12, 7)])  # as numpy counts
    draw(tmp_path / "face.png", (40, 30), pixels)
    write_pts(tmp_path / "face.pts", pixels + first_pixel)
    (record,) = PtsReader(THREE, first_pixel=first_pixel).read(tmp_path)
    np.testing.assert_allclose(record.keypoints, (pixels + 0.5) / (40, 30), atol=1e-6)
    image = load_grey(record.image, (40, 30))
    columns, rows = (record.keypoints * (40, 30)).astype(int).T
    assert (image[rows, columns] == 255).all()


def test_pixels_are_counted_from_one_or_zero():
    with pytest.raises(ConfigError, match=r"data\.reader\.first_pixel=one is not possible: it must be 0 or 1"):
        PtsReader(first_pixel="one")


def test_the_mirror_map_agrees_with_the_mirrored_picture(tmp_path):
    pixels = np.array([(4, 9), (30, 10), (17, 20)])
    draw(tmp_path / "face.png", (40, 30), pixels)
    write_pts(tmp_path / "face.pts", pixels + 1)
    reader = PtsReader(THREE)
    (record,) = reader.read(tmp_path)
    image, points = Augmentation([], reader.scheme, mirror=1.0)(
        load_grey(record.image, (40, 30)), record.keypoints, (0, 0)
    )
    columns, rows = (points * (40, 30)).astype(int).T
    assert (image[rows, columns] == 255).all()
    assert list(zip(columns, rows, strict=True)) == [(39 - 30, 10), (39 - 4, 9), (39 - 17, 20)]


def test_a_face_that_the_frame_cuts_off_is_kept_and_one_far_away_refused(tmp_path):
    draw(tmp_path / "face.png", (40, 30), np.zeros((0, 2)))
    write_pts(tmp_path / "face.pts", np.array([(-20, 5), (20, 40), (10, 10)]))
    (record,) = PtsReader(THREE).read(tmp_path)
    assert record.keypoints[0, 0] < 0
    assert record.keypoints[1, 1] > 1
    write_pts(tmp_path / "face.pts", np.array([(20, 5), (20, 95), (10, 10)]))
    with pytest.raises(DataError, match=r"face\.pts: point 1 lies too far outside the image"):
        PtsReader(THREE).read(tmp_path)


def test_68_points_are_expected_unless_told_otherwise(tmp_path):
    draw(tmp_path / "face.png", (40, 30), np.zeros((0, 2)))
    write_pts(tmp_path / "face.pts", np.full((5, 2), 9.0))
    with pytest.raises(DataError, match=r"face\.pts holds 5 points instead of 68"):
        PtsReader().read(tmp_path)
    reader = PtsReader("none")
    assert len(reader.read(tmp_path)[0].keypoints) == len(reader.scheme) == 5
