import cv2
import numpy as np
import pytest
from albumentations.core.serialization import Serializable as Transform

from facekp.data.augmentation import Augmentation, RandomAffine
from facekp.data.backgrounds import Background, NoFace, Occlusion, texture
from facekp.data.images import load_grey
from facekp.landmarks.scheme import DANES, Group, Scheme

SIZE = (160, 120)


THREE = Scheme("three", (Group("face", (0, 1, 2)),), None, None)


def variants(
    transform: Transform, image: np.ndarray, keypoints: np.ndarray, count: int = 20, scheme: Scheme = DANES
) -> list[tuple[np.ndarray, np.ndarray]]:
    augmentation = Augmentation([transform], scheme)
    return [augmentation(image, keypoints, (0, number)) for number in range(count)]


def test_a_background_leaves_the_face_and_its_points_and_replaces_the_wall(drawn_records):
    for record in drawn_records[:6]:
        image = load_grey(record.image, SIZE)
        face = np.zeros(image.shape, np.uint8)
        cv2.fillConvexPoly(face, cv2.convexHull((record.keypoints * SIZE).astype(np.int32)), 1)
        made = variants(Background(p=1.0), image, record.keypoints)
        for other, keypoints in made:
            np.testing.assert_allclose(keypoints, record.keypoints, atol=1e-6)
            assert np.abs(other.astype(int) - image)[face == 1].max() <= 3
        corners = np.stack([other[:10, :10] for other, _ in made])
        assert corners.mean((1, 2)).std() > 20


def test_only_the_face_is_kept_of_a_photograph_when_it_is_cut_out_alone():
    photograph = np.full((SIZE[1], SIZE[0]), 40, np.uint8)
    body = np.s_[95:, 40:120]
    photograph[body] = 150
    cv2.ellipse(photograph, (80, 60), (20, 26), 0, 0, 360, 200, -1)
    face = np.array([[64, 50], [96, 50], [80, 80]], np.float32) / SIZE
    whole, alone = (
        np.stack([other[body] for other, _ in variants(Background(alone=share, p=1.0), photograph, face, scheme=THREE)])
        for share in (0.0, 1.0)
    )
    assert (np.abs(whole.astype(int) - 150) < 5).mean() > 0.9
    assert (np.abs(alone.astype(int) - 150) < 5).mean() < 0.3


def test_an_image_without_a_face_has_no_keypoints(drawn_records):
    image = load_grey(drawn_records[0].image, SIZE)
    for other, keypoints in variants(NoFace(p=1.0), image, drawn_records[0].keypoints, 60):
        assert other.shape == image.shape
        assert np.isnan(keypoints).all()
        assert np.abs(other.astype(int) - image).mean() > 2


def test_an_occlusion_covers_a_part_and_leaves_the_rest_and_the_points(drawn_records):
    image = load_grey(drawn_records[0].image, SIZE)
    changed = []
    for other, keypoints in variants(Occlusion(p=1.0), image, drawn_records[0].keypoints):
        np.testing.assert_allclose(keypoints, drawn_records[0].keypoints, atol=1e-6)
        changed.append((other != image).mean())
    assert min(changed) > 0.005
    assert max(changed) < 0.3


@pytest.mark.parametrize("size", [(320, 240), (40, 90), (8, 8)])
def test_textures_of_any_size_differ_from_each_other(size):
    made = [texture(np.random.default_rng(number), (size[1], size[0], 1)) for number in range(30)]
    assert all(picture.shape == (size[1], size[0], 1) and picture.dtype == np.uint8 for picture in made)
    assert np.std([picture.mean() for picture in made]) > 20
    assert np.ptp([picture.std() for picture in made]) > 20


def test_faces_without_a_wall_and_points_outside_the_image_are_accepted(drawn_records):
    noise = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0]), np.uint8)
    far = [RandomAffine(90, 0.9, 1.0), Background(p=1.0), NoFace(p=0.5), Occlusion(p=1.0)]
    augmentation = Augmentation(far, DANES, mirror=0.5)
    for number in range(50):
        image, keypoints = augmentation(noise, drawn_records[0].keypoints, (0, number))
        assert image.shape == noise.shape
        assert np.isnan(keypoints).all() or np.isfinite(keypoints).all()
