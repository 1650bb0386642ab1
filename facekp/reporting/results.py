"""What an evaluation leaves behind: metrics.json, predictions.csv, figures, and tables for the terminal."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, TensorBoardLogger
from omegaconf import OmegaConf
from rich.table import Table

from facekp.config import Config
from facekp.evaluation.evaluate import Evaluation, Judged
from facekp.evaluation.metrics import errors_of
from facekp.landmarks.frames import Letterbox
from facekp.reporting.evaluation_figures import draw
from facekp.runs.sweep import FIGURES
from facekp.utils.files import write_text
from facekp.utils.terminal import print_table

_DPI = 140
_COLUMNS = (
    *("image", "person", "image_type", "point", "group"),
    *("true_x_px", "true_y_px", "x_px", "y_px", "error_px", "curve_px", "confidence"),
)
HEADINGS = {
    "images": ("images", "{:.0f}"),
    "error_px": ("mean px", "{:.2f}"),
    "mse_px2": ("MSE px²", "{:.1f}"),
    "nme": ("NME", "{:.2%}"),
    "median_px": ("median", "{:.2f}"),
    "p90_px": ("p90", "{:.2f}"),
    "worst_px": ("worst", "{:.1f}"),
    "curve_px": ("to curve", "{:.2f}"),
    "pck_05": ("PCK@5%", "{:.1%}"),
    "pck_10": ("PCK@10%", "{:.1%}"),
    "auc_10": ("AUC@10%", "{:.3f}"),
}
"""The columns of every table: heading and style by the figure's name."""


def write_results(evaluation: Evaluation, folder: Path, run_dir: Path | None) -> dict[str, Any]:
    """Write metrics.json, predictions.csv and figures/*.png, each complete or not at all.

    Args:
        evaluation: what to write.
        folder: where to.
        run_dir: the run folder whose loss curves are drawn, or None.

    Returns:
        The content of metrics.json.
    """
    measured = write_measured(evaluation, folder)
    (folder / "figures").mkdir(exist_ok=True)
    for name, figure in draw(evaluation, measured, run_dir):
        figure.savefig(folder / "figures" / f"{name}.png", dpi=_DPI)
    return measured


def write_measured(judged: Judged, folder: Path) -> dict[str, Any]:
    """Write metrics.json and predictions.csv, each complete or not at all, and return the content of metrics.json."""
    folder.mkdir(parents=True, exist_ok=True)
    measured = judged.as_json()
    write_text(folder / "metrics.json", json.dumps(measured, indent=1) + "\n")
    _write_predictions(judged, folder / "predictions.csv")
    return measured


def _write_predictions(evaluation: Judged, path: Path) -> None:
    answers, errors = evaluation.answers, errors_of(evaluation.answers)
    truth = answers.truth[:, list(answers.points)].numpy()
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for i, record in enumerate(evaluation.faces.records):
        box = Letterbox(record.image_size, evaluation.faces.input_size)
        true_px = box.to_image(truth[i]) * record.image_size
        answer_px = box.to_image(answers.predictions[i].numpy()) * record.image_size
        for k, point in enumerate(answers.points):
            numbers = (*true_px[k], *answer_px[k], errors.distance_px[i, k], errors.curve_px[i, k])
            group = answers.scheme.group_of(point).name
            sure = "" if evaluation.confidence is None else f"{float(evaluation.confidence[i, k]):.3f}"
            measured = (f"{float(n):.3f}" for n in numbers)
            writer.writerow([record.name, record.person, record.image_type, point, group, *measured, sure])
    write_text(path, text.getvalue())


def log_hyperparameters(loggers: Iterable[Logger], config: Config, metrics: dict[str, float]) -> None:
    """Show a run's settings with its final figures in TensorBoard's HParams, where a sweep's runs can be compared."""
    overrides = Path(config.run_dir) / ".hydra" / "overrides.yaml"
    data, optimizer = config.data, config.model.optimizer
    settings = {  # TensorBoard sorts them by name, and shows the first five until told otherwise
        "augment": config.augment.name,
        "batch_size": data.batch_size,
        "lr": optimizer.lr,
        "model": config.model.name,
        "seed": str(config.seed),  # as a number it would be shown as 0.0000
        "split": f"{data.split} of {data.name}, {data.labels} labels",
        "trainer.max_epochs": config.trainer.max_epochs,
        "typed": " ".join(OmegaConf.load(overrides)) if overrides.is_file() else "",
        "weight_decay": optimizer.weight_decay,
    }
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.log_hyperparams(settings, {f"final/{name}": metrics[name] for name in FIGURES})
            logger.finalize("success")


def print_results(measured: dict[str, Any]) -> None:
    """Print the tables by image type and by point group."""
    title = "{model}, {weights} weights (epoch {epoch}): {data}, {labels} labels, split {split}, {images} images"
    for key, heading in (("by_type", "image type"), ("by_group", "point group")):
        print_table(_table(measured, key, heading), title.format(**measured))


def _table(measured: dict[str, Any], key: str, heading: str) -> Table:
    table = Table(heading)
    for name, _ in HEADINGS.values():
        table.add_column(name, justify="right")
    rows = measured[key] | {"all, mean shape": measured["mean_shape"][key]["all"]}
    for name, row in rows.items():
        table.add_row(name, *(shown_figure(row[column], style) for column, (_, style) in HEADINGS.items()))
    return table


def shown_figure(value: float, style: str) -> str:
    """A figure of a table in the style of its column, or a dash where there is none."""
    return "-" if math.isnan(value) else style.format(value)
