"""All numbers of the comparison, for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from facekp.benchmarks.detectors.dlib_ert import OwnBox
from facekp.benchmarks.detectors.measure import network_cpu_ms
from facekp.benchmarks.detectors.mediapipe_mesh import FaceMesh
from facekp.benchmarks.detectors.methods import METRICS, ByImage, Method, Run, mean_of, people_of
from facekp.data.records import Record
from facekp.data.shape_model import fit_others
from facekp.evaluation.bootstrap import Interval, paired_difference
from facekp.evaluation.comparison import PredictionTable, difference_of
from facekp.evaluation.errors import image_masks
from facekp.landmarks.scheme import Scheme

DIFFERENCES = ("mse_px2", "inner_nme", "curve_px")
"""The metrics in which two methods are compared."""
PARTS = ("all", "inner", "jaw")
"""The selections of points for which the labels' noise is estimated."""


def measure(methods: Sequence[Method], records: Sequence[Record], scheme: Scheme) -> dict[str, Any]:
    """All numbers of the comparison.

    Args:
        methods: to compare.
        records: all photographs of the data.
        scheme: their landmarks.
    """
    first = methods[0].course[0]
    held_out = [record for record in records if record.name in first.table.images]
    return {
        "data": first.folder.measured["data"],
        "labels": first.table.labels,
        "images": len(held_out),
        "people": len(set(first.table.people.tolist())),
        "methods": [_row(method, held_out, scheme) for method in methods],
        "differences": [
            {"network": ours.name, "detector": other.name, **_differences(ours, other)}
            for ours in methods
            if ours.kind == "network"
            for other in methods
            if other.kind == "detector"
        ],
        "label_noise": _label_noise(methods, records, scheme),
    }


def _row(method: Method, held_out: Sequence[Record], scheme: Scheme) -> dict[str, Any]:
    """One method. Lists have a value per run on the course split, and in ``folds`` per seed with runs on all folds."""
    runs, masks = method.course, image_masks(method.course[0].table.types)
    measured = [run.folder.measured for run in runs]
    if method.kind == "network":
        costs = [network_cpu_ms(runs[0].folder.run_dir, held_out, scheme)]
    else:
        costs = [each["metrics"].get("cpu_ms") for each in measured]
    inner = {kind: [float(run.by_image["inner_nme"][mask].mean()) for run in runs] for kind, mask in masks.items()}
    return {
        "name": method.name,
        "kind": method.kind,
        "trained_on": method.trained_on,
        "given": method.given,
        "missed": [each.get("missed") for each in measured],
        "runs": len(runs),
        **_means([run.by_image for run in runs]),
        "mse_px2_raw": [each.get("raw_labels", each)["by_type"]["all"]["mse_px2"] for each in measured],
        "turned_over_frontal": [t / f for t, f in zip(inner.get("turned", []), inner.get("frontal", []), strict=True)],
        "cpu_ms": [cost for cost in costs if cost is not None],
        "folds": _means(method.rounds),
        "inner_nme_by_type": inner,
        "mse_px2_by_type": _from_tables(measured, "by_type"),
        "mse_px2_by_group": _from_tables(measured, "by_group"),
    }


def _from_tables(measured: Sequence[Mapping[str, Any]], table: str) -> dict[str, list[float]]:
    return {name: [each[table][name]["mse_px2"] for each in measured] for name in measured[0][table]}


def _means(found: Sequence[ByImage]) -> dict[str, list[float]]:
    return {name: [float(each[name].mean()) for each in found] for name in METRICS}


def _differences(ours: Method, other: Method) -> dict[str, Any]:
    """Ours minus the other's on the course split, and on all people if both have every fold."""
    scopes = {"course": (ours.course, other.course)}
    if ours.folds and other.folds:
        scopes["folds"] = (ours.folds, other.folds)
    return {scope: _paired(*runs) for scope, runs in scopes.items()}


def _paired(ours: Sequence[Run], theirs: Sequence[Run]) -> dict[str, Any]:
    mine, other, people = mean_of(ours), mean_of(theirs), people_of(ours)
    return {"images": len(people), **{name: difference_of(mine[name], other[name], people) for name in DIFFERENCES}}


def _label_noise(methods: Sequence[Method], records: Sequence[Record], scheme: Scheme) -> dict[str, Any]:
    """Two estimates, in px², of the part of the MSE that is due to the annotators, without a second annotator.

    See :func:`unlike_others` and, of two detectors on the course split, :func:`shared_error`.
    """
    parts = {part: list(scheme.select(part)) for part in PARTS}
    noise: dict[str, Any] = {"unlike_others": unlike_others(records, parts)}
    tables = {method.name: method.course[0].table for method in methods}
    if FaceMesh.name in tables and OwnBox.name in tables:
        pair = tables[FaceMesh.name], tables[OwnBox.name]
        noise["shared"] = {part: shared_error(*pair, points)._asdict() for part, points in parts.items()}
    return noise


def unlike_others(records: Sequence[Record], parts: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """The mean squared residual from a shape model of the other people, in px² like the MSE.

    It contains what is peculiar to a face, and those errors of its label that are outside the model's modes and no
    shift of the whole: a low estimate. See :func:`facekp.data.shape_model.fit_others`.

    Args:
        records: labelled photographs of enough people.
        parts: points over which it is averaged, by name.
    """
    squared_px2 = fit_others(records).residual_px ** 2 / 2
    return {part: float(squared_px2[:, list(points)].mean()) for part, points in parts.items()}


def shared_error(one: PredictionTable, other: PredictionTable, points: Sequence[int]) -> Interval:
    """The common part of two detectors' errors, in px² like the MSE, with its confidence interval over people.

    The difference between a prediction and its label is the detector's error minus the label's. If the errors of both
    detectors and of the label are independent, the mean product of the two differences is the variance of the labels'
    errors (as in reliability theory: F. M. Lord, M. R. Novick, *Statistical Theories of Mental Test Scores*, 1968,
    chapter 3). Errors that both detectors share, because an image misleads both or both were fitted to the same few
    labels, are included: a high estimate.

    Args:
        one, other: their predictions for the same images and points.
        points: over which the product is averaged.
    """
    differences = [(table.predicted_px - table.true_px)[:, points] for table in (one, other)]
    product = (differences[0] * differences[1]).mean((1, 2))
    return paired_difference(product, np.zeros(len(product)), one.people)
