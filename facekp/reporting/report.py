"""report.html: what a person reads after a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from facekp.evaluation.evaluate import Evaluation
from facekp.evaluation.metrics import errors_of
from facekp.reporting.network_figures import Layer, layers_of
from facekp.reporting.pages import inlined, write_page
from facekp.reporting.results import HEADINGS, shown_figure
from facekp.runs.provenance import command_line, read_parts

_NAMED_FACES = 6
_TABLES = {"by_type": "image type", "by_group": "point group"}


def write_report(evaluation: Evaluation, measured: dict[str, Any], folder: Path, run_dir: Path | None) -> Path:
    """Write a page of all results, which needs no other file, beside those that ``write_results`` left.

    Args:
        evaluation: what was judged.
        measured: the content of ``folder``'s metrics.json.
        folder: where metrics.json and ``figures/`` are and report.html goes.
        run_dir: the run folder whose run.json tells how the network was trained, or None.

    Returns:
        The page's path.
    """
    parts = read_parts(run_dir)
    layers = layers_of(evaluation.module, torch.from_numpy(evaluation.faces.image(0)))
    weights = f"{sum(layer.weights for layer in layers):,}"
    page = folder / "report.html"
    write_page(
        page,
        "report.html.j2",
        measured=measured,
        run=run_dir.name if run_dir else "",
        numbers=_numbers(measured),
        facts=_facts(measured, parts),
        commands=[part["command"] for part in parts if part["command"]],
        evaluated_by=None if folder == run_dir else command_line(),
        layers=[*map(_row_of, layers), ("total", "", "", weights)],
        weights=weights,
        input_size="x".join(map(str, evaluation.faces.input_size)),
        pictures=inlined(folder / "figures"),
        faces=_named_faces(evaluation),
        turned={
            name: [row for row in rows if row[0] in ("frontal", "turned")]
            for name, rows in _groups(measured, "by_type").items()
        },
        headings=[name for name, _ in HEADINGS.values()],
        tables={heading: _groups(measured, key) for key, heading in _TABLES.items()},
    )
    return page


def _numbers(measured: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The figures that head the page: what, how much, and what the mean shape has."""
    ours, theirs = measured["by_type"], measured["mean_shape"]["by_type"]
    wanted = (
        ("mean error", "all", "error_px", "{:.1f} px"),
        ("mean squared error", "all", "mse_px2", "{:.0f} px²"),
        ("error / eye distance", "all", "nme", "{:.1%}"),
        ("frontal faces", "frontal", "error_px", "{:.1f} px"),
        ("turned faces", "turned", "error_px", "{:.1f} px"),
    )
    return [
        (what, shown_figure(ours[row][column], style), f"mean shape {shown_figure(theirs[row][column], style)}")
        for what, row, column, style in wanted
        if row in ours and not math.isnan(ours[row][column])
    ]


def _facts(measured: dict[str, Any], parts: Sequence[dict[str, Any]]) -> dict[str, str | None]:
    """What was run, in words; what nobody recorded is None."""
    told: dict[str, str | None] = {
        "model": f"{measured['model']}, points: {measured['points']}",
        "weights": f"{measured['weights']}, after epoch {measured['epoch']}",
        "data": f"{measured['data']}, {measured['labels']} labels",
        "split": f"{measured['split']}, {measured['images']} images held out",
        "seed": str(measured["seed"]),
    }
    if not parts:
        return told
    last = parts[-1]
    share = last["limit_train_batches"]
    versions = ", ".join(f"{name} {number}" for name, number in last["versions"].items())
    epochs = "an unknown number of" if last["epochs"] is None else last["epochs"]
    return told | {
        "trained": f"{epochs} epochs x {_counted(last['samples_per_image'], 'draw')} x {last['train_images']} images"
        + (f", {share:.0%} of them" if share < 1 else "")
        + ("" if last["steps"] is None else f" = {last['steps']:,} steps of {last['batch_size']} images"),
        "augmentation": last["augment"],
        "learning rate": f"{last['lr']:g}, {last['schedule']}",
        "when": ", then ".join(f"{_time(part['started'])} to {_time(part['finished'])}" for part in parts),
        "training took": _duration([part["training_seconds"] for part in parts]),
        "machine": f"{last['device']}, {last['cpus']} CPU cores, {last['system']}",
        "commit": last["commit"] and f"{last['commit']}{' with changes' if last['dirty'] else ''}",
        "versions": versions,
    }


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _time(iso: str | None) -> str:
    return iso.replace("T", " ") if iso else "an unknown end"


def _duration(parts: Sequence[float | None]) -> str | None:
    if None in parts:
        return None
    minutes, seconds = divmod(round(sum(filter(None, parts))), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _row_of(layer: Layer) -> tuple[str, str, str, str]:
    return layer.name, layer.kind, " x ".join(map(str, layer.shape)), f"{layer.weights:,}" if layer.weights else ""


def _rows(tables: dict[str, Any], key: str) -> list[list[str]]:
    return [
        [name, *(shown_figure(row[column], style) for column, (_, style) in HEADINGS.items())]
        for name, row in tables[key].items()
    ]


def _groups(measured: dict[str, Any], key: str) -> dict[str, list[list[str]]]:
    """The rows of one table: the network's, on the raw labels too where others are used, and the mean shape's."""
    raw = {"network, on the labels as published": measured["raw_labels"]} if "raw_labels" in measured else {}
    groups = {"network": measured, **raw, "mean shape": measured["mean_shape"]}
    return {name: _rows(tables, key) for name, tables in groups.items()}


def _named_faces(evaluation: Evaluation) -> dict[str, list[list[str]]]:
    """The best and the worst faces: name, image type, mean error and worst point."""
    distance = errors_of(evaluation.answers).distance_px
    order = distance.mean(1).argsort().tolist()
    chosen = {"best": order[:_NAMED_FACES], "worst": order[::-1][:_NAMED_FACES]}
    return {name: [_face_row(evaluation, i, distance[i]) for i in some] for name, some in chosen.items()}


def _face_row(evaluation: Evaluation, index: int, distance: torch.Tensor) -> list[str]:
    record, answers = evaluation.faces.records[index], evaluation.answers
    furthest = answers.points[int(distance.argmax())]
    kind = "" if record.image_type is None else str(record.image_type)
    worst = f"{distance.max().item():.1f} (point {furthest}, {answers.scheme.group_of(furthest).name})"
    return [record.name, kind, f"{distance.mean().item():.1f}", worst]
