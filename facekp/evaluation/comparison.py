"""Comparison of several runs, on the same images and points, with the first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from facekp.evaluation.bootstrap import paired_difference
from facekp.evaluation.catalogue import HEADLINE, by_image, summarise
from facekp.evaluation.errors import Errors, image_masks
from facekp.utils.errors import ConfigError

_SAME_PX = 0.1  # tolerance for the same true point in two files


@dataclass(frozen=True)
class PredictionTable:
    """The content of predictions.csv: predictions for N images and K points, and their errors.

    Args:
        images: names of the images.
        people, types: int [N], the person and the type of each image; type 0 if unknown.
        point_indices: which of the scheme's points are predicted.
        true_px, predicted_px: float64 [N, K, 2], pixels of the photograph.
        errors: of the same images and points.
        labels: kind of the true points, ``mended`` or ``raw``.
    """

    images: tuple[str, ...]
    people: np.ndarray
    types: np.ndarray
    point_indices: tuple[int, ...]
    true_px: np.ndarray
    predicted_px: np.ndarray
    errors: Errors
    labels: str

    def of(self, images: Sequence[str], point_indices: Sequence[int]) -> PredictionTable:
        """The table of some images and points, in the given order."""
        row_of, column_of = ({key: i for i, key in enumerate(keys)} for keys in (self.images, self.point_indices))
        rows, columns = [row_of[name] for name in images], [column_of[point] for point in point_indices]
        return replace(
            self,
            images=tuple(images),
            people=self.people[rows],
            types=self.types[rows],
            point_indices=tuple(point_indices),
            true_px=self.true_px[rows][:, columns],
            predicted_px=self.predicted_px[rows][:, columns],
            errors=self.errors.of(np.array(rows), np.array(columns)),
        )


def common_ground(runs: Mapping[str, PredictionTable]) -> dict[str, PredictionTable]:
    """Reduce runs, by name, to the images and points that all of them predict.

    Raises:
        ConfigError: if there are none, or the runs were evaluated on different labels or data.
    """
    (name, first), *_ = runs.items()
    for other, run in runs.items():
        if run.labels != first.labels:
            raise ConfigError(
                f"compare: {name} was evaluated on {first.labels} labels and {other} on {run.labels} ones; "
                "evaluate both with the same data.labels, and compare those folders"
            )
    shared_images = set.intersection(*(set(run.images) for run in runs.values()))
    shared_points = set.intersection(*(set(run.point_indices) for run in runs.values()))
    images = [image for image in first.images if image in shared_images]
    points = [point for point in first.point_indices if point in shared_points]
    for common, kind in ((images, "image"), (points, "point")):
        if not common:
            raise ConfigError(
                f"compare: there is no {kind} that all {len(runs)} runs predict; name runs that share some"
            )
    reduced = {other: run.of(images, points) for other, run in runs.items()}
    for other, run in reduced.items():
        apart = np.flatnonzero(np.abs(run.true_px - reduced[name].true_px).max((1, 2)) > _SAME_PX)
        if len(apart):
            raise ConfigError(
                f"compare: the true points of {images[apart[0]]} differ between {name} and {other}; "
                "name runs that were evaluated on the same data and labels"
            )
    return reduced


def compare_tables(runs: Sequence[PredictionTable]) -> list[dict[str, Any]]:
    """The metrics of each run, and their differences from the first run.

    Returns:
        For each run all metrics of the catalogue by key, ``error_px_frontal`` and ``error_px_turned``; except for the
        first also ``difference``, the :func:`difference_of` each headline metric, and ``error_px_by_type``, that of
        ``error_px`` for each image type. Unknown values are None.
    """
    first, masks = runs[0], image_masks(runs[0].types)
    rows = []
    for run in runs:
        row: dict[str, Any] = {key: known(value) for key, value in summarise(run.errors).items()}
        row |= {
            f"error_px_{kind}": known(run.errors.distance_px[masks[kind]].mean())
            for kind in ("frontal", "turned")
            if kind in masks
        }
        if run is not first:
            mine, reference = by_image(run.errors), by_image(first.errors)
            row["difference"] = {
                key: difference_of(mine[key], reference[key], first.people, metric.lower_is_better)
                for key, metric in HEADLINE.items()
                if not np.isnan(reference[key]).any()
            }
            row["error_px_by_type"] = {
                kind: difference_of(mine["error_px"][mask], reference["error_px"][mask], first.people[mask])
                for kind, mask in masks.items()
            }
        rows.append(row)
    return rows


def difference_of(
    mine: np.ndarray, reference: np.ndarray, people: np.ndarray, lower_is_better: bool = True
) -> dict[str, Any]:
    """The mean of ``mine - reference`` over the same images, with its confidence interval over people and a verdict."""
    mean, low, high = paired_difference(mine, reference, people)
    words = ("better", "worse") if lower_is_better else ("worse", "better")
    verdict = words[0] if high < 0 else words[1] if low > 0 else "no difference shown"
    return {"mean": known(mean), "low": known(low), "high": known(high), "verdict": verdict}


def known(number: float) -> float | None:
    """A number for JSON, which has no NaN."""
    return None if math.isnan(number) else float(number)
