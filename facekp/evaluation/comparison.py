"""Runs side by side, on the images and points that all of them answered, each against the first."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from facekp.config import DataConfig, EvaluateConfig
from facekp.data.read import read_records
from facekp.data.records import FRONTAL_TYPES, TURNED_TYPES, Record
from facekp.evaluation.bootstrap import paired_difference
from facekp.reporting.comparison_page import Faces, draw, print_comparison, write_page_of
from facekp.runs.folder import Run, differing_settings, read_runs
from facekp.utils.errors import ConfigError, DataError, FacekpError
from facekp.utils.files import write_csv, write_text
from facekp.utils.terminal import display_path

_SAME_PX = 0.1  # how far apart two files may write down the same true point


def compare(config: EvaluateConfig) -> dict[str, Any]:
    """Write compare.html, compare.csv, compare.json and figures/*.png for the runs that the settings name.

    Args:
        config: checked; ``compare`` names the runs.

    Returns:
        The content of compare.json.

    Raises:
        ConfigError: if the runs cannot be compared.
        DataError: if a file of a run is damaged, or ``data.root`` is given and does not hold the runs' faces.
    """
    given, skipped = read_runs(config.compare)
    runs = common_ground(given)
    faces = find_faces(runs[0], config.data.root)
    compared = measure(given, runs, faces) | {"skipped": [display_path(run) for run in skipped]}
    folder = Path(config.output_dir or Path("outputs", "compare", f"{datetime.now():%Y-%m-%d_%H-%M-%S}"))
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    write_text(folder / "compare.json", json.dumps(compared, indent=1) + "\n")
    _write_table(folder / "compare.csv", compared)
    write_page_of(folder, compared, draw(compared, runs, faces))
    print_comparison(compared)
    print(f"Page        {display_path(folder / 'compare.html')}")
    return compared


def _write_table(path: Path, compared: dict[str, Any]) -> None:
    """One row per run, with its settings, figures and differences."""
    rows = []
    for run in compared["runs"]:
        nested = ("settings", "difference", "error_px_by_type")
        row = {name: value for name, value in run.items() if name not in nested} | run["settings"]
        for name, difference in run.get("difference", {}).items():
            row |= {f"difference_{name}_{part}": value for part, value in difference.items()}
        rows.append(row)
    write_csv(path, rows)


def common_ground(runs: Sequence[Run]) -> list[Run]:
    """The runs, reduced to the images and points that all of them answered.

    Raises:
        ConfigError: if there are none, or the runs were judged by different labels or on different data.
    """
    first = runs[0]
    for run in runs:
        if run.measured["labels"] != first.measured["labels"]:
            raise ConfigError(
                f"compare: {first.name} was judged on {first.measured['labels']} labels and {run.name} on "
                f"{run.measured['labels']} ones; evaluate both with the same data.labels, and compare those folders"
            )
    images = [name for name in first.images if all(name in run.images for run in runs)]
    points = [point for point in first.points if all(point in run.points for run in runs)]
    for common, kind in ((images, "image"), (points, "point")):
        if not common:
            raise ConfigError(
                f"compare: there is no {kind} that all {len(runs)} runs answered; name runs that share some"
            )
    reduced = [run.of(images, points) for run in runs]
    for run in reduced:
        apart = np.abs(run.true_px - reduced[0].true_px).max((1, 2))
        if apart.max() > _SAME_PX:
            raise ConfigError(
                f"compare: the true points of {images[int(apart.argmax())]} differ between {first.name} and "
                f"{run.name}; name runs that were judged on the same data and labels"
            )
    return reduced


def find_faces(run: Run, root: str | None) -> Faces | None:
    """The photographs of a run's images, and the scheme of their landmarks; None where they are not found.

    They are looked for where the run's settings say, and where ``train.py`` keeps what it downloads or draws.

    Args:
        run: whose images are wanted.
        root: the folder to look in instead, or None.

    Raises:
        DataError: if ``root`` is given and does not hold these images with these points.
    """
    try:
        settings: Any = OmegaConf.to_container(OmegaConf.create(run.config).data, resolve=True)
        known = {item.name for item in fields(DataConfig)}
        data = DataConfig(**{name: value for name, value in settings.items() if name in known})
    except (OmegaConfBaseException, AttributeError, TypeError):
        return None
    kept = Path(data.folder)
    for place in [root] if root else [data.root, kept / "danes", kept / f"standin-{data.people}"]:
        if place is None:
            continue
        try:
            records, scheme = read_records(replace(data, root=str(place), labels=run.measured["labels"]))
        except FacekpError:
            if root:
                raise
            continue
        found = {record.name: record for record in records}
        if all(name in found and _agrees(found[name], run, i) for i, name in enumerate(run.images)):
            return {name: found[name] for name in run.images}, scheme
    if root:
        raise DataError(f"data.root={root} does not hold the faces of {run.name}; correct it, or leave it out")
    return None


def _agrees(record: Record, run: Run, row: int) -> bool:
    if max(run.points) >= len(record.keypoints):
        return False
    true_px = record.keypoints[list(run.points)] * record.image_size
    return bool(np.abs(true_px - run.true_px[row]).max() <= _SAME_PX)


def measure(given: Sequence[Run], runs: Sequence[Run], faces: Faces | None) -> dict[str, Any]:
    """All figures of a comparison, ready for JSON; null is what is not known.

    Args:
        given: the runs as they are.
        runs: the same, on common ground; the first is the reference.
        faces: their photographs, without which there is no NME of single images.
    """
    first = runs[0]
    kinds = image_kinds(first.types)
    eyes = _eye_distances_px(first.images, faces)
    errors = [run.by_image | ({} if eyes is None else {"nme": run.by_image["error_px"] / eyes}) for run in runs]
    rows = []
    for run, whole, settings, mine in zip(runs, given, differing_settings(given), errors, strict=True):
        nme = run.measured["metrics"]["nme"] if whole.values.shape == run.values.shape else math.nan
        row: dict[str, Any] = {
            "run": run.name,
            "folder": display_path(run.folder),
            "settings": settings,
            "images": len(whole.images),
            "points": len(whole.points),
            "error_px": mine["error_px"].mean(),
            **{
                f"error_px_{kind}": mine["error_px"][kinds[kind]].mean()
                for kind in ("frontal", "turned")
                if kind in kinds
            },
            "mse_px2": mine["mse_px2"].mean(),
            "nme": mine["nme"].mean() if "nme" in mine else nme,
            "curve_px": mine["curve_px"].mean(),
        }
        row = {name: _known(value) if isinstance(value, float) else value for name, value in row.items()}
        if run is not first:
            row["difference"] = {
                name: difference_of(mine[name], errors[0][name], first.people)
                for name in ("error_px", "mse_px2", "nme")
                if name in mine
            }
            row["error_px_by_type"] = {
                kind: difference_of(mine["error_px"][mask], errors[0]["error_px"][mask], first.people[mask])
                for kind, mask in kinds.items()
            }
        rows.append(row)
    return {
        "data": first.measured["data"],
        "labels": first.measured["labels"],
        "splits": sorted({run.measured["split"] for run in runs}),
        "weights": sorted({run.measured["weights"] for run in runs}),
        "images": len(first.images),
        "images_by_type": {kind: int(mask.sum()) for kind, mask in kinds.items()},
        "people": len(set(first.people.tolist())),
        "points": len(first.points),
        "photographs": faces is not None,
        "runs": rows,
    }


def image_kinds(types: np.ndarray) -> dict[str, np.ndarray]:
    """Rows of a table by image type: bool [N] for all images, the frontal, the turned, and each type that occurs."""
    kinds = {
        "all": np.ones(len(types), bool),
        "frontal": np.isin(types, FRONTAL_TYPES),
        "turned": np.isin(types, TURNED_TYPES),
        **{f"type {number}": types == number for number in sorted(set(types.tolist())) if number},
    }
    return {name: mask for name, mask in kinds.items() if mask.any()}


def _eye_distances_px(images: Sequence[str], faces: Faces | None) -> np.ndarray | None:
    """float64 [N], as :func:`facekp.evaluation.metrics.eye_distance_px` has it; None where it is not known."""
    if faces is None or faces[1].eyes is None:
        return None
    records, scheme = faces
    shapes = np.stack([records[name].keypoints.astype(float) * records[name].image_size for name in images])
    one, other = (shapes[:, list(eye)].mean(1) for eye in scheme.eyes or ())
    return np.linalg.norm(one - other, axis=-1)


def difference_of(mine: np.ndarray, reference: np.ndarray, people: np.ndarray) -> dict[str, Any]:
    """The mean of ``mine - reference``, errors of the same images, with its interval over people and a verdict."""
    mean, low, high = paired_difference(mine, reference, people)
    verdict = "better" if high < 0 else "worse" if low > 0 else "no difference shown"
    return {"mean": _known(mean), "low": _known(low), "high": _known(high), "verdict": verdict}


def _known(number: float) -> float | None:
    return None if math.isnan(number) else float(number)
