"""The stand-in set: its format, its determinism, and that its points lie on what is drawn."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest

from facekp.data.readers.asf import write_asf
from facekp.data.readers.danes import DanesReader
from facekp.data.synthetic import dataset as standin
from facekp.data.synthetic.dataset import draw_face, make_standin
from facekp.landmarks.scheme import DANES
from facekp.utils.errors import DataError

SIZE = np.array((640, 480))
RIGHT_EYE, LEFT_EYE = (list(points) for points in DANES.eyes)
JAW, NOSE_TIP = list(DANES.select("jaw")), DANES.select("nose_tip")[0]

Faces = dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def faces() -> Faces:
    return {shot: draw_face(*shot) for shot in product(range(1, 9), range(1, 7))}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, faces: Faces) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standin, "draw_face", lambda *shot: faces[shot])
        return make_standin(tmp_path_factory.mktemp("standin") / "set", people=8)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, faces: Faces) -> None:
    """Draw everybody as the first person, for tests that do not depend on the appearance."""
    monkeypatch.setattr(standin, "draw_face", lambda person, image_type: faces[1, image_type])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# the files


def test_names_and_images_are_like_those_of_the_danes_set(drawn: Path) -> None:
    names = sorted(path.name for path in drawn.iterdir())
    assert len(names) == 8 * 6 * 2
    assert all(re.fullmatch(r"0[1-8]-[1-6][mf]\.(jpg|asf)", name) for name in names)
    assert {name[:2] for name in names if "f." in name} == {"08"}
    for path in drawn.glob("*.jpg"):
        assert path.read_bytes()[:3] == b"\xff\xd8\xff"
        assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape == (480, 640, 3)


def test_the_danes_reader_reads_it_and_finds_nothing_to_mend(drawn: Path, faces: Faces) -> None:
    raw, mended = (DanesReader().read(drawn, labels=labels) for labels in ("raw", "mended"))
    assert {(record.person, record.image_type) for record in raw} == faces.keys()
    for one, other in zip(raw, mended, strict=True):
        np.testing.assert_allclose(one.keypoints, faces[one.person, one.image_type][1], atol=1e-6)
        np.testing.assert_array_equal(one.keypoints, other.keypoints)


def test_paths_are_open_or_closed_as_in_the_scheme(tmp_path: Path) -> None:
    write_asf(tmp_path / "a.asf", np.zeros((58, 2), np.float32), "a.jpg", DANES)
    rows = [line.split() for line in (tmp_path / "a.asf").read_text().splitlines() if "\t" in line]
    links = {int(row[4]): (int(row[0]), int(row[1]), int(row[5]), int(row[6])) for row in rows}
    assert links[0] == (0, 4, 0, 1)
    assert links[12] == (0, 4, 11, 12)
    assert links[13] == (1, 0, 20, 14)
    assert links[20] == (1, 0, 19, 13)
    assert links[57] == (6, 4, 56, 57)


# the folder


def test_a_face_is_the_same_each_time_and_however_many_are_drawn(drawn: Path, tmp_path: Path) -> None:
    few, many = contents(make_standin(tmp_path / "few", people=1)), contents(drawn)
    assert few == {name: many[name] for name in few}


def test_a_hundred_people_get_three_digits(tmp_path: Path, quick: None) -> None:
    names = [path.stem for path in make_standin(tmp_path / "set", people=100).glob("*.jpg")]
    assert len(names) == 600
    assert {"001-1m", "100-6m"} < set(names)


def test_a_finished_set_is_left_as_it_is(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standin, "draw_face", lambda *_: pytest.fail("drew again"))
    assert make_standin(drawn, people=8) == drawn


def test_a_set_that_breaks_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faces: Faces) -> None:
    def stop(*shot: int) -> tuple[np.ndarray, np.ndarray]:
        if shot == (1, 3):
            raise KeyboardInterrupt
        return faces[shot]

    monkeypatch.setattr(standin, "draw_face", stop)
    with pytest.raises(KeyboardInterrupt):
        make_standin(tmp_path / "set", people=1)
    assert not list(tmp_path.iterdir())


def test_the_slower_of_two_processes_keeps_the_faster_ones_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faces: Faces
) -> None:
    root = tmp_path / "set"
    stamps: list[int] = []

    def overtaken(*shot: int) -> tuple[np.ndarray, np.ndarray]:
        if shot == (1, 6) and not stamps:
            stamps.append(0)
            make_standin(root, people=1)
            stamps[0] = (root / "01-1m.jpg").stat().st_mtime_ns
        return faces[shot]

    monkeypatch.setattr(standin, "draw_face", overtaken)
    assert make_standin(root, people=1) == root
    assert stamps == [(root / "01-1m.jpg").stat().st_mtime_ns]
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_an_empty_folder_is_filled(tmp_path: Path, quick: None) -> None:
    (tmp_path / "set").mkdir()
    assert len(contents(make_standin(tmp_path / "set", people=1))) == 12


def test_what_is_no_stand_in_set_of_so_many_people_is_refused(drawn: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("my only copy")
    for place in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(DataError, match="choose another folder"):
            make_standin(place, people=1)
    assert contents(tmp_path) == {"thesis.tex": b"my only copy"}
    with pytest.raises(DataError, match="9 people"):
        make_standin(drawn, people=9)
    with pytest.raises(DataError, match="cannot be written"):
        make_standin(tmp_path / "thesis.tex" / "set", people=1)


# the points


def offset_from_eyes(keypoints: np.ndarray, point: int) -> float:
    """How far a point lies to the image's right of the middle between the eyes, in units of their distance."""
    points_px = keypoints * SIZE
    right, left = points_px[RIGHT_EYE].mean(0), points_px[LEFT_EYE].mean(0)
    return float((points_px[point, 0] - (right + left)[0] / 2) / np.linalg.norm(right - left))


def test_points_lie_inside_the_frame(faces: Faces) -> None:
    for _, keypoints in faces.values():
        assert keypoints.shape == (58, 2)
        assert keypoints.dtype == np.float32
        assert keypoints.min() > 0
        assert keypoints.max() < 1


def test_points_follow_the_scheme(faces: Faces) -> None:
    for person in range(1, 9):
        x, y = (faces[person, 1][1] * SIZE).T
        assert (np.diff(x[JAW]) > 0).all()
        assert x[13] > x[17] > x[57] > x[47] > x[25] > x[21]  # eyes from their outer corners
        assert x[33] > x[29] > x[34] > x[38]  # brows from their inner ends
        assert x[39] < x[43]
        assert y[41] < y[45]
        assert y[36] < y[23] < y[27] < y[NOSE_TIP] < y[41] < y[6]


def test_the_mean_frontal_face_is_its_own_mirror(faces: Faces) -> None:
    mean = np.mean([faces[person, 1][1] * SIZE for person in range(1, 9)], axis=0)
    mean -= mean[[*RIGHT_EYE, *LEFT_EYE]].mean(axis=0)
    mirrored = mean[list(DANES.mirror)] * (-1, 1)
    assert np.linalg.norm(mirrored - mean, axis=1).max() < 8


def test_turned_faces_turn_the_right_way_and_the_jaw_lags_behind(faces: Faces) -> None:
    for person in range(1, 9):
        left, ahead, right = (offset_from_eyes(faces[person, kind][1], NOSE_TIP) for kind in (3, 1, 4))
        assert left + 0.08 < ahead < right - 0.08
        for end in (JAW[0], JAW[-1]):
            left, ahead, right = (offset_from_eyes(faces[person, kind][1], end) for kind in (3, 1, 4))
            assert left - 0.15 > ahead > right + 0.15


def test_turned_faces_are_the_hardest_for_the_mean_shape(faces: Faces) -> None:
    mean = np.mean([keypoints for _, keypoints in faces.values()], axis=0)
    error = {kind: np.mean([(faces[person, kind][1] - mean) ** 2 for person in range(1, 9)]) for kind in range(1, 7)}
    assert min(error[3], error[4]) > 2 * max(error[1], error[2], error[5])


# the points on the drawing


def brightness(image: np.ndarray, points_px: np.ndarray, radius: int = 2) -> np.ndarray:
    """Mean brightness around each point."""
    grey = cv2.blur(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (2 * radius + 1, 2 * radius + 1))
    columns, rows = np.clip(points_px.astype(int), 0, SIZE - 1).T
    return grey[rows, columns].astype(float)


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_pupils_are_darker_than_the_cheeks(faces: Faces, kind: int) -> None:
    for person in range(1, 9):
        image, keypoints = faces[person, kind]
        points_px = keypoints * SIZE
        pupils = np.stack([points_px[eye].mean(axis=0) for eye in (RIGHT_EYE, LEFT_EYE)])
        cheek = np.stack([(pupils[side] + points_px[corner]) / 2 for side, corner in ((0, 43), (1, 39))])
        assert (brightness(image, pupils) < 0.8 * brightness(image, cheek)).all()


def test_brows_lie_at_the_upper_edge_of_something_darker(faces: Faces) -> None:
    for person in (1, 6, 8):
        image, keypoints = faces[person, 1]
        middle = (keypoints * SIZE)[[30, 31, 35, 36]]
        assert (brightness(image, middle + (0, 5), 1) < brightness(image, middle - (0, 5), 1)).all()


@pytest.mark.parametrize(("kind", "far_side"), [(3, slice(1, 5)), (4, slice(8, 12))])
def test_the_far_jaw_runs_along_the_contour_of_a_turned_head(faces: Faces, kind: int, far_side: slice) -> None:
    """Just inside it is skin, which is redder than the board just outside."""
    away = -6.0 if kind == 3 else 6.0
    for person in (1, 5, 6, 7):
        image, keypoints = faces[person, kind]
        redness = image[..., 2].astype(float) - image[..., 1]
        contour = (keypoints * SIZE)[JAW[far_side]]
        inside, outside = (contour + (shift, 0) for shift in (-away, away))
        for (x, y), (x_out, y_out) in zip(inside.astype(int), outside.astype(int), strict=True):
            assert redness[y, x] > 10 > redness[y_out, x_out]
