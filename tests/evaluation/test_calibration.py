import numpy as np
import pytest

from facekp.evaluation.calibration import TAIL, calibrate, coverage, fit_score, score
from facekp.evaluation.errors import Predictions
from facekp.landmarks.scheme import Group, Scheme

SCHEME = Scheme("six", (Group("left", (0, 1, 2)), Group("right", (3, 4, 5))), (3, 4, 5, 0, 1, 2), ((0,), (3,)))
SIZE = np.array([640.0, 480.0])


def sample(factor: float, floor_px2: float, images: int = 2000) -> Predictions:
    """Points whose errors are larger than the covariances say, those of the right group alone."""
    rng = np.random.default_rng(0)
    shape = np.array([[260, 200], [280, 220], [260, 300], [380, 200], [360, 220], [380, 300]], float)
    root = rng.normal(size=(images, 6, 2, 2)) * 3
    told = root @ root.mT + np.eye(2)
    true = told.copy()
    true[:, 3:] = factor * told[:, 3:] + floor_px2 * np.eye(2)
    tail = np.sqrt((TAIL - 2) / rng.chisquare(TAIL, size=(images, 6, 1, 1)))
    error = np.linalg.cholesky(true) @ rng.normal(size=(images, 6, 2, 1)) * tail
    keypoints, truth = (
        (points / SIZE).astype(np.float32) for points in (shape + error[..., 0], np.tile(shape, (images, 1, 1)))
    )
    sizes = np.tile(SIZE, (images, 1)).astype(np.float32)
    covariance = (told / (SIZE * SIZE[:, None])).astype(np.float32)
    return Predictions(keypoints, truth, sizes, tuple(range(6)), SCHEME, covariance=covariance)


@pytest.mark.parametrize("probability", [0.5, 0.9, 0.99])
def test_ellipses_hold_as_many_points_as_they_say_where_covariances_are_true(probability: float):
    assert coverage(sample(1.0, 0.0), probability).mean() == pytest.approx(probability, abs=0.01)


def test_calibration_finds_by_how_much_each_group_is_too_sure():
    factor, floor = calibrate(sample(2.0, 16.0))
    assert factor[:3] == pytest.approx(1, rel=0.13)
    assert floor[:3] == pytest.approx(0, abs=2e-5)
    assert factor[3:] == pytest.approx(2, rel=0.13)
    assert floor[3:] == pytest.approx(16 / (60**2 + 42**2), rel=0.3)


def test_a_score_is_the_probability_of_a_face():
    rng = np.random.default_rng(0)
    log_odds = rng.normal(-1, 2, 5000)
    confidence = 1 / (1 + np.exp(-log_odds))
    is_face = rng.random(5000) < 1 / (1 + np.exp(-(2 * log_odds + 3)))
    fitted = fit_score(confidence, is_face)
    assert fitted == pytest.approx([2, 3], abs=0.3)
    scores = np.array([score(each, fitted) for each in confidence])
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        inside = (scores >= low) & (scores < low + 0.2)
        assert is_face[inside].mean() == pytest.approx(scores[inside].mean(), abs=0.06)


def test_scores_of_faces_that_are_easily_told_remain_within_bounds():
    fitted = fit_score(np.array([0.01, 0.02, 0.8, 0.9]), np.array([False, False, True, True]))
    assert 0 < score(0.0, fitted) < 0.4
    assert 0.6 < score(1.0, fitted) <= 1
