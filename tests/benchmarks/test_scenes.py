import numpy as np

from facekp.benchmarks.scenes import scene, window
from facekp.data.dataset import FaceDataset

SIZE = (160, 120)


def test_a_scene_shows_the_face_at_its_points_before_a_photograph(drawn_records):
    faces = FaceDataset(drawn_records[:3], SIZE)
    photograph = np.full((300, 400), 255, np.uint8)
    rng = np.random.default_rng(0)
    for index in [0, 1, 2] * 4:
        image, keypoints = scene(faces, index, photograph, rng)
        assert image.shape == (120, 160)
        assert (image[[0, 0], [0, -1]] > 250).any()
        grown = np.ptp(keypoints * SIZE, axis=0).mean() / np.ptp(faces.keypoints[index] * SIZE, axis=0).mean()
        assert 0.5 < grown < 1.8
        before, after = (
            picture[tuple((points * SIZE).astype(int).T[::-1])].astype(float)
            for picture, points in ((faces.image(index), faces.keypoints[index]), (image, keypoints.clip(0, 0.99)))
        )
        inside = ((keypoints > 0) & (keypoints < 1)).all(1)
        assert np.corrcoef(before[inside], after[inside])[0, 1] > 0.4


def test_windows_lie_within_a_photograph():
    photograph = np.arange(200 * 300, dtype=np.float32).reshape(200, 300) / (200 * 300) * 200 + 50
    rng = np.random.default_rng(0)
    made = [window(photograph.astype(np.uint8), SIZE, rng) for _ in range(30)]
    assert all(picture.shape == (120, 160) and picture.min() >= 50 for picture in made)
    assert np.std([picture.mean() for picture in made]) > 5
