"""The output of an evaluation: metrics.json, predictions.csv, figures, and tables for the terminal."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facekp.evaluation.catalogue import CATALOGUE, Metric
from facekp.evaluation.errors import errors_of
from facekp.evaluation.evaluate import Evaluation
from facekp.landmarks.frames import Letterbox
from facekp.models.module import KeypointModule
from facekp.reporting.evaluation_figures import draw
from facekp.reporting.figures import save_png
from facekp.reporting.verdict import verdict
from facekp.runs.folder import RunFolder
from facekp.utils.files import write_text
from facekp.utils.terminal import console, print_table

_DPI = 140
COLUMNS = (
    *("image", "person", "image_type", "eye_distance_px", "point", "group"),
    *("true_x_px", "true_y_px", "x_px", "y_px", "error_px", "curve_px", "confidence"),
)
"""The columns of predictions.csv; docs/metrics.md tells their meaning."""


def write_results(
    evaluation: Evaluation, module: KeypointModule, folder: Path, run: RunFolder | None
) -> dict[str, Any]:
    """Write metrics.json, predictions.csv and figures/*.png, each complete or not at all.

    Returns:
        The content of metrics.json.
    """
    measured = write_measured(evaluation, folder)
    for name, figure in draw(evaluation, measured, module, run):
        save_png(figure, folder / "figures" / f"{name}.png", _DPI)
    return measured


def write_measured(evaluation: Evaluation, folder: Path) -> dict[str, Any]:
    """Write metrics.json and predictions.csv, each complete or not at all, and return the content of metrics.json."""
    folder.mkdir(parents=True, exist_ok=True)
    measured = evaluation.as_json()
    write_text(folder / "metrics.json", json.dumps(measured, indent=1) + "\n")
    _write_predictions(evaluation, folder / "predictions.csv")
    return measured


def _write_predictions(evaluation: Evaluation, path: Path) -> None:
    predictions = evaluation.predictions
    errors, points = errors_of(predictions), predictions.point_indices
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for i, record in enumerate(evaluation.records):
        box = Letterbox(record.image_size, evaluation.input_size)
        true_px, predicted_px = (
            box.to_image(keypoints) * record.image_size
            for keypoints in (predictions.truth[i, list(points)], predictions.keypoints[i])
        )
        image = (record.name, record.person, record.image_type, _number(errors.eye_distance_px[i]))
        for k, point in enumerate(points):
            numbers = (*true_px[k], *predicted_px[k], errors.distance_px[i, k], errors.curve_px[i, k])
            confidence = "" if predictions.confidence is None else _number(predictions.confidence[i, k])
            group = predictions.scheme.group_of(point).name
            writer.writerow([*image, point, group, *map(_number, numbers), confidence])
    write_text(path, text.getvalue())


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def print_results(measured: dict[str, Any]) -> None:
    """Print the tables by image type and by point group, and what to think of them."""
    title = "{model}, {weights} weights (epoch {epoch}): {data}, {labels} labels, split {split}, {images} images"
    metrics = shown_metrics(measured)
    for key, heading in shown_tables(measured).items():
        rows = measured[key] | {"mean shape": measured["mean_shape"][key]["all"]}
        cells_of = [[name, *cells(row, metrics)] for name, row in rows.items()]
        print_table([heading, *titles(metrics)], cells_of, title.format(**measured))
    text, usable = verdict(measured)
    console().print(text, style="" if usable else "bold red", highlight=False)


def shown_tables(measured: dict[str, Any]) -> dict[str, str]:
    """The tables of metrics.json that have more than one row, at least one of them, and what their rows are."""
    tables = {"by_type": "image type", "by_group": "point group"}
    return {key: rows for key, rows in tables.items() if len(measured[key]) > 1} or {"by_type": "faces"}


def shown_metrics(measured: dict[str, Any]) -> list[Metric]:
    """The metrics that have a value of their own: some need the distance between the eyes, one needs lines."""
    row = measured["by_type"]["all"]
    without = {"curve_px"} if row["curve_px"] == row["error_px"] else set()
    return [metric for key, metric in CATALOGUE.items() if key not in without and not math.isnan(row[key])]


def titles(metrics: Sequence[Metric]) -> list[str]:
    """The columns of a full table: the number of images, and the metrics."""
    return ["images", *(metric.title() for metric in metrics)]


def cells(row: dict[str, float], metrics: Sequence[Metric]) -> list[str]:
    """A row of metrics.json as the cells of a full table, see :func:`titles`."""
    return [f"{row['images']}", *(metric.text(row[metric.key]) for metric in metrics)]
