"""The catalogue of metrics: what each is called, its unit, and how it is computed and written.

Everything that shows a metric reads it here: metrics.json, terminal, report, comparisons, sweeps, published results and
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
        key: what files call it; it carries the unit.
        heading: what tables call it.
        unit: of the numbers that tables show; empty where there is none.
        compute: float64 [N], a value for each image, whose mean is the metric; a single number if it is no such mean.
        meaning: in one line.
        decimals: how many tables show.
        lower_is_better: otherwise higher is.
        headline: whether short tables have it: the curves of training, sweeps, comparisons, published results.
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
        """What a value is multiplied with to be in ``unit``."""
        return 100 if self.unit == "%" else 1

    def value(self, errors: Errors) -> float:
        """The metric; NaN where there is no image."""
        return float(np.mean(self.compute(errors))) if len(errors) else math.nan

    def title(self, of: str = "") -> str:
        """The heading of a column, with the unit.

        Args:
            of: what the column is about if not all images and points, as in ``on turned faces``.
        """
        return f"{self.heading}{of and f' {of}'}{self.unit and f', {self.unit}'}"

    def text(self, value: float | None, sign: str = "") -> str:
        """A value as tables show it, or a dash where there is none.

        Args:
            value: as :meth:`value` gives it.
            sign: ``+`` to write one before a positive number, too, as for a difference.
        """
        if value is None or math.isnan(value):
            return "–"
        return f"{self.factor * value:{sign}.{self.decimals}f}"


def _share_within(limit: float) -> Callable[[Errors], np.ndarray]:
    """The share of an image's points within ``limit`` of the eye distance."""
    return lambda errors: _known(errors, (errors.normalised <= limit).mean(1))


def _area_up_to(limit: float) -> Callable[[Errors], np.ndarray]:
    """What an image adds to the area under the cumulative distribution of NME, up to ``limit``."""
    return lambda errors: np.maximum(0, 1 - errors.normalised.mean(1) / limit)


def _failure_above(limit: float) -> Callable[[Errors], np.ndarray]:
    """Whether the NME of an image is above ``limit``, as 300-W and WFLW count failures."""
    return lambda errors: _known(errors, errors.normalised.mean(1) > limit)


def _known(errors: Errors, values: np.ndarray) -> np.ndarray:
    """Values of images, NaN where there is no eye distance."""
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
               meaning="area under the cumulative distribution of the images' NME up to 10 %, as a share of it all"),
    )
}  # fmt: skip
"""Metrics by their keys, in the order of tables."""

HEADLINE = {key: metric for key, metric in CATALOGUE.items() if metric.headline}
"""Those that short tables have."""

COMPARED = (*HEADLINE, "error_px_turned")
"""By which whole runs are compared: their names in the ``metrics`` of metrics.json."""


def summarise(errors: Errors) -> dict[str, float]:
    """All metrics by their keys. All are NaN where there is no image, and those that need an eye distance where there
    is none.
    """
    return {key: metric.value(errors) for key, metric in CATALOGUE.items()}


def by_image(errors: Errors) -> dict[str, np.ndarray]:
    """Of all metrics that are means over images, float64 [N]: what each image has."""
    computed = {key: metric.compute(errors) for key, metric in CATALOGUE.items()}
    return {key: values for key, values in computed.items() if np.ndim(values)}
