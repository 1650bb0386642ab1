import cv2
import numpy as np
import pytest

from facekp.benchmarks.scenes import draw_reliability, measure, reliability
from facekp.data.dataset import FaceDataset
from facekp.inference.load import SHIPPED
from facekp.inference.scenes import SIZE, Scene, detect, make_doubtful, make_scenes, scenes_of
from facekp.utils.errors import ConfigError


@pytest.fixture(scope="module")
def faces(drawn_records) -> FaceDataset:
    return FaceDataset(drawn_records[:2], SIZE)


@pytest.fixture(scope="module")
def wall() -> list[np.ndarray]:
    return [cv2.resize(np.random.default_rng(1).integers(0, 255, (30, 40), np.uint8), (400, 300))]


def test_scenes_show_faces_at_their_points_and_as_many_photographs_without(faces, wall):
    scenes = list(make_scenes(faces, wall))
    shown = [scene for scene in scenes if scene.truth_px is not None]
    assert len(shown) == 4 * len(faces)
    assert len(scenes) - len(shown) == 10
    assert any(scene.damaged for scene in shown)
    assert not all(scene.damaged for scene in shown)
    for number, scene in enumerate(shown):
        points = scene.truth_px
        assert scene.image.shape == SIZE[::-1]
        assert points.min() >= 0
        assert (points <= SIZE).all()
        assert 35 < np.linalg.norm(np.ptp(points, axis=0)) < 600
        if scene.damaged:
            continue
        index = number % len(faces)
        before = faces.image(index)[tuple((faces.keypoints[index] * SIZE).astype(int).T[::-1])].astype(float)
        after = scene.image[tuple(points.astype(int).T[::-1])].astype(float)
        assert np.corrcoef(before, after)[0, 1] > 0.4


def test_half_of_the_doubtful_scenes_have_no_face(faces, wall):
    scenes = list(make_doubtful(faces, wall))
    assert sum(scene.truth_px is None for scene in scenes) == len(scenes) / 2
    assert all(scene.image.shape == SIZE[::-1] for scene in scenes)


def test_measures_what_is_found_in_scenes(predictor, scene, wall, tmp_path):
    picture, truth = scene
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    # of three faces one is asked for; the others count as false
    scenes = [Scene(grey, truth[0]), Scene(wall[0]), Scene(np.full((300, 300), 90, np.uint8), truth[0], True)]
    figures = measure(predictor, scenes)
    assert figures["faces found and marked, %"] == 100
    assert figures["damaged faces found and marked, %"] == 0
    assert figures["false faces in 100 pictures without one"] == 0
    assert figures["false faces beside 100 faces"] == pytest.approx(100)
    assert figures["inner NME of found faces, %: mean"] < 15
    rows = reliability(detect(predictor, scenes))
    assert sum(count for (count, mean, _) in rows.values() if mean > 0.5) == 3
    draw_reliability(rows, tmp_path / "reliability.png")
    assert cv2.imread(str(tmp_path / "reliability.png")) is not None


def test_a_folder_without_photographs_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="not a folder of photographs"):
        scenes_of(SHIPPED, tmp_path)
