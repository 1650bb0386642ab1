import numpy as np
import pytest

from facekp.landmarks.frames import Letterbox, from_pixel_centres, to_pixel_centres


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.1, 1.1, (58, 2)).astype(np.float32)


def test_a_photograph_of_the_same_proportions_fills_the_canvas(points):
    box = Letterbox((640, 480), (160, 120))
    assert box.placement == (0, 0, 160, 120)
    np.testing.assert_array_equal(box.canvas_size, (640, 480))
    np.testing.assert_array_equal(box.to_canvas(points), points)


@pytest.mark.parametrize("size", [(480, 640), (1000, 300), (641, 479), (50, 50)])
def test_letterbox_is_undone_and_does_not_stretch(points, size):
    box = Letterbox(size, (160, 120))
    np.testing.assert_allclose(box.to_image(box.to_canvas(points)), points, atol=1e-5)
    left, top, width, height = box.placement
    assert left >= 0
    assert top >= 0
    assert left + width <= 160
    assert top + height <= 120
    assert width == 160 or height == 120
    assert width / height == pytest.approx(size[0] / size[1], rel=0.02)


def test_a_distance_on_the_canvas_is_the_distance_in_the_photograph():
    box = Letterbox((480, 640), (160, 120))
    one, other = np.array([[0.25, 0.5], [0.75, 0.5]], np.float32)
    on_canvas = (box.to_canvas(other) - box.to_canvas(one)) * box.canvas_size
    np.testing.assert_allclose(on_canvas, (240, 0), atol=0.01)


def test_pixel_centres_round_trip_and_mirror_like_relative_coordinates(points):
    there = to_pixel_centres(points, (160, 120))
    np.testing.assert_allclose(from_pixel_centres(there, (160, 120)), points, atol=1e-6)
    flipped = np.stack([160 - 1 - there[:, 0], there[:, 1]], axis=1)
    np.testing.assert_allclose(from_pixel_centres(flipped, (160, 120))[:, 0], 1 - points[:, 0], atol=1e-6)
