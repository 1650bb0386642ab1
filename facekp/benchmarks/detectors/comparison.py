"""All numbers of the comparison, for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from facekp.benchmarks.detectors.measure import network_cpu_ms
from facekp.benchmarks.detectors.methods import METRICS, ByImage, Method, mean_of, people_of
from facekp.data.records import Record
from facekp.evaluation.comparison import difference_of
from facekp.evaluation.errors import image_masks

DIFFERENCES = ("mse_px2", "inner_nme", "curve_px")
"""The metrics in which two methods are compared."""


def measure(methods: Sequence[Method], records: Sequence[Record]) -> dict[str, Any]:
    """All numbers of the comparison."""
    first = methods[0].course[0]
    held_out = [record for record in records if record.name in first.table.images]
    return {
        "data": first.folder.measured["data"],
        "labels": first.table.labels,
        "images": len(held_out),
        "people": len(set(first.table.people.tolist())),
        "methods": [_row(method, held_out) for method in methods],
        "differences": [
            {"network": ours.name, "detector": other.name, **_differences(ours, other)}
            for ours in methods
            if ours.kind == "network"
            for other in methods
            if other.kind == "detector"
        ],
    }


def _row(method: Method, held_out: Sequence[Record]) -> dict[str, Any]:
    """One method. Lists have a value per run on the course split, and in ``folds`` per seed with runs on all folds."""
    runs, masks = method.course, image_masks(method.course[0].table.types)
    measured = [run.folder.measured for run in runs]
    if method.kind == "network":
        costs = [network_cpu_ms(runs[0].folder.run_dir, held_out)]
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
    scopes = {"course": ([ours.course], [other.course])}
    if ours.folds and other.folds:
        scopes["folds"] = (ours.folds, other.folds)
    told = {}
    for scope, (mine, theirs) in scopes.items():
        values, others, people = mean_of(mine), mean_of(theirs), people_of(mine)
        found = {name: difference_of(values[name], others[name], people) for name in DIFFERENCES}
        told[scope] = {"images": len(people), **found}
    return told
