import pickle

import albumentations as A
import numpy as np
import pytest
from albumentations.core.type_definitions import Targets
from omegaconf import OmegaConf

from facekp.config import CONF, AugmentConfig
from facekp.data.augmentation import Augmentation, Mirror, Transform, build_augmentation
from facekp.landmarks.scheme import DANES, Group, Scheme
from facekp.utils.errors import ConfigError
from facekp.utils.instantiate import create_all

SIZE = (160, 120)
DOT = Scheme("dot", (Group("dot", (0, 1, 2)),), (0, 2, 1), ((0,), (0,)))
"""A point in the middle, and one on either side of it."""


def shipped() -> dict[str, Transform]:
    """Every transform of conf/augment but those of wild.yaml, which may hide or remove the face."""
    paths = [path for path in sorted((CONF / "augment").glob("*.yaml")) if path.stem != "wild"]
    files = [OmegaConf.load(path).get("transforms", {}) for path in paths]
    settings = OmegaConf.to_container(OmegaConf.merge(*files))
    return create_all(settings, Transform, "augment.transforms")


def blob(x: float, y: float) -> np.ndarray:
    """A bright spot whose centre is at (x, y), relative, on a dark picture."""
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    distance2 = (columns + 0.5 - x * SIZE[0]) ** 2 + (rows + 0.5 - y * SIZE[1]) ** 2
    return (40 + 160 * np.exp(-distance2 / (2 * 3**2))).round().astype(np.uint8)


def centre_of(image: np.ndarray) -> np.ndarray:
    """The spot's centre in pixels."""
    weight = np.clip(image.astype(float) - np.median(image) - 40, 0, None)
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    return np.array([(weight * (columns + 0.5)).sum(), (weight * (rows + 0.5)).sum()]) / weight.sum()


@pytest.mark.parametrize("name", ["mirror", *shipped(), "all"])
def test_a_marked_pixel_and_its_keypoint_stay_together(name):
    transforms = [transform for key, transform in shipped().items() if name in (key, "all")]
    augmentation = Augmentation(transforms, DOT, mirror=0.5 if name in ("mirror", "all") else 0.0)
    moved = set()
    for number in range(40):
        x, y = 0.4 + 0.005 * number, 0.6 - 0.004 * number
        image, keypoints = augmentation(blob(x, y), np.array([[x, y], [0.1, 0.5], [0.9, 0.5]], np.float32), (0, number))
        assert image.shape == (SIZE[1], SIZE[0])
        np.testing.assert_allclose(
            keypoints[0] * SIZE, centre_of(image), atol=0.1
        )  # a turn and light from one side draw the spot out
        moved.add(tuple(keypoints[0]))
    assert len(moved) == 40


def test_mirror_twice_is_the_identity(drawn_records):
    image = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0]), np.uint8)
    always = Augmentation([], DANES, mirror=1.0)
    for record in drawn_records:
        once = always(image, record.keypoints, (0,))
        np.testing.assert_array_equal(once[0], image[:, ::-1])
        again = always(*once, (1,))
        np.testing.assert_array_equal(again[0], image)
        np.testing.assert_allclose(again[1], record.keypoints, atol=1e-5)


def test_mirror_swaps_left_and_right_points(drawn_records):
    image = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    for record in drawn_records:
        _, mirrored = Augmentation([], DANES, mirror=1.0)(image, record.keypoints, (0,))
        for eye in DANES.eyes:
            expected = 1 - record.keypoints[[DANES.mirror[point] for point in eye], 0]
            np.testing.assert_allclose(mirrored[list(eye), 0], expected, atol=1e-5)
        right, left = (mirrored[list(eye), 0].mean() for eye in DANES.eyes)
        assert right > left


def test_points_that_leave_the_frame_are_kept_and_continue_to_move():
    shift = A.Affine(translate_percent={"x": (0.5, 0.5), "y": (0, 0)}, p=1.0)
    points = np.array([[0.1, 0.5], [0.9, 0.5], [-0.2, 1.2], [1.0, 1.0], [0.0, 0.0]], np.float32)
    scheme = Scheme("five", (Group("row", tuple(range(5))),), tuple(range(5)), ((0,), (1,)))
    _, moved = Augmentation([shift], scheme)(np.zeros((SIZE[1], SIZE[0]), np.uint8), points, (0,))
    np.testing.assert_allclose(moved, points + (0.5, 0), atol=1e-4)


def test_a_draw_is_a_function_of_seed_and_key_alone(drawn_records):
    image = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0]), np.uint8)
    points = drawn_records[0].keypoints

    def variant(key, seed=0, before=()):
        augmentation = Augmentation(list(shipped().values()), DANES, mirror=0.5, seed=seed)
        for other in before:
            augmentation(image, points, other)
        return augmentation(image, points, key)

    first, again = variant((3, 7)), variant((3, 7), before=[(0, 0), (9, 1)])
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    copied = pickle.loads(
        pickle.dumps(Augmentation(list(shipped().values()), DANES, mirror=0.5))
    )  # as a worker gets it
    for _ in range(2):
        np.testing.assert_array_equal(copied(image, points, (3, 7))[0], first[0])
        np.testing.assert_array_equal(copied(image, points, (3, 7))[1], first[1])
    for other in (variant((3, 8)), variant((4, 7)), variant((7, 3)), variant((3, 7), seed=1)):
        assert not np.array_equal(first[1], other[1])


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"blur": 3}, r"albumentations\.GaussianBlur refuses its settings: Argument\(s\) 'blur' are not valid"),
        ({"p": 7}, r"refuses its settings: p: Input should be less than or equal to 1$"),
    ],
)
def test_a_setting_that_a_transform_does_not_take_is_named(setting, sentence):
    transforms = {"sharpness": {"_target_": "albumentations.GaussianBlur", **setting}}
    with pytest.raises(ConfigError, match=sentence):
        build_augmentation(AugmentConfig(name="blurred", transforms=transforms), DANES, seed=0)


def test_a_transform_that_would_leave_the_points_behind_is_refused():
    with pytest.raises(ConfigError, match="_Shake does not move keypoints"):
        Augmentation([A.OneOf([_Shake()])], DANES)


class _Shake(A.DualTransform):
    _targets = (Targets.IMAGE,)


def test_mirror_is_part_of_the_compose(drawn_records):
    compose = A.Compose(
        [Mirror(DANES.mirror, p=1.0)], keypoint_params=A.KeypointParams(format="xy", remove_invisible=False)
    )
    points = drawn_records[0].keypoints * SIZE
    drawn = compose(image=np.zeros((SIZE[1], SIZE[0], 1), np.uint8), keypoints=points)["keypoints"]
    np.testing.assert_allclose(drawn[:, 0], SIZE[0] - 1 - points[list(DANES.mirror), 0], atol=1e-4)


def test_draws_are_spread_over_what_is_allowed(drawn_records):
    """Neighbouring keys must not give similar numbers."""
    image = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    augmentation = Augmentation([shipped()["place"]], DANES, mirror=0.5)
    keys = [(epoch, sample) for epoch in range(20) for sample in range(20)]
    drawn = np.stack([augmentation(image, drawn_records[0].keypoints, key)[1] for key in keys])
    nose = drawn[:, 52]
    grid = nose.reshape(20, 20, 2)
    for axis in (0, 1):
        one, other = np.delete(grid, -1, axis), np.delete(grid, 0, axis)
        correlation = np.corrcoef(one[..., 0].ravel(), other[..., 0].ravel())[0, 1]
        assert abs(correlation) < 0.2
    mirrored = drawn[:, DANES.eyes[0][0], 0] - drawn[:, DANES.eyes[1][0], 0]
    assert (mirrored > 0).all()
    assert 0.02 < nose[:, 0].std() < 0.2
