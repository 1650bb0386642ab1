"""A torchmetrics ``Metric`` over the predictions of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from facekp.evaluation.catalogue import HEADLINE
from facekp.evaluation.errors import Errors, Predictions, errors_of, spread
from facekp.landmarks.scheme import Scheme


class KeypointMetrics(Metric):
    """Collects the predictions of an epoch, and computes the metrics at its end.

    Args:
        scheme: of the landmarks.
        point_indices: which points are predicted.
        mean_shape: float [K, 2], the baseline's prediction for every image.
        settings: of ``Metric``.
    """

    full_state_update = False
    keypoints: list[Tensor]
    truth: list[Tensor]
    canvas_sizes: list[Tensor]
    turned: list[Tensor]

    def __init__(self, scheme: Scheme, point_indices: Sequence[int], mean_shape: Tensor, **settings: Any) -> None:
        super().__init__(**settings)
        self.scheme = scheme
        self.point_indices = tuple(point_indices)
        self.mean_shape = mean_shape
        for state in ("keypoints", "truth", "canvas_sizes", "turned"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, keypoints: Tensor, truth: Tensor, canvas_sizes: Tensor, turned: Tensor) -> None:
        """Add a batch: float [B, K, 2], float [B, P, 2], float [B, 2], bool [B]."""
        self.keypoints.append(keypoints.float())
        self.truth.append(truth)
        self.canvas_sizes.append(canvas_sizes)
        self.turned.append(turned)

    def predictions(self) -> Predictions:
        """All collected predictions."""
        keypoints, truth, canvas_sizes = map(_collected, (self.keypoints, self.truth, self.canvas_sizes))
        return Predictions(keypoints, truth, canvas_sizes, self.point_indices, self.scheme)

    def compute(self) -> dict[str, float]:
        """Compute the metrics of all collected predictions.

        Returns:
            The headline metrics of the catalogue over all images; ``*_turned`` over the turned ones; ``mean_shape_*``
            of always predicting the mean shape; and the predictions' ``spread``, see
            :func:`facekp.evaluation.errors.spread`.
        """
        predictions = self.predictions()
        errors = errors_of(predictions)
        baseline = errors_of(predictions.replaced_by(self.mean_shape.cpu().numpy()))
        return {
            **_headline(errors),
            **{f"{name}_turned": value for name, value in _headline(errors.of(_collected(self.turned))).items()},
            **{f"mean_shape_{name}": value for name, value in _headline(baseline).items()},
            "spread": spread(predictions),
        }


def _collected(state: list[Tensor]) -> np.ndarray:
    return dim_zero_cat(state).cpu().numpy()


def _headline(errors: Errors) -> dict[str, float]:
    return {name: metric.value(errors) for name, metric in HEADLINE.items()}
