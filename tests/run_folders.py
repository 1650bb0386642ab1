"""Run folders written by hand, whole and small."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from facekp.evaluation.catalogue import CATALOGUE, COMPARED

PEOPLE, TYPES = (1, 2, 3, 4), (1, 2, 3)
IMAGES = [f"{person:02d}-{image_type}m" for person in PEOPLE for image_type in TYPES]
COLUMNS = (
    "image,person,image_type,eye_distance_px,point,group,true_x_px,true_y_px,x_px,y_px,error_px,curve_px,confidence"
)


def tables(error: float, images: int = 48) -> dict[str, Any]:
    row = dict.fromkeys(CATALOGUE, error) | {"images": images, "mse_px2": error**2, "nme": error / 100}
    by_type = dict.fromkeys(("type 1, neutral", "type 3, turned right", "frontal", "turned", "all"), row)
    return {"by_type": by_type, "by_group": {"jaw": row, "all": row}}


def measured(error: float = 10.0, **told: Any) -> dict[str, Any]:
    """The content of metrics.json, of a run whose every point is missed by so many pixels."""
    headline = dict.fromkeys(COMPARED, error) | {"mse_px2": error**2, "nme": error / 100}
    origin = {"model": "full", "data": "drawn", "labels": "mended", "split": "course", "weights": "last", "epoch": 2}
    more = {"images": 48, "metrics": headline, "mean_shape": tables(40.0), "raw_labels": tables(error + 1)}
    return origin | more | tables(error) | told


def part(**told: Any) -> dict[str, Any]:
    """An entry of run.json."""
    return {
        **{"command": "python train.py", "started": "2026-01-01", "finished": "2026-01-01", "training_seconds": 60.0},
        **{"epochs": 2, "steps": 24, "train_images": 192, "samples_per_image": 1, "limit_train_batches": 1.0},
        **{
            "batch_size": 16,
            "augment": "default",
            "lr": 0.001,
            "optimizer": "AdamW",
            "schedule": "one_cycle",
            "commit": None,
            "dirty": None,
        },
        **{"versions": {"torch": "2.6"}, "system": "Linux", "cpus": 2, "device": "cpu"},
    } | told


def write_stored(
    folder: Path,
    config: dict[str, Any] | None = None,
    overrides: tuple[str, ...] = (),
    parts: tuple[dict[str, Any], ...] = (),
) -> None:
    """What a run keeps of its settings and its training."""
    (folder / ".hydra").mkdir(parents=True, exist_ok=True)
    OmegaConf.save(OmegaConf.create(config or {}), folder / ".hydra" / "config.yaml")
    OmegaConf.save(OmegaConf.create(list(overrides)), folder / ".hydra" / "overrides.yaml")
    if parts:
        (folder / "run.json").write_text(json.dumps({"parts": parts}))


def make_run(
    folder: Path,
    shift: float | dict[str, float] = 5.0,
    *,
    images: list[str] = IMAGES,
    points: tuple[int, ...] = (0, 1),
    truth: dict[str, np.ndarray] | None = None,
    config: dict[str, Any] | None = None,
    **told: Any,
) -> Path:
    """A run folder in which every prediction lies so many pixels to the right of the truth, eyes 100 px apart."""
    write_stored(folder, config)
    rows = [COLUMNS]
    for image in images:
        right = shift[image] if isinstance(shift, dict) else shift
        for point in points:
            x, y = (100.0 + point, 200.0) if truth is None else truth[image][point]
            first, last = f"{image},{image[:2]},{image[3]},100", f"{x},{y},{x + right},{y},{right},{right / 2},"
            rows.append(f"{first},{point},jaw,{last}")
    (folder / "predictions.csv").write_text("\n".join(rows) + "\n")
    (folder / "metrics.json").write_text(json.dumps(measured(**told)))
    return folder
