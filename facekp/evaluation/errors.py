"""Errors of predictions, for every point of every image, in numpy.

N is the number of images, K that of the predicted points, P that of the labelled points.
Pixels are those of the original photograph, 640x480 for the Danes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from facekp.data.records import FRONTAL_TYPES, TURNED_TYPES, name_of_type
from facekp.landmarks.scheme import Scheme

COLLAPSED_SPREAD = 0.05
"""Below this :func:`spread` a network is said to have collapsed to one shape."""


@dataclass(frozen=True)
class Predictions:
    """Predictions for N images, with their ground truth.

    Args:
        keypoints: float32 [N, K, 2], the predictions, relative to the canvas.
        truth: float32 [N, P, 2], the ground truth of all labelled points, relative to the canvas.
        canvas_sizes: float32 [N, 2], (width, height) of the canvas in pixels of the photograph.
        point_indices: which of the P points the K predicted ones are.
        scheme: of the landmarks.
        confidence: float32 [N, K], of each prediction; None if the predictor has none.
        covariance: float32 [N, K, 2, 2], of each prediction's error, relative to the canvas; None if it has none.
    """

    keypoints: np.ndarray
    truth: np.ndarray
    canvas_sizes: np.ndarray
    point_indices: tuple[int, ...]
    scheme: Scheme
    confidence: np.ndarray | None = None
    covariance: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def keypoints_px(self) -> np.ndarray:
        """float64 [N, K, 2]."""
        return self.keypoints.astype(float) * self.canvas_sizes.astype(float)[:, None]

    @property
    def all_truth_px(self) -> np.ndarray:
        """float64 [N, P, 2]."""
        return self.truth.astype(float) * self.canvas_sizes.astype(float)[:, None]

    @property
    def truth_px(self) -> np.ndarray:
        """float64 [N, K, 2], of the predicted points."""
        return self.all_truth_px[:, list(self.point_indices)]

    def replaced_by(self, shape: np.ndarray) -> Predictions:
        """The same truth, with one shape, float32 [K, 2], as the prediction for every image."""
        return replace(self, keypoints=np.broadcast_to(shape, self.keypoints.shape), confidence=None, covariance=None)


@dataclass(frozen=True)
class Errors:
    """The errors of each point of each image, from which every metric of the project is computed.

    Args:
        distance_px: float64 [N, K], Euclidean distance from prediction to truth.
        curve_px: float64 [N, K], distance from prediction to the true path of the point's group.
        eye_distance_px: float64 [N], see :func:`eye_distance_px`.
    """

    distance_px: np.ndarray
    curve_px: np.ndarray
    eye_distance_px: np.ndarray

    def __len__(self) -> int:
        """Number of images."""
        return len(self.distance_px)

    @property
    def squared_px2(self) -> np.ndarray:
        """float64 [N, K], mean over both coordinates of the squared coordinate error."""
        return self.distance_px**2 / 2

    @property
    def normalised(self) -> np.ndarray:
        """float64 [N, K], ``distance_px`` as a fraction of ``eye_distance_px``; NaN if the scheme has no eyes."""
        return self.distance_px / self.eye_distance_px[:, None]

    def of(self, images: np.ndarray | None = None, points: np.ndarray | None = None) -> Errors:
        """The errors of some images and points, each a bool mask, indices, or None for all."""
        rows = slice(None) if images is None else images
        columns = slice(None) if points is None else points
        distance_px, curve_px = (values[rows][:, columns] for values in (self.distance_px, self.curve_px))
        return Errors(distance_px, curve_px, self.eye_distance_px[rows])


def errors_of(predictions: Predictions) -> Errors:
    """Compute the errors of every point of every image."""
    return Errors(
        distance_px=np.linalg.norm(predictions.keypoints_px - predictions.truth_px, axis=-1),
        curve_px=_curve_distance(predictions),
        eye_distance_px=eye_distance_px(predictions.all_truth_px, predictions.scheme),
    )


def eye_distance_px(truth_px: np.ndarray, scheme: Scheme) -> np.ndarray:
    """Distance between the eye centres, each the mean of its eye's points.

    Args:
        truth_px: float [N, P, 2].
        scheme: tells which points are the eyes'.

    Returns:
        float64 [N], in pixels; NaN if the scheme has no eyes.
    """
    if scheme.eyes is None:
        return np.full(len(truth_px), np.nan)
    one, other = (truth_px[:, list(eye)].mean(1) for eye in scheme.eyes)
    return np.linalg.norm(one - other, axis=-1)


def _curve_distance(predictions: Predictions) -> np.ndarray:
    """float64 [N, K]: the distance to the nearest segment of the path of the point's group, or to the point if there is
    none.
    """
    truth, keypoints = predictions.all_truth_px, predictions.keypoints_px
    columns = []
    for column, point in enumerate(predictions.point_indices):
        path = predictions.scheme.group_of(point).segments or ((point, point),)
        starts, ends = (list(side) for side in zip(*path, strict=True))
        start, along = truth[:, starts], truth[:, ends] - truth[:, starts]
        offset = keypoints[:, column, None] - start
        length2 = np.maximum((along**2).sum(-1), np.finfo(float).tiny)
        share = np.clip((offset * along).sum(-1) / length2, 0, 1)
        columns.append(np.linalg.norm(offset - share[..., None] * along, axis=-1).min(-1))
    return np.stack(columns, axis=1)


def spread(predictions: Predictions) -> float:
    """How much the predictions vary between images, as a fraction of the variation of the ground truth.

    Both are standard deviations over images, pooled over points. Near 0 the same shape is predicted for every image.
    """
    predicted, true = (px.var(axis=0).mean() for px in (predictions.keypoints_px, predictions.truth_px))
    return float(np.sqrt(predicted / max(true, np.finfo(float).tiny)))


def face_width_px(predictions: Predictions) -> float:
    """How wide the labelled points of a face lie apart, the mean over images."""
    return float(np.ptp(predictions.all_truth_px[..., 0], axis=1).mean())


def image_masks(types: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
    """Rows of a table by image type: bool [N] for each type that occurs, then frontal, turned and all.

    Args:
        types: int [N], of the images; 0 if unknown.
    """
    kinds = np.asarray(types, int)
    masks = {name_of_type(number): kinds == number for number in np.unique(kinds).tolist() if number}
    masks |= {"frontal": np.isin(kinds, FRONTAL_TYPES), "turned": np.isin(kinds, TURNED_TYPES)}
    return _occurring(masks, len(kinds))


def point_masks(scheme: Scheme, point_indices: Sequence[int]) -> dict[str, np.ndarray]:
    """Rows of a table by point group: bool [K] for each predicted group, then inner and all, but no points twice."""
    groups: dict[str, Iterable[int]] = {group.name: group.point_indices for group in scheme.groups}
    if "inner" in scheme.selections:
        groups["inner"] = scheme.selections["inner"]
    different: dict[bytes, str] = {}
    masks = {name: np.isin(point_indices, list(members)) for name, members in groups.items()}
    for name, mask in masks.items():
        different.setdefault(mask.tobytes(), name)
    kept = {name: masks[name] for name in different.values() if not masks[name].all()}
    return _occurring(kept, len(point_indices))


def _occurring(masks: dict[str, np.ndarray], length: int) -> dict[str, np.ndarray]:
    return {name: mask for name, mask in masks.items() if mask.any()} | {"all": np.ones(length, bool)}
