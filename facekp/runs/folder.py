"""Reading of run folders; without torch.

Run folders are shared and so not trusted: their files must be plain data of a known shape, nothing in them is executed,
and interpolations in stored settings are not resolved.
"""

from __future__ import annotations

import csv
import io
import logging
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from facekp.evaluation.comparison import PredictionTable
from facekp.evaluation.errors import Errors
from facekp.utils.errors import DataError
from facekp.utils.files import read_bytes
from facekp.utils.plain import read_json
from facekp.utils.shape import CONTROL, Shape, reports_damage, shaped
from facekp.utils.terminal import display_path
from facekp.utils.yaml_files import read_yaml

Scalars = dict[str, tuple[list[int], list[float]]]
"""Logged values by tag: iterations and values."""

_PLAIN_BYTES = {".json": 1_000_000, ".yaml": 64_000}  # some ten times what runs write
_CSV_BYTES = 64_000_000
_COLUMNS = {
    **{"person": (0, 2**31), "image_type": (0, 99), "point": (0, 100_000)},  # these are integers
    **dict.fromkeys(("true_x_px", "true_y_px", "x_px", "y_px"), (-1e9, 1e9)),
    **dict.fromkeys(("error_px", "curve_px"), (0, 1e9)),
    "eye_distance_px": (1e-9, 1e9),
}
"""The numbers in predictions.csv, with the least and the greatest that is possible."""
_LONGEST_NAME = 255

_ROW = {"images": int, "error_px": float, "mse_px2": float, ...: float}
_TABLE: Shape = {"all": _ROW, ...: _ROW}
_TABLES = {"by_type": _TABLE, "by_group": _TABLE}
_MEASURED: Shape = {
    **dict.fromkeys(("model", "weights", "data", "labels", "split"), str),
    **dict.fromkeys(("epoch", "images"), int),
    "metrics": {"error_px": float, ...: float},
    **_TABLES,
    "mean_shape": _TABLES,
    "raw_labels?": _TABLES,
    **{"seed?": int, "kind?": str, "trained_on?": str, "given?": str, "missed?": int},
}
_PART: Shape = {
    **dict.fromkeys(("started", "augment", "system", "device"), str),
    **dict.fromkeys(("command", "finished", "commit", "optimizer", "schedule"), (str, None)),
    **dict.fromkeys(("train_images", "samples_per_image", "batch_size"), int),
    **dict.fromkeys(("epochs", "steps", "cpus"), (int, None)),
    **{"limit_train_batches": float, "lr": (float, None), "training_seconds": (float, None)},
    **{"dirty": (bool, None), "versions": {...: str}},
}

_SPLIT: Shape = {"split": str, "train": [str], "val": [str], "skipped?": [str]}


class RunFolder:
    """The folder of a run, or of an evaluation in the run's ``evaluate``.

    An evaluation has its own metrics and predictions; everything else is that of its run. Properties read their files
    on access, and raise DataError, naming the file, if it is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        within = self.path.parent.parent
        is_evaluation = self.path.parent.name == "evaluate" and (within / ".hydra").is_dir()
        self.run_dir = within if is_evaluation else self.path
        self.error = self.path / "error.txt"  # why a job of a sweep failed
        self.last_checkpoint = self.run_dir / "checkpoints" / "last.ckpt"  # what a run is resumed from
        self.overrides_yaml = self.run_dir / ".hydra" / "overrides.yaml"
        self.metrics_json = self.path / "metrics.json"
        self.predictions_csv = self.path / "predictions.csv"

    @property
    def begun(self) -> bool:
        """Whether a run was started in this folder."""
        return self.overrides_yaml.is_file()

    @property
    def overrides(self) -> list[str]:
        """The overrides of the command that started the run; empty if not stored."""
        return read_plain(self.overrides_yaml, [str], "restore it, or start anew") if self.begun else []

    @property
    def settings(self) -> dict[str, str]:
        """The overrides by setting."""
        return {name: value for name, _, value in (line.partition("=") for line in self.overrides)}

    @cached_property
    def config(self) -> dict[str, Any]:
        """The composed settings, with unresolved interpolations; empty if not stored."""
        path = self.run_dir / ".hydra" / "config.yaml"
        return read_plain(path, {...: object}, "restore it, or move .hydra away") if path.exists() else {}

    @cached_property
    def parts(self) -> list[dict[str, Any]]:
        """The entries of run.json, one for each time that the run was started or resumed, in order."""
        path = self.run_dir / "run.json"
        return read_plain(path, {"parts": [_PART]}, "restore it, or move it away")["parts"] if path.exists() else []

    @property
    def train_names(self) -> set[str] | None:
        """The names of the images that it was trained on; None if not stored."""
        path = self.run_dir / "split.json"
        return set(read_plain(path, _SPLIT, "restore it, or move it away")["train"]) if path.exists() else None

    @cached_property
    def measured(self) -> dict[str, Any]:
        """The content of metrics.json."""
        return read_plain(self.metrics_json, _MEASURED, "evaluate that run again")

    @property
    def finished(self) -> bool:
        """Whether the training finished and has its report."""
        parts, report = self.parts, self.path / "report.html"
        if not (parts and parts[-1]["finished"] and self.metrics_json.is_file() and report.is_file()):
            return False
        in_order = report.stat().st_mtime >= self.metrics_json.stat().st_mtime
        return in_order and self.measured["epoch"] == parts[-1]["epochs"]

    @cached_property
    def predictions(self) -> PredictionTable:
        """The content of predictions.csv."""
        labels = self.measured["labels"]
        with reports_damage(self.predictions_csv, "evaluate that run again"):
            return _parsed(read_bytes(self.predictions_csv, _CSV_BYTES).decode(), labels)

    @cached_property
    def scalars(self) -> Scalars:
        """The values that the run logged for TensorBoard; may be empty.

        If a resumed run logged an iteration again, the later value counts; values that an interrupted run logged after
        the checkpoint from which it was resumed do not.
        """
        found: dict[str, dict[int, float]] = {}  # empty where all values were discarded
        files = sorted(self.run_dir.rglob("*tfevents*"))
        for folder in dict.fromkeys(path.parent for path in files):
            with reports_damage(folder, "move it away"):
                if not all(path.is_file() for path in files if path.parent == folder):
                    raise ValueError("something in it has the name of an event file and is none")
                for tag, values in _logged(folder).items():
                    found.setdefault(tag, {}).update(values)
        return {tag: (sorted(log), [log[step] for step in sorted(log)]) for tag, log in found.items() if log}


def check_links(folder: Path, root: Path) -> None:
    """Stop before something is written through a link in somebody's folder.

    Raises:
        DataError: naming the folder, or what is in it, if it leads out of ``root``.
    """
    for path in (folder, *folder.rglob("*")):
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
            raise DataError(f"{display_path(path)} leads out of {display_path(root)}; move what it leads to there")


def read_plain(path: Path, shape: Shape, remedy: str) -> Any:
    """The content of a JSON or YAML file, which must match a shape.

    Raises:
        DataError: if it cannot be read or does not match; the message ends with ``remedy``.
    """
    with reports_damage(path, remedy):
        if path.stat().st_size > (most := _PLAIN_BYTES[path.suffix]):
            raise ValueError(f"it has more than {most // 1000} kB")
        read = read_json if path.suffix == ".json" else read_yaml
        return shaped(read(path, inert=True), shape)


def _logged(folder: Path) -> dict[str, dict[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # it warns about everything that it skips
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    try:
        accumulator.Reload()
    except Exception as error:  # protobuf has many kinds
        raise ValueError("its events are damaged") from error
    return {tag: {e.step: e.value for e in accumulator.Scalars(tag)} for tag in accumulator.Tags()["scalars"]}


def _parsed(text: str, labels: str) -> PredictionTable:
    """The table in predictions.csv; raises ValueError if it is damaged."""
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), restval="missing"))
        images = [row["image"] for row in rows]
        values = np.array([[float(row[name] or "nan") for name in _COLUMNS] for row in rows])
    except KeyError as error:
        raise ValueError(f"it has no column {error}") from error
    except (csv.Error, ValueError) as error:
        raise ValueError("a line is cut short, or has a text where there should be a number") from error
    names = tuple(dict.fromkeys(images))
    if not rows or any(not 0 < len(name) <= _LONGEST_NAME or CONTROL.search(name) for name in names):
        raise ValueError("it does not name images")
    if None in set().union(*rows):  # where the module puts what is too much
        raise ValueError("a line has too many cells")
    values[:, 1] = np.nan_to_num(values[:, 1])  # the type of an image may be missing, as the distance between its eyes
    least, greatest = np.array(list(_COLUMNS.values())).T
    if np.isnan(values[:, :-1]).any() or ((values < least) | (values > greatest)).any() or (values[:, :3] % 1).any():
        raise ValueError("it has a number that is not possible")
    each = len(images) // len(names)
    points = values[:each, 2].astype(int).tolist()
    if (
        len(set(points)) < each
        or images != [name for name in names for _ in range(each)]
        or (values[:, 2] != points * len(names)).any()
    ):
        raise ValueError("it is cut short, or does not have the same points of every image, image after image")
    values = values.reshape(len(names), each, -1)
    errors = Errors(values[..., 7], values[..., 8], values[:, 0, 9])
    people, types = values[:, 0, :2].astype(int).T
    return PredictionTable(names, people, types, tuple(points), values[..., 3:5], values[..., 5:7], errors, labels)
