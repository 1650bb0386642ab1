"""What an evaluation leaves behind: metrics.json, predictions.csv, figures, and tables for the terminal."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from matplotlib.figure import Figure
from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from facekp import figures
from facekp.config import Config
from facekp.data.images import load_grey
from facekp.evaluation import Evaluation
from facekp.geometry import Letterbox
from facekp.history import read_scalars
from facekp.metrics import AUC_LIMIT, errors_of
from facekp.models.module import KeypointModule

_SHOWN_FACES = 6
_SHOWN_WIDTH = 480
_SHOWN_CONVOLUTIONS = 3
_COLUMNS = (
    *("image", "person", "image_type", "point", "group"),
    *("true_x_px", "true_y_px", "x_px", "y_px", "error_px", "curve_px"),
)
_HEADINGS = {
    "images": ("images", "{:.0f}"),
    "error_px": ("mean px", "{:.2f}"),
    "median_px": ("median", "{:.2f}"),
    "p90_px": ("p90", "{:.2f}"),
    "worst_px": ("worst", "{:.1f}"),
    "curve_px": ("to curve", "{:.2f}"),
    "mse_px2": ("MSE px²", "{:.1f}"),
    "nme": ("NME", "{:.2%}"),
    "pck_05": ("PCK@5%", "{:.1%}"),
    "pck_10": ("PCK@10%", "{:.1%}"),
    "auc_10": ("AUC@10%", "{:.3f}"),
}


def write_results(evaluation: Evaluation, folder: Path, run_dir: Path | None) -> dict[str, Any]:
    """Write metrics.json, predictions.csv and figures/*.png, each complete or not at all.

    Args:
        evaluation: what to write.
        folder: where to.
        run_dir: the run folder whose loss curves are drawn, or None.

    Returns:
        The content of metrics.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    measured = evaluation.as_json()
    _replace(folder / "metrics.json", json.dumps(measured, indent=1) + "\n")
    _write_predictions(evaluation, folder / "predictions.csv")
    (folder / "figures").mkdir(exist_ok=True)
    for name, figure in draw(evaluation, measured, run_dir):
        figure.savefig(folder / "figures" / f"{name}.png")
    return measured


def _replace(path: Path, text: str) -> None:
    aside = path.with_name(path.name + ".part")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)


def _write_predictions(evaluation: Evaluation, path: Path) -> None:
    answers, errors = evaluation.answers, errors_of(evaluation.answers)
    truth = answers.truth[:, list(answers.points)].numpy()
    aside = path.with_name(path.name + ".part")
    with aside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for i, record in enumerate(evaluation.faces.records):
            box = Letterbox(record.image_size, evaluation.faces.input_size)
            true_px = box.to_image(truth[i]) * record.image_size
            answer_px = box.to_image(answers.predictions[i].numpy()) * record.image_size
            for k, point in enumerate(answers.points):
                numbers = (*true_px[k], *answer_px[k], errors.distance_px[i, k], errors.curve_px[i, k])
                group = answers.scheme.group_of(point).name
                writer.writerow(
                    [record.name, record.person, record.image_type, point, group, *(f"{float(n):.3f}" for n in numbers)]
                )
    os.replace(aside, path)


def draw(evaluation: Evaluation, measured: dict[str, Any], run_dir: Path | None) -> Iterator[tuple[str, Figure]]:
    """Each figure of an evaluation with its file's name."""
    answers, caption = evaluation.answers, evaluation.caption
    errors = errors_of(answers)
    by_image = errors.distance_px.mean(1)
    order = by_image.argsort().tolist()
    for name, chosen in (("best_faces", order[:_SHOWN_FACES]), ("worst_faces", order[::-1][:_SHOWN_FACES])):
        faces = [_face(evaluation, i, by_image[i].item()) for i in chosen]
        title = f"{name.split('_')[0]} faces, by mean error {_frame(evaluation)}"
        yield name, figures.face_grid(faces, answers.scheme, answers.points, title, caption, columns=3)
    baseline = errors_of(evaluation.baseline)
    curves = {"prediction": errors.normalised.mean(1).numpy(), "mean shape": baseline.normalised.mean(1).numpy()}
    if answers.scheme.eyes is not None:
        limit = max(AUC_LIMIT, float(np.quantile(curves["mean shape"], 0.9)))
        yield "cumulative_error", figures.cumulative_errors(curves, limit, "cumulative error of the images", caption)
    cells = measured["error_px"]
    groups = list(cells["all"])
    values = np.array([[row[group] for group in groups] for row in cells.values()])
    yield "error_by_type_and_group", figures.error_table(list(cells), groups, values, "where the error lies", caption)
    losses = {tag: series for tag, series in read_scalars(run_dir).items() if tag.endswith("/loss")} if run_dir else {}
    if losses:
        yield "loss_curves", figures.loss_curves(losses, "training and validation loss", caption)
    image = torch.from_numpy(evaluation.faces.image(0))
    name = evaluation.faces.records[0].name
    for number, (weights, maps) in enumerate(first_convolutions(evaluation.module, image), start=1):
        yield f"filters_{number}", figures.filters(weights, f"learned filters of convolution {number}", caption)
        title = f"what convolution {number} answers to {name}"
        yield f"responses_{number}", figures.responses(image.numpy(), maps, title, caption)


def first_convolutions(module: KeypointModule, image: Tensor) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights [out, in, h, w] and answers [out, h', w'] to one face (uint8 [H, W]) of the first three convolutions."""
    convolutions = [layer for layer in module.network.modules() if isinstance(layer, nn.Conv2d)][:_SHOWN_CONVOLUTIONS]
    maps: dict[nn.Module, np.ndarray] = {}

    def keep(layer: nn.Module, _: Any, output: Tensor) -> None:
        maps[layer] = output[0].float().cpu().numpy()

    hooks = [layer.register_forward_hook(keep) for layer in convolutions]
    with torch.inference_mode():
        module(image[None, None].to(module.device))
    for hook in hooks:
        hook.remove()
    return [(layer.weight.detach().float().cpu().numpy(), maps[layer]) for layer in convolutions]


def _frame(evaluation: Evaluation) -> str:
    """What the pixels of an error are."""
    sizes = {record.image_size for record in evaluation.faces.records}
    return f"at {'x'.join(map(str, sizes.pop()))}" if len(sizes) == 1 else "in pixels of each photograph"


def _face(evaluation: Evaluation, index: int, error_px: float) -> figures.Face:
    record, answers = evaluation.faces.records[index], evaluation.answers
    width, height = evaluation.faces.input_size
    factor = max(1, round(_SHOWN_WIDTH / width))
    return figures.Face(
        title=f"{record.name}   {error_px:.1f} px",
        image=load_grey(record.image, (factor * width, factor * height)),
        truth=answers.truth[index, list(answers.points)].numpy(),
        prediction=answers.predictions[index].numpy(),
    )


def log_hyperparameters(loggers: Iterable[Logger], config: Config, metrics: dict[str, float]) -> None:
    """Show a run's settings with its final figures in TensorBoard's HParams, where a sweep's runs can be compared."""
    overrides = Path(config.run_dir) / ".hydra" / "overrides.yaml"
    settings = {
        "command": " ".join(OmegaConf.load(overrides)) if overrides.is_file() else "",
        "model": config.model.name,
        "data": config.data.name,
        "augment": config.augment.name,
        "split": config.data.split,
        "labels": config.data.labels,
        "batch_size": config.data.batch_size,
        "max_epochs": config.trainer.max_epochs,
        "seed": config.seed,
        **asdict(config.model.optimizer),
    }
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.log_hyperparams(settings, {f"final/{name}": value for name, value in metrics.items()})
            logger.finalize("success")


def print_results(measured: dict[str, Any]) -> None:
    """Print the tables by image type and by point group."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=130)
    for key, heading in (("by_type", "image type"), ("by_group", "point group")):
        console.print(_table(measured, key, heading))


def _table(measured: dict[str, Any], key: str, heading: str) -> Table:
    title = "{model}, {weights} weights (epoch {epoch}): {data}, {labels} labels, split {split}, {images} images"
    table = Table(title=title.format(**measured), title_justify="left")
    table.add_column(heading)
    for name, _ in _HEADINGS.values():
        table.add_column(name, justify="right")
    rows = measured[key] | {"all, mean shape": measured["mean_shape"][key]["all"]}
    for name, row in rows.items():
        table.add_row(name, *(_shown(row[column], style) for column, (_, style) in _HEADINGS.items()))
    return table


def _shown(value: float, style: str) -> str:
    return "-" if math.isnan(value) else style.format(value)
