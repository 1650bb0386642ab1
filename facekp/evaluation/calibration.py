"""How honest predicted covariances and scores are, and their correction on held-out faces."""

from __future__ import annotations

from typing import Any

import numpy as np

from facekp.evaluation.errors import Predictions

TAIL = 8
"""Degrees of freedom of Student's t distribution, after which the errors of points are distributed: their tails are
longer than those of a Gaussian."""
_RADIUS, _EDGE = 2.0, 0.1  # cells
TYPICAL_SCORE = np.array([2.1, 4.2])
"""The result of :func:`fit_score` for the network of the package, for networks that have none of their own."""
_SCALES = np.geomspace(0.5, 4, 19)
_NEWTON_STEPS = 50
_FLOORS = [0, *np.geomspace(1e-5, 1e-2, 25)]

ELLIPSES = (0.5, 0.9, 0.99)
"""The probabilities of the ellipses whose coverage is measured."""


def near(distance: Any) -> Any:
    """How much cells of a heatmap count for the confidence of its point, within 0..1.

    The confidence is the share of the heatmap within two cells of its mean, along each axis. Across an edge of a tenth
    of a cell they count less and less, so that rounding makes no difference.

    Args:
        distance: from the mean along an axis, in cells: float [...], an array of NumPy or a tensor of PyTorch.
    """
    return ((_RADIUS - distance) / _EDGE + 0.5).clip(0, 1)


def coverage(predictions: Predictions, probability: float) -> np.ndarray:
    """Which points lie inside the ellipse that should hold the true point with a probability, bool [N, K].

    Where errors have Student's t distribution with :data:`TAIL` degrees of freedom, that is the ellipse of
    :func:`distance2`.
    """
    error, covariance, _ = _errors(predictions)
    return _distance2(error, covariance) <= distance2(probability)


def distance2(probability: float) -> float:
    """The squared Mahalanobis distance from its prediction within which a point lies with a probability."""
    return (TAIL - 2) * ((1 - probability) ** (-2 / TAIL) - 1)


def fit_score(confidence: np.ndarray, is_face: np.ndarray) -> np.ndarray:
    """The logistic function of a mean confidence that tells most likely whether there is a face.

    With targets a little within 0..1, after J. Platt, Probabilistic outputs for support vector machines, 1999.

    Args:
        confidence: float [N], mean confidences of places where there may be a face.
        is_face: bool [N], which of them are one.

    Returns:
        float32 [2]: factor and offset of the confidence's log-odds; see :func:`score`.
    """
    inputs = np.stack([_log_odds(confidence), np.ones(len(confidence))])
    faces = int(is_face.sum())
    target = np.where(is_face, (faces + 1) / (faces + 2), 1 / (len(is_face) - faces + 2))
    weights = np.array([1.0, 0.0])
    for _ in range(_NEWTON_STEPS):
        predicted = 1 / (1 + np.exp(-weights @ inputs))
        curvature = (inputs * predicted * (1 - predicted)) @ inputs.T + 1e-6 * np.eye(2)
        weights -= np.clip(np.linalg.solve(curvature, inputs @ (predicted - target)), -1, 1)
    return weights.astype(np.float32)


def score(confidence: float, fitted: np.ndarray | None) -> float:
    """The probability that there is a face, by the mean confidence of its points.

    Args:
        fitted: of :func:`fit_score`; None for :data:`TYPICAL_SCORE`.
    """
    factor, offset = (TYPICAL_SCORE if fitted is None else fitted).tolist()
    return float(1 / (1 + np.exp(-(factor * _log_odds(confidence) + offset))))


def _log_odds(confidence: float | np.ndarray) -> np.ndarray:
    within = np.clip(confidence, 1e-6, 1 - 1e-6)
    return np.log(within / (1 - within))


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
        tail = (TAIL + 2) * np.log1p(_distance2(error, corrected) / (TAIL - 2))
        return float((tail + np.log(np.linalg.det(corrected))).mean())

    best = min(((factor, floor) for factor in _SCALES for floor in _FLOORS), key=lambda pair: cost(*pair))
    return np.array(best)[:, None]
