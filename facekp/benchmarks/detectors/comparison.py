"""The figures of the comparison, ready for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from facekp.benchmarks.detectors.cost import cpu_ms_of
from facekp.benchmarks.detectors.dlib_ert import OwnBox
from facekp.benchmarks.detectors.label_noise import shared_error, unlike_others
from facekp.benchmarks.detectors.mediapipe_mesh import FaceMesh
from facekp.benchmarks.detectors.methods import Method, by_image, mean_of, people_of, rounds_of
from facekp.data.records import Record
from facekp.evaluation.comparison import difference_of, image_kinds
from facekp.landmarks.scheme import Scheme
from facekp.runs.folder import Run

_COMPARED = ("mse_px2", "inner_nme", "curve_px")
_PARTS = ("all", "inner", "jaw")


def measure(methods: Sequence[Method], records: Sequence[Record], scheme: Scheme) -> dict[str, Any]:
    """All figures of the comparison.

    Args:
        methods: what is compared.
        records: all photographs of the data.
        scheme: their landmarks.
    """
    first = methods[0].course[0]
    return {
        "data": first.measured["data"],
        "labels": first.measured["labels"],
        "images": len(first.images),
        "people": len(set(first.people.tolist())),
        "methods": [_row(method, [r for r in records if r.name in first.images], scheme) for method in methods],
        "differences": [
            {"network": ours.name, "peer": peer.name, **_differences(ours, peer, scheme)}
            for ours in methods
            if ours.kind == "network"
            for peer in methods
            if peer.kind == "peer"
        ],
        "label_noise": _label_noise(methods, records, scheme),
    }


def _row(method: Method, faces: Sequence[Record], scheme: Scheme) -> dict[str, Any]:
    """Lists hold one value for each run on the course split, whose held-out faces are given.

    Those whose name begins with ``folds_`` hold one for each seed's way through all folds.
    """
    runs = method.course
    kinds = image_kinds(runs[0].types)
    figures = [by_image(run, scheme) for run in runs]
    by_fold = [mean_of(once, scheme) for once in rounds_of(method.folds)]
    tables = [run.measured for run in runs]
    costs = [table["metrics"].get("cpu_ms") for table in tables]
    if method.kind == "network":
        costs = [cpu_ms_of(runs[0], faces, scheme)]
    inner = {kind: [float(f["inner_nme"][mask].mean()) for f in figures] for kind, mask in kinds.items()}
    return {
        "name": method.name,
        "kind": method.kind,
        "trained_on": method.trained_on,
        "given": method.given,
        "missed": [run.measured.get("missed") for run in runs],
        "runs": len(runs),
        **{name: [float(f[name].mean()) for f in figures] for name in figures[0]},
        "mse_px2_raw": [table.get("raw_labels", table)["by_type"]["all"]["mse_px2"] for table in tables],
        "turned_over_frontal": [t / f for t, f in zip(inner.get("turned", []), inner.get("frontal", []), strict=True)],
        "cpu_ms": [cost for cost in costs if cost is not None],
        **{f"folds_{name}": [float(f[name].mean()) for f in by_fold] for name in figures[0]},
        "inner_nme_by_type": inner,
        "mse_px2_by_type": {kind: [float(f["mse_px2"][mask].mean()) for f in figures] for kind, mask in kinds.items()},
        "mse_px2_by_group": {
            group: [table["by_group"][group]["mse_px2"] for table in tables] for group in tables[0]["by_group"]
        },
    }


def _differences(ours: Method, peer: Method, scheme: Scheme) -> dict[str, Any]:
    """Ours minus the peer's on the course split, and on all people where both have every fold."""
    scopes = {"course": (ours.course, peer.course)}
    if ours.folds and peer.folds:
        scopes["folds"] = (ours.folds, peer.folds)
    return {scope: _paired(*runs, scheme) for scope, runs in scopes.items()}


def _paired(ours: Sequence[Run], theirs: Sequence[Run], scheme: Scheme) -> dict[str, Any]:
    mine, other, people = mean_of(ours, scheme), mean_of(theirs, scheme), people_of(ours)
    return {"images": len(people), **{name: difference_of(mine[name], other[name], people) for name in _COMPARED}}


def _label_noise(methods: Sequence[Method], records: Sequence[Record], scheme: Scheme) -> dict[str, Any]:
    """Both estimates for all points, the inner ones and the jaw, in px²; the shared error on the course split."""
    parts = {part: scheme.select(part) for part in _PARTS}
    noise: dict[str, Any] = {"unlike_others": {name: unlike_others(records, points) for name, points in parts.items()}}
    named = {method.name: method.course[0] for method in methods}
    if FaceMesh.name in named and OwnBox.name in named:
        pair = named[FaceMesh.name], named[OwnBox.name]
        noise["shared"] = {name: shared_error(*pair, points)._asdict() for name, points in parts.items()}
    return noise
