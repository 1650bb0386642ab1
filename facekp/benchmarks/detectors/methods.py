"""Methods: run folders grouped over seeds and folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facekp.evaluation.catalogue import CATALOGUE, HEADLINE, by_image
from facekp.evaluation.comparison import PredictionTable, common_ground
from facekp.landmarks.scheme import Scheme
from facekp.runs.find import find_runs
from facekp.runs.folder import RunFolder
from facekp.runs.settings import differing_settings
from facekp.utils.errors import DataError
from facekp.utils.terminal import display_path

COURSE = "course"
FOLDS = tuple(f"person fold {fold} of 5" for fold in range(5))
"""The last holds out the same people as the course split, so that runs on either count for both."""
METRICS = {
    **{key: (metric, "", "all") for key, metric in {**HEADLINE, "curve_px": CATALOGUE["curve_px"]}.items()},
    "inner_nme": (CATALOGUE["nme"], "of inner points", "inner"),
    "inner_mse_px2": (CATALOGUE["mse_px2"], "of inner points", "inner"),
    "jaw_mse_px2": (CATALOGUE["mse_px2"], "of the jaw", "jaw"),
}
"""The compared values: a metric, the points in words, and the selection of points."""
_REPEATED = ("seed", "data.split", "data.fold", "data.root", "run_dir", "resume", "callbacks", "logger", "trainer.acc")
"""Prefixes of the settings in which runs of one method may differ."""

ByImage = dict[str, np.ndarray]
"""float64 [N] each: values per image, by the keys of :data:`METRICS`."""


@dataclass(frozen=True)
class Run:
    """One run of a method.

    Args:
        table: its predictions for the images that all runs on its split have in common.
        by_image: its values on these images.
    """

    folder: RunFolder
    table: PredictionTable
    by_image: ByImage

    @property
    def seed(self) -> str:
        """The seed of the training, as a text."""
        return str(self.folder.config.get("seed"))


@dataclass(frozen=True)
class Method:
    """A network with its settings, or a baseline, with all of its runs.

    Args:
        kind: ``network``, or that of :attr:`facekp.benchmarks.detectors.base.Baseline.kind`.
        course: its runs on the course split, one for each seed.
        folds: its runs on each of the person folds; empty unless it has some for every fold.
    """

    name: str
    kind: str
    trained_on: str
    given: str
    course: list[Run]
    folds: list[list[Run]]

    @property
    def rounds(self) -> list[ByImage]:
        """The values on all images, for each seed with runs on all folds."""
        seeds = [{run.seed for run in fold} for fold in self.folds]
        everywhere = sorted(set.intersection(*seeds)) if seeds else []
        return [mean_of([[run for run in fold if run.seed == seed] for fold in self.folds]) for seed in everywhere]


def read_methods(paths: Sequence[str], scheme: Scheme) -> list[Method]:
    """Read run folders, or folders of them, and group them by their settings.

    Runs that predict only some of the points or have another split are left out, and printed.

    Returns:
        The methods, in descending order of the error on the course split.

    Raises:
        ConfigError: if a path is no such folder, or the runs were evaluated on different labels or data.
        DataError: if a run is damaged or did not finish, or a method has no run on the course split.
    """
    folders, unfinished = find_runs(paths)
    if unfinished:
        raise DataError(f"{display_path(unfinished[0].path)} did not finish; give its command again, or other folders")
    by_split: dict[str, dict[str, PredictionTable]] = {split: {} for split in (COURSE, *FOLDS)}
    for name, folder in folders.items():
        points, split = folder.predictions.point_indices, folder.measured["split"]
        if points != tuple(range(len(scheme))) or split not in by_split:
            told = f"predicts {len(points)} of {len(scheme)} points, split {split}"
            print(f"Left out    {display_path(folder.path)}: {told}")
        else:
            by_split[split][name] = folder.predictions
    runs = [
        Run(folders[name], table, values_by_image(table, scheme))
        for tables in by_split.values()
        if tables
        for name, table in common_ground(tables).items()
    ]
    methods = [_method(name, members) for name, members in _named(runs).items()]
    return sorted(methods, key=lambda method: -mean_of([method.course])["mse_px2"].mean())


def values_by_image(table: PredictionTable, scheme: Scheme) -> ByImage:
    """The values on each image of a table, by the keys of :data:`METRICS`."""
    parts = {part: by_image(table.errors.of(points=np.array(scheme.select(part)))) for part in ("all", "inner", "jaw")}
    return {name: parts[part][metric.key] for name, (metric, _, part) in METRICS.items()}


def _named(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of each method, by its model and the settings in which it differs from others of that model."""
    named: dict[str, list[Run]] = {}
    for model in dict.fromkeys(run.folder.measured["model"] for run in runs):
        members = [run for run in runs if run.folder.measured["model"] == model]
        for run, settings in zip(members, differing_settings([run.folder for run in members]), strict=True):
            words = [f"{key}={value}" for key, value in settings.items() if not key.startswith(_REPEATED)]
            named.setdefault(" ".join([model, *words]), []).append(run)
    return named


def _method(name: str, runs: Sequence[Run]) -> Method:
    by_split = {split: [run for run in runs if run.folder.measured["split"] == split] for split in (COURSE, *FOLDS)}
    course, *folds = by_split.values()
    folds[-1] = folds[-1] or course
    if not course:
        raise DataError(
            f"{name} has no run on split {COURSE}, only {display_path(runs[0].folder.path)}; train it there, too"
        )
    first = course[0].folder
    size = (first.config.get("model") or {}).get("input_size") or ("?", "?")
    return Method(
        name=name,
        kind=first.measured.get("kind", "network"),
        trained_on=first.measured.get("trained_on") or f"{(first.parts or [{}])[-1].get('train_images', '?')} faces",
        given=first.measured.get("given") or "whole image {}x{}".format(*size),
        course=course,
        folds=folds if all(folds) else [],
    )


def mean_of(splits: Sequence[Sequence[Run]]) -> ByImage:
    """The values on each image, averaged over the runs that predict it, of one split after the other."""
    return {
        name: np.concatenate([np.mean([run.by_image[name] for run in runs], axis=0) for runs in splits])
        for name in METRICS
    }


def people_of(splits: Sequence[Sequence[Run]]) -> np.ndarray:
    """The person on each image of :func:`mean_of`, int [N]."""
    return np.concatenate([runs[0].table.people for runs in splits])


def origin_of(measured: Mapping[str, Any]) -> str:
    """What was measured on, in words: ``data``, ``labels``, and the numbers of ``images`` and ``people``."""
    return (
        f"{measured['data'].capitalize()}, {measured['labels']} labels, {measured['images']} held-out photographs of "
        f"{measured['people']} people"
    )
