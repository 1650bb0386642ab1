"""Learning curves: the error of each method by the number of people that it was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from facekp.benchmarks.detectors.dlib_ert import OwnBox, TrueBox
from facekp.benchmarks.detectors.measure import evaluate_baseline
from facekp.benchmarks.detectors.methods import values_by_image
from facekp.config import DataConfig
from facekp.data.records import Record
from facekp.data.splits import split_records
from facekp.evaluation.bootstrap import interval, resampled_means
from facekp.evaluation.comparison import common_ground
from facekp.landmarks.scheme import Scheme
from facekp.runs.find import find_runs
from facekp.runs.folder import RunFolder
from facekp.utils.errors import DataError
from facekp.utils.terminal import display_path

MORE = 100
"""The number of people for which the error is extrapolated."""
SHOWN = ("mse_px2", "inner_nme", "error_px")
"""The keys of :data:`facekp.benchmarks.detectors.methods.METRICS` that are shown."""


def fit_dlib(
    paths: Sequence[str], data: DataConfig, records: Sequence[Record], scheme: Scheme, outputs: Path
) -> list[str]:
    """Fit dlib to the same people as the networks of some run folders, unless it was fitted to them before.

    Returns:
        The folders, in ``outputs``, with its predictions for the held-out faces.
    """
    trained = {(people_of(run, records), run.measured.get("seed", 0)) for run in find_runs(paths)[0].values()}
    folders = []
    for kind, (people, seed) in product((TrueBox, OwnBox), sorted(trained)):
        chosen, folder = replace(data, train_people=people), outputs / f"{kind.slug}-{people}-{seed}"
        split, run = split_records(records, chosen, seed), RunFolder(folder)
        fitted = run.train_names == {record.name for record in split.train} and run.measured["labels"] == data.labels
        if not fitted:
            evaluate_baseline(kind(scheme, seed), split, chosen, folder, seed)
            split.save(folder / "split.json")  # the last: it tells that the folder is complete
        measured = RunFolder(folder).measured["metrics"]
        folders.append(str(folder))
        print(f"{kind.name}, {people} people, seed {seed}: MSE {measured['mse_px2']:.1f} px²", flush=True)
    return folders


def people_of(run: RunFolder, records: Sequence[Record]) -> int:
    """The number of people that a run was trained on.

    Raises:
        DataError: if it has not stored its split.
    """
    names = run.train_names
    if names is None:
        raise DataError(f"{display_path(run.path)} has no split.json, which tells whom it was trained on; leave it out")
    return len({record.person for record in records if record.name in names})


def measure(paths: Sequence[str], records: Sequence[Record], scheme: Scheme) -> dict[str, Any]:
    """All numbers of the learning curves of some run folders, or folders of them.

    A curve is the straight line that is fitted, by least squares, to the logarithm of the error over that of the number
    of people: each doubling of the people multiplies the error by the same factor. Intervals are of 95 %, by a
    bootstrap over the held-out people and the runs, of which those with the same seed belong together.

    Returns:
        ``data``, ``labels``, ``images``, ``people`` (held out) and ``methods``. Each of these has a ``name``, the
        ``sizes``, numbers of people trained on, and, by metric, its ``values`` (a row of runs for each size), the
        ``factor`` of a doubling and the error with :data:`MORE` people, both as mean, low and high; and ``foreseen``,
        the error with the most people by the line through the sizes up to half of them.

    Raises:
        ConfigError: see :func:`facekp.evaluation.comparison.common_ground`.
        DataError: if a run did not finish, or a method does not have the same seeds for every number of people.
    """
    folders, unfinished = find_runs(paths)
    if unfinished:
        raise DataError(f"{display_path(unfinished[0].path)} did not finish; give its command again, or other folders")
    tables = common_ground({name: folder.predictions for name, folder in folders.items()})
    found: dict[str, dict[tuple[int, int], dict[str, np.ndarray]]] = {}
    for name, table in tables.items():
        folder = folders[name]
        cell = people_of(folder, records), folder.measured.get("seed", 0)
        if cell in (cells := found.setdefault(folder.measured["model"], {})):
            raise DataError(
                f"{display_path(folder.path)} is a second run of {folder.measured['model']} with {cell[0]} people and "
                f"seed {cell[1]}; name one sweep"
            )
        cells[cell] = values_by_image(table, scheme)
    first = next(iter(tables.values()))
    methods = [_method(name, cells, first.people) for name, cells in found.items()]
    return {
        "data": next(iter(folders.values())).measured["data"],
        "labels": first.labels,
        "images": len(first.images),
        "people": len(set(first.people.tolist())),
        "methods": sorted(methods, key=lambda method: -np.mean(method["mse_px2"]["values"][-1])),
    }


def _method(name: str, cells: Mapping[tuple[int, int], Mapping[str, np.ndarray]], people: np.ndarray) -> dict[str, Any]:
    sizes, seeds = (sorted(set(part)) for part in zip(*cells, strict=True))
    for size, seed in product(sizes, seeds):
        if (size, seed) not in cells:
            raise DataError(f"{name} has no run with {size} people and seed {seed}; finish the sweep, or name another")
    if len(sizes) < 3:
        raise DataError(f"{name} has runs with {len(sizes)} numbers of people; a curve needs 3 or more")
    curves = {
        metric: _curve(sizes, np.array([[cells[size, seed][metric] for seed in seeds] for size in sizes]), people)
        for metric in SHOWN
    }
    return {"name": name, "sizes": sizes, **curves}


def _curve(sizes: Sequence[int], values: np.ndarray, people: np.ndarray) -> dict[str, Any]:
    """One metric of a method; values are float [sizes, runs, images]."""
    means, samples = values.mean((1, 2)), resampled_means(values, people)
    half = [size for size in sizes if 2 * size <= sizes[-1]]
    one, sampled = (on_line(sizes, errors, [1, 2, MORE]) for errors in (means, samples))
    return {
        "values": values.mean(2).tolist(),
        "factor": interval(float(one[1] / one[0]), sampled[1] / sampled[0])._asdict(),
        f"at_{MORE}": interval(float(one[2]), sampled[2])._asdict(),
        "foreseen": float(on_line(half, means[: len(half)], sizes[-1:])[0]) if len(half) > 1 else None,
    }


def on_line(sizes: Sequence[int], errors: np.ndarray, wanted: Sequence[float]) -> np.ndarray:
    """The values, float [W, ...], of the lines through errors, float [sizes, ...], at the wanted numbers of people."""
    slope, start = np.polyfit(np.log(sizes), np.log(errors), 1)
    return np.exp(start + np.multiply.outer(np.log(wanted), slope))
