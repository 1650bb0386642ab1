"""The catalogue of metrics: name, unit, computation and format of each.

It is used by everything that shows metrics: metrics.json, terminal, report, comparisons, sweeps, published results and
docs/metrics.md. A new metric is one function of :class:`facekp.evaluation.errors.Errors` and one row of the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from facekp.evaluation.errors import Errors

AUC_LIMIT = 0.10


@dataclass(frozen=True)
class Metric:
    """One row of the catalogue.

    Args:
        key: name in files, with the unit.
        heading: name in tables.
        unit: in tables; may be empty.
        compute: float64 [N], a value per image, whose mean is the metric; or one number, if it is not such a mean.
        meaning: in one line.
        decimals: in tables.
        lower_is_better: otherwise higher is better.
        headline: whether it is in short tables: training curves, sweeps, comparisons, published results.
    """

    key: str
    heading: str
    unit: str
    compute: Callable[[Errors], np.ndarray]
    meaning: str
    decimals: int = 2
    lower_is_better: bool = True
    headline: bool = False

    @property
    def factor(self) -> float:
        """Factor that converts a value to ``unit``."""
        return 100 if self.unit == "%" else 1

    def value(self, errors: Errors) -> float:
        """The metric; NaN if there is no image."""
        return float(np.mean(self.compute(errors))) if len(errors) else math.nan

    def title(self, of: str = "") -> str:
        """The heading of a column, with the unit."""
        return f"{self.heading}{of and f' {of}'}{self.unit and f', {self.unit}'}"

    def text(self, value: float | None, sign: str = "") -> str:
        """A value as in tables, or a dash if it is missing.

        Args:
            sign: ``+`` to show the sign of positive numbers, too, for differences.
        """
        if value is None or math.isnan(value):
            return "–"
        return f"{self.factor * value:{sign}.{self.decimals}f}"


def _share_within(limit: float) -> Callable[[Errors], np.ndarray]:
    """The share of an image's points within ``limit`` of the eye distance."""
    return lambda errors: _known(errors, (errors.normalised <= limit).mean(1))


def _area_up_to(limit: float) -> Callable[[Errors], np.ndarray]:
    """The contribution of an image to the area under the cumulative distribution of NME, up to ``limit``."""
    return lambda errors: np.maximum(0, 1 - errors.normalised.mean(1) / limit)


def _failure_above(limit: float) -> Callable[[Errors], np.ndarray]:
    """Whether the NME of an image is above ``limit``, as 300-W and WFLW count failures."""
    return lambda errors: _known(errors, errors.normalised.mean(1) > limit)


def _known(errors: Errors, values: np.ndarray) -> np.ndarray:
    """Values of images, NaN if there is no eye distance."""
    return np.where(np.isnan(errors.eye_distance_px), np.nan, values)


CATALOGUE = {
    metric.key: metric
    for metric in (
        Metric("error_px", "error", "px", lambda errors: errors.distance_px.mean(1),
               "mean distance between prediction and ground truth", headline=True),
        Metric("mse_px2", "MSE", "px²", lambda errors: errors.squared_px2.mean(1),
               "mean squared error of a coordinate", decimals=1, headline=True),
        Metric("nme", "NME", "%", lambda errors: errors.normalised.mean(1),
               "normalised mean error: error_px as a fraction of the distance between the eye centres", headline=True),
        Metric("failure_08", "FR@0.08", "%", _failure_above(0.08), decimals=1, headline=True,
               meaning="failure rate: share of images whose NME is above 8 %"),
        Metric("curve_px", "to curve", "px", lambda errors: errors.curve_px.mean(1),
               "mean distance between prediction and the path through the true points of its group"),
        Metric("median_px", "median", "px", lambda errors: np.median(errors.distance_px),
               "median distance of single points"),
        Metric("p90_px", "p90", "px", lambda errors: np.quantile(errors.distance_px, 0.9),
               "90th percentile of the distances of single points"),
        Metric("worst_px", "worst", "px", lambda errors: errors.distance_px.max(),
               "largest distance of a single point", decimals=1),
        Metric("pck_05", "PCK@0.05", "%", _share_within(0.05), decimals=1, lower_is_better=False,
               meaning="share of points within 5 % of the distance between the eye centres"),
        Metric("pck_10", "PCK@0.1", "%", _share_within(0.10), decimals=1, lower_is_better=False,
               meaning="share of points within 10 % of the distance between the eye centres"),
        Metric("auc_10", "AUC@0.1", "", _area_up_to(AUC_LIMIT), decimals=3, lower_is_better=False,
               meaning="area under the cumulative distribution of the images' NME up to 10 %, as a share of the whole"),
    )
}  # fmt: skip
"""Metrics by key, in the order of tables."""

HEADLINE = {key: metric for key, metric in CATALOGUE.items() if metric.headline}
"""The metrics of short tables."""

COMPARED = (*HEADLINE, "error_px_turned")
"""The metrics by which runs are compared: names in the ``metrics`` of metrics.json."""


def summarise(errors: Errors) -> dict[str, float]:
    """All metrics by key. All are NaN if there is no image, and those that need an eye distance if there is none."""
    return {key: metric.value(errors) for key, metric in CATALOGUE.items()}


def by_image(errors: Errors) -> dict[str, np.ndarray]:
    """The values per image, float64 [N], of all metrics that are means over images."""
    computed = {key: metric.compute(errors) for key, metric in CATALOGUE.items()}
    return {key: values for key, values in computed.items() if np.ndim(values)}
