"""Run folders, as methods: what answered how well, over seeds and folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facekp.evaluation.comparison import common_ground
from facekp.landmarks.scheme import Scheme
from facekp.runs.folder import Run, differing_settings, read_runs, run_dir_of
from facekp.runs.resume import read_parts
from facekp.utils.errors import DataError
from facekp.utils.terminal import display_path

COURSE = "course"
FOLDS = tuple(f"person fold {fold} of 5" for fold in range(5))
"""The last of them holds out whom the course split holds out, so runs on either stand for both."""
_REPEATED = ("seed", "data.split", "data.fold", "data.root", "run_dir", "resume", "callbacks", "logger", "trainer.acc")
"""What the settings begin with in which runs of one method may differ."""

Figures = dict[str, np.ndarray]
"""float64 [N] each: what every image has, by the figure's name."""


@dataclass(frozen=True)
class Method:
    """A network with its settings, or a peer, with all of its runs.

    Args:
        name: what tables and figures call it.
        kind: ``network`` if it is ours, else as :attr:`facekp.benchmarks.detectors.base.Baseline.kind` has it.
        trained_on, given: in words.
        course: its runs on the course split, one for each seed.
        folds: its runs on the person folds, fold by fold; empty unless it has some for every fold.
    """

    name: str
    kind: str
    trained_on: str
    given: str
    course: tuple[Run, ...]
    folds: tuple[Run, ...]


def read_methods(paths: Sequence[str], scheme: Scheme) -> list[Method]:
    """Read run folders, or folders of them, and tell by their settings which belong together.

    Runs are left out, and named, that answer only some of the points or were held out by another split.

    Args:
        paths: of the folders.
        scheme: the landmarks of the data.

    Returns:
        The methods, that with the largest error on the course split first.

    Raises:
        ConfigError: if a path is no such folder, or the runs were judged by different labels or on different data.
        DataError: if a run is damaged or did not finish, or a method has no run on the course split.
    """
    runs, unfinished = read_runs(paths)
    if unfinished:
        raise DataError(f"{display_path(unfinished[0])} did not finish; give its command again, or name other folders")
    fitting = []
    for run in runs:
        if run.points != tuple(range(len(scheme))) or run.measured["split"] not in (COURSE, *FOLDS):
            told = f"answers {len(run.points)} of {len(scheme)} points, split {run.measured['split']}"
            print(f"Left out    {display_path(run.folder)}: {told}")
        else:
            fitting.append(run)
    by_split = [[run for run in fitting if run.measured["split"] == split] for split in (COURSE, *FOLDS)]
    together = [run for held_out in by_split if held_out for run in common_ground(held_out)]
    methods = [_method(name, members) for name, members in _named(together).items()]
    return sorted(methods, key=lambda method: -mean_of(method.course, scheme)["mse_px2"].mean())


def _named(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of each method, by its model and by the settings that tell it from others of that model."""
    named: dict[str, list[Run]] = {}
    for model in dict.fromkeys(run.measured["model"] for run in runs):
        members = [run for run in runs if run.measured["model"] == model]
        for run, settings in zip(members, differing_settings(members), strict=True):
            words = [f"{key}={value}" for key, value in settings.items() if not key.startswith(_REPEATED)]
            named.setdefault(" ".join([model, *words]), []).append(run)
    return named


def _method(name: str, runs: Sequence[Run]) -> Method:
    course = tuple(run for run in runs if run.measured["split"] == COURSE)
    by_fold = [[run for run in runs if run.measured["split"] == fold] for fold in FOLDS]
    by_fold[-1] = by_fold[-1] or list(course)
    if not course:
        raise DataError(
            f"{name} has no run on split {COURSE}, only {display_path(runs[0].folder)}; train it there, too"
        )
    first = course[0]
    parts = read_parts(run_dir_of(first.folder))
    size = (first.config.get("model") or {}).get("input_size") or ("?", "?")
    return Method(
        name=name,
        kind=first.measured.get("kind", "network"),
        trained_on=first.measured.get("trained_on") or (f"{parts[-1]['train_images']} faces" if parts else "?"),
        given=first.measured.get("given") or "whole image {}x{}".format(*size),
        course=course,
        folds=tuple(run for fold in by_fold for run in fold) if all(by_fold) else (),
    )


def by_image(run: Run, scheme: Scheme) -> Figures:
    """What a run reached on each image: means over all points, the inner ones, and the jaw."""
    distance, curve = run.values[..., 4], run.values[..., 5]
    one, other = (run.true_px[:, list(eye)].mean(1) for eye in scheme.eyes or ())
    eyes = np.linalg.norm(one - other, axis=-1)
    inner, jaw = (list(scheme.select(part)) for part in ("inner", "jaw"))
    squared = distance**2 / 2  # of two coordinates
    return {
        "mse_px2": squared.mean(1),
        "error_px": distance.mean(1),
        "nme": distance.mean(1) / eyes,
        "inner_nme": distance[:, inner].mean(1) / eyes,
        "inner_mse_px2": squared[:, inner].mean(1),
        "jaw_mse_px2": squared[:, jaw].mean(1),
        "curve_px": curve.mean(1),
    }


def mean_of(runs: Sequence[Run], scheme: Scheme) -> Figures:
    """What runs reached on each image, on average over those that answered it, split by split in order."""
    splits = dict.fromkeys(run.measured["split"] for run in runs)
    means = [[by_image(run, scheme) for run in runs if run.measured["split"] == split] for split in splits]
    return {name: np.concatenate([np.mean([f[name] for f in same], axis=0) for same in means]) for name in means[0][0]}


def rounds_of(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs on several splits by their seed: one list for each seed that went through all of them."""
    seeds: dict[str, set[int | None]] = {}
    for run in runs:
        seeds.setdefault(run.measured["split"], set()).add(run.config.get("seed"))
    everywhere = set.intersection(*seeds.values()) if seeds else set()
    return [[run for run in runs if run.config.get("seed") == seed] for seed in everywhere]


def people_of(runs: Sequence[Run]) -> np.ndarray:
    """Whom the images of :func:`mean_of` show, int [N]."""
    firsts = {run.measured["split"]: run.people for run in reversed(runs)}
    return np.concatenate([firsts[split] for split in dict.fromkeys(run.measured["split"] for run in runs)])
