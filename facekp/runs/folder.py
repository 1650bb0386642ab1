"""Run folders, read back from what they hold: answers, tables and settings; without torch."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from os.path import commonpath
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from facekp.utils.errors import ConfigError, DataError
from facekp.utils.terminal import display_path

PREDICTIONS = "predictions.csv"
_NUMBERS = ("true_x_px", "true_y_px", "x_px", "y_px", "error_px", "curve_px")
_SHOWN_OF_EVALUATION = ("weights", "epoch")
_NEEDED = ("data", "labels", "split", "metrics", *_SHOWN_OF_EVALUATION)
_VALUE = "value to resolve"


@dataclass(frozen=True)
class Run:
    """What one run, or one evaluation of it, answered.

    Args:
        name: what figures and tables call it.
        folder: where metrics.json and predictions.csv lie.
        measured: the content of metrics.json.
        config: the settings of its training, as composed, with interpolations as they were written; empty if unknown.
        images: names of the N images.
        people, types: int [N], whom each image shows and its type; type 0 where it has none.
        points: indices of the K points.
        values: float64 [N, K, 6]: true x and y, answered x and y, distance, distance to the curve; pixels of the
            photograph.
    """

    name: str
    folder: Path
    measured: dict[str, Any]
    config: dict[str, Any]
    images: tuple[str, ...]
    people: np.ndarray
    types: np.ndarray
    points: tuple[int, ...]
    values: np.ndarray

    @property
    def true_px(self) -> np.ndarray:
        """float64 [N, K, 2]."""
        return self.values[..., 0:2]

    @property
    def predicted_px(self) -> np.ndarray:
        """float64 [N, K, 2]."""
        return self.values[..., 2:4]

    @property
    def by_image(self) -> dict[str, np.ndarray]:
        """``error_px``, ``mse_px2`` and ``curve_px`` of each image: float64 [N], means over its points."""
        distance, curve = self.values[..., 4], self.values[..., 5]
        return {
            "error_px": distance.mean(1),
            "mse_px2": (distance**2 / 2).mean(1),  # of two coordinates
            "curve_px": curve.mean(1),
        }

    def of(self, images: Sequence[str], points: Sequence[int]) -> Run:
        """The answers to some images and points, in that order."""
        rows = [self.images.index(name) for name in images]
        columns = [self.points.index(point) for point in points]
        return replace(
            self,
            images=tuple(images),
            people=self.people[rows],
            types=self.types[rows],
            points=tuple(points),
            values=self.values[np.ix_(rows, columns)],
        )


def read_runs(paths: Sequence[str]) -> tuple[list[Run], list[Path]]:
    """Read run folders, and the runs in folders that hold run folders, such as a sweep's.

    Args:
        paths: of the folders.

    Returns:
        The runs in the order given, those of one folder by name; and the runs in such folders that left no
        predictions.

    Raises:
        ConfigError: if a path is no such folder, a run is named twice, or there are fewer than two.
        DataError: if a file of a run is damaged.
    """
    found: list[Path] = []
    skipped: list[Path] = []
    for path in paths:
        folder = Path(path).expanduser().resolve()
        inside = _runs_in(folder)
        if (folder / PREDICTIONS).is_file():
            found.append(folder)
        elif any((run / PREDICTIONS).is_file() for run in inside):
            found += [run for run in inside if (run / PREDICTIONS).is_file()]
            skipped += [run for run in inside if not (run / PREDICTIONS).is_file()]
        else:
            raise ConfigError(f"compare: {path} {_fault(folder)}; name a run that finished, or a folder of such runs")
    twice = next((folder for folder in found if found.count(folder) > 1), None)
    if twice:
        raise ConfigError(f"compare: {display_path(twice)} is named twice; name each run once")
    if len(found) < 2:
        raise ConfigError(f"compare: {display_path(found[0])} is the only run; name at least two")
    root = Path(commonpath([folder.parent for folder in found]))
    return [_read(folder, folder.relative_to(root).as_posix()) for folder in found], skipped


def _runs_in(folder: Path) -> list[Path]:
    """The run folders straight inside a folder, finished or not; 2 comes before 10."""
    if not folder.is_dir():
        return []
    inside = [run for run in folder.iterdir() if (run / PREDICTIONS).is_file() or (run / ".hydra").is_dir()]
    return sorted(inside, key=lambda run: [(int(digits or 0), text) for digits, text in _pieces(run.name)])


def _pieces(name: str) -> list[tuple[str, str]]:
    return re.findall(r"(\d*)(\D*)", name)


def _fault(folder: Path) -> str:
    if not folder.is_dir():
        return "is no folder"
    is_run = (folder / ".hydra").is_dir() or (folder / "checkpoints").is_dir()
    return f"holds no {PREDICTIONS}" + (", so this run did not finish" if is_run else " and no runs that hold one")


def _read(folder: Path, name: str) -> Run:
    try:
        measured = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        _ = [measured[key] for key in _NEEDED], measured["metrics"]["nme"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{display_path(folder)}/metrics.json cannot be read ({error}); evaluate that run again"
        ) from error
    try:
        with (folder / PREDICTIONS).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return _run(folder, name, measured, rows)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{display_path(folder)}/{PREDICTIONS} is damaged or cut short ({error}); evaluate that run again"
        ) from error


def _run(folder: Path, name: str, measured: dict[str, Any], rows: list[dict[str, str]]) -> Run:
    first = {row["image"]: row for row in reversed(rows)}
    images = tuple(dict.fromkeys(row["image"] for row in rows))
    points = tuple(dict.fromkeys(int(row["point"]) for row in rows))
    if not rows or len(rows) != len(images) * len(points):
        raise ValueError(f"{len(rows)} rows for {len(images)} images with {len(points)} points")
    at = {(row["image"], int(row["point"])): [float(row[column]) for column in _NUMBERS] for row in rows}
    return Run(
        name=name,
        folder=folder,
        measured=measured,
        config=_config(folder),
        images=images,
        people=np.array([int(first[image]["person"]) for image in images]),
        types=np.array([int(first[image]["image_type"] or 0) for image in images]),
        points=points,
        values=np.array([[at[image, point] for point in points] for image in images]),
    )


def run_dir_of(folder: Path) -> Path:
    """The run folder that an evaluation belongs to: its own folder, or the one that ``evaluate/<name>`` lies in."""
    within = folder.parent.parent
    return within if folder.parent.name == "evaluate" and (within / ".hydra").is_dir() else folder


def _config(folder: Path) -> dict[str, Any]:
    path = run_dir_of(folder) / ".hydra" / "config.yaml"
    if not path.is_file():
        return {}
    try:
        return dict(OmegaConf.to_container(OmegaConf.load(path), resolve=False))  # type: ignore[arg-type]
    except (OSError, ValueError, YAMLError, OmegaConfBaseException) as error:
        raise DataError(f"{display_path(path)} cannot be read ({error}); restore it, or move .hydra away") from error


def differing_settings(runs: Sequence[Run]) -> list[dict[str, str]]:
    """For each run, in words, the settings in which the runs differ, with weights and epoch where those do.

    A part that only some runs have, such as one kind of augmentation, is named by its class or by what it holds.
    """
    settings = [{key: run.measured[key] for key in _SHOWN_OF_EVALUATION} | run.config for run in runs]
    columns = {
        name: [_in_words(value, config) for value, config in zip(values, settings, strict=True)]
        for name, values in _differences(settings, "").items()
    }
    return [{name: words[i] for name, words in columns.items() if len(set(words)) > 1} for i in range(len(runs))]


def _differences(nodes: Sequence[Any], path: str) -> dict[str, list[Any]]:
    if all(node == nodes[0] for node in nodes):
        return {}
    if not all(isinstance(node, dict) for node in nodes):
        return {path: list(nodes)}
    if len({node.get("_target_") for node in nodes}) > 1:
        classes = {path: [{"_target_": node.get("_target_")} for node in nodes]}
        return classes | _differences([node | {"_target_": None} for node in nodes], path)
    keys = dict.fromkeys(key for node in nodes for key in node)
    return {
        name: values
        for key in keys
        for name, values in _differences([node.get(key) for node in nodes], f"{path}.{key}".lstrip(".")).items()
    }


def _in_words(value: Any, config: dict[str, Any]) -> str:
    if isinstance(value, dict):
        name = value.get("_target_")
        return str(name).rpartition(".")[2] if name else ", ".join(map(str, value)) or "–"
    if isinstance(value, str) and "${" in value:
        with suppress(OmegaConfBaseException):  # what only a running job knows stays as it was written
            value = OmegaConf.create({**config, _VALUE: value})[_VALUE]
    return "–" if value is None else str(value)
