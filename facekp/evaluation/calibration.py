"""How honest predicted covariances are, and their correction on held-out faces."""

from __future__ import annotations

import math

import numpy as np

from facekp.evaluation.errors import Predictions

_SCALES = np.geomspace(0.5, 4, 19)
_FLOORS = [0, *np.geomspace(1e-5, 1e-2, 25)]

ELLIPSES = (0.5, 0.9, 0.99)
"""The probabilities of the ellipses whose coverage is measured."""


def coverage(predictions: Predictions, probability: float) -> np.ndarray:
    """Which points lie inside the ellipse that should hold the true point with a probability, bool [N, K].

    The squared Mahalanobis distance of a Gaussian in two dimensions exceeds ``-2 log(1 - probability)`` with the
    remaining probability.
    """
    error, covariance, _ = _errors(predictions)
    return _distance2(error, covariance) <= -2 * math.log1p(-probability)


def calibrate(predictions: Predictions) -> np.ndarray:
    """The correction of covariances with which held-out points are most likely.

    A covariance is multiplied by a factor, and grows by the same amount along both axes: annotators differ, whatever a
    network sees. Both numbers are common to the points of a group.

    Args:
        predictions: of people that the network was not trained on.

    Returns:
        float32 [2, K]: the factors, and the amounts, as fractions of :func:`face_size2`.
    """
    error, covariance, size2 = _errors(predictions)
    correction = np.zeros((2, error.shape[1]), np.float32)
    for group in predictions.scheme.groups:
        points = np.isin(predictions.point_indices, group.point_indices)
        if points.any():
            correction[:, points] = _most_likely(error[:, points], covariance[:, points], size2)
    return correction


def face_size2(keypoints_px: np.ndarray) -> np.ndarray:
    """The mean squared distance of a face's points from their centre, float [N], of keypoints [N, K, 2]."""
    return ((keypoints_px - keypoints_px.mean(1, keepdims=True)) ** 2).sum(-1).mean(1)


def _errors(predictions: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors [N, K, 2] and their predicted covariances [N, K, 2, 2] in pixels, and the squared size of each face."""
    size = predictions.canvas_sizes.astype(float)
    covariance = predictions.covariance * (size[:, None, :, None] * size[:, None, None])
    return predictions.keypoints_px - predictions.truth_px, covariance, face_size2(predictions.keypoints_px)


def _distance2(error: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    return (error * np.linalg.solve(covariance, error[..., None])[..., 0]).sum(-1)


def _most_likely(error: np.ndarray, covariance: np.ndarray, size2: np.ndarray) -> np.ndarray:
    """Factor and amount, float [2, 1], by a search over a grid."""

    def cost(factor: float, floor: float) -> float:
        corrected = factor * covariance + floor * size2[:, None, None, None] * np.eye(2)
        return float((_distance2(error, corrected) + np.log(np.linalg.det(corrected))).mean())

    best = min(((factor, floor) for factor in _SCALES for floor in _FLOORS), key=lambda pair: cost(*pair))
    return np.array(best)[:, None]
