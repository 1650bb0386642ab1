"""Finding run folders and checkpoints by the paths of a command line; without torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from os.path import commonpath
from pathlib import Path
from typing import Any

from facekp.runs.folder import RunFolder, read_plain
from facekp.utils.errors import CheckpointError, ConfigError
from facekp.utils.files import is_folder, user_path
from facekp.utils.terminal import display_path, one_line

_SWEEP = {"hydra": {"overrides": {"task": [str]}, "runtime": {"choices": {"sweep?": (str, None)}}}}


def runs_in(folder: Path) -> list[RunFolder]:
    """The runs directly inside a folder, such as a sweep's, finished or not, in natural order: 2 before 10."""
    inside = [RunFolder(path) for path in folder.iterdir()] if is_folder(folder) else []
    there = [run for run in inside if run.begun or run.predictions_csv.is_file()]
    pieces = {run: re.findall(r"([0-9]*)([^0-9]*)", run.path.name) for run in there}
    return sorted(there, key=lambda run: [(int(digits or 0), text) for digits, text in pieces[run]])


def read_sweep(folder: Path) -> dict[str, Any]:
    """``overrides`` and ``runtime`` that Hydra stored in a sweep's folder; empty if the folder is not a sweep's.

    Raises:
        DataError: if the file is damaged.
    """
    path = folder / "multirun.yaml"
    if not path.is_file():
        return {"overrides": {"task": None}, "runtime": {"choices": {}}}
    return read_plain(path, _SWEEP, "restore it, or move it away")["hydra"]


def find_runs(paths: Sequence[str]) -> tuple[dict[str, RunFolder], list[RunFolder]]:
    """Find the runs with predictions in run folders and in folders of run folders.

    Returns:
        The runs in the given order, those of one folder by name, under distinct names; and the runs of such folders
        without predictions.

    Raises:
        ConfigError: if a path is no such folder, a run is given twice, or there are fewer than two.
    """
    found: list[Path] = []
    left_out: list[RunFolder] = []
    for path in paths:
        folder = user_path(path).resolve()
        itself = is_folder(folder) and RunFolder(folder).predictions_csv.is_file()
        inside = [RunFolder(folder)] if itself else runs_in(folder)
        done = [run.path for run in inside if run.predictions_csv.is_file()]
        if not done:
            raise ConfigError(f"compare: {path} {_fault(folder)}; name a run that finished, or a folder of such runs")
        found += done
        left_out += [run for run in inside if run.path not in done]
    twice = next((folder for folder in found if found.count(folder) > 1), None)
    if twice:
        raise ConfigError(f"compare: {display_path(twice)} is named twice; name each run once")
    if len(found) < 2:
        raise ConfigError(f"compare: {display_path(found[0])} is the only run; name at least two")
    root = Path(commonpath([folder.parent for folder in found]))
    return {one_line(folder.relative_to(root).as_posix()): RunFolder(folder) for folder in found}, left_out


def _fault(folder: Path) -> str:
    if not is_folder(folder):
        return "is not a folder"
    is_run = RunFolder(folder).begun or (folder / "checkpoints").is_dir()
    return "holds no predictions.csv" + (", so this run did not finish" if is_run else " and no runs that hold one")


def newest_run(outputs: Path) -> RunFolder:
    """The run in ``outputs`` with the newest last checkpoint.

    Raises:
        ConfigError: if there is none.
    """
    runs = [RunFolder(path.parent.parent) for path in outputs.rglob("checkpoints/last.ckpt")]
    begun = [run for run in runs if run.begun]
    if not begun:
        raise ConfigError(f"resume=last: no run below {outputs} has a checkpoint; give a run folder")
    return max(begun, key=lambda run: run.last_checkpoint.stat().st_mtime)


def find_checkpoint(path: str | Path, weights: str = "last") -> Path:
    """The checkpoint file of a path: the file itself, or the ``last`` or ``best`` of a run folder.

    Raises:
        CheckpointError: if there is none.
    """
    given = user_path(path)
    if given.is_file():
        return given
    if not given.exists():
        raise CheckpointError(f"{given} does not exist; give a checkpoint file or a run folder as ckpt_path")
    inside = given / "checkpoints" / f"{weights}.ckpt"
    if not inside.is_file():
        raise CheckpointError(f"{given} has no checkpoints/{weights}.ckpt; give a run folder that finished an epoch")
    return inside


def run_of(checkpoint: Path) -> RunFolder | None:
    """The run in whose folder a checkpoint file lies, or None for a file on its own.

    Raises:
        DataError: if a file that a report needs is damaged.
    """
    run = _folder_of(checkpoint)
    if run is not None:
        _ = run.parts, run.scalars, run.overrides  # the first two are kept
    return run


def measured_of(checkpoint: Path) -> dict[str, Any] | None:
    """What the run in whose folder a checkpoint lies has measured of it, in short, or None if it has not.

    Returns:
        ``data``, ``labels``, ``split`` and number of ``images``, and the ``metrics`` of metrics.json.

    Raises:
        DataError: if metrics.json is damaged.
    """
    run = _folder_of(checkpoint)
    if run is None or not run.metrics_json.is_file() or run.measured["weights"] != checkpoint.stem:
        return None
    return {name: run.measured[name] for name in ("data", "labels", "split", "images", "metrics")}


def _folder_of(checkpoint: Path) -> RunFolder | None:
    return RunFolder(checkpoint.parent.parent) if checkpoint.parent.name == "checkpoints" else None
