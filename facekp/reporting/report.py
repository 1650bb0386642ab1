"""report.html, the report on a run or an evaluation."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch

from facekp.data.images import load_grey
from facekp.evaluation.catalogue import CATALOGUE, HEADLINE
from facekp.evaluation.evaluate import Evaluation
from facekp.models.module import KeypointModule
from facekp.reporting.network_figures import Layer, layers_of
from facekp.reporting.pages import WORDS, inlined, write_page
from facekp.reporting.results import cells, shown_metrics, shown_tables, titles
from facekp.reporting.verdict import verdict
from facekp.runs.folder import RunFolder
from facekp.runs.provenance import command_line
from facekp.utils.terminal import counted, display_path

_POSES = ("frontal", "turned")
_POSE_ERROR = CATALOGUE["error_px"]


def write_report(
    evaluation: Evaluation, measured: dict[str, Any], module: KeypointModule, folder: Path, run: RunFolder | None
) -> Path:
    """Write a self-contained page of all results, beside the files of ``write_results``.

    Returns:
        The path of the page.
    """
    parts = run.parts if run else []
    image = load_grey(evaluation.records[0].image, evaluation.input_size)
    layers = layers_of(module, torch.from_numpy(image))
    metrics = shown_metrics(measured)
    page = folder / "report.html"
    write_page(
        page,
        "report.html.j2",
        measured=measured,
        run=run.path.name if run else "",
        verdict=verdict(measured),
        numbers=_numbers(measured),
        facts=_facts(measured, parts),
        parts=parts,
        command=_command(run) if run else None,
        resume_by=_resume_by(run) if run else None,
        evaluated_by=None if run and folder == run.path else command_line(),
        layers=list(map(_row_of, layers)),
        weights=f"{sum(layer.weights for layer in layers):,}",
        input_size="x".join(map(str, evaluation.input_size)),
        pictures=inlined(folder / "figures"),
        headings=titles(metrics),
        meanings={metric.title(): metric.meaning for metric in metrics},
        words={metric.heading: metric.meaning for metric in metrics} | _words(measured),
        tables={heading: _groups(measured, key) for key, heading in shown_tables(measured).items()},
    )
    return page


def _numbers(measured: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The metrics at the top of the page: name, value, and the value of the mean shape."""
    ours, theirs = measured["by_type"], measured["mean_shape"]["by_type"]
    wanted = [(metric.heading, "all", metric) for metric in HEADLINE.values()]
    wanted += [(f"{_POSE_ERROR.heading} on {pose} faces", pose, _POSE_ERROR) for pose in _POSES]
    return [
        (
            what,
            f"{metric.text(ours[row][metric.key])} {metric.unit}",
            f"mean shape {metric.text(theirs[row][metric.key])}",
        )
        for what, row, metric in wanted
        if row in ours and not math.isnan(ours[row][metric.key])
    ]


def _facts(measured: dict[str, Any], parts: Sequence[dict[str, Any]]) -> dict[str, str | None]:
    """A description of the run; what was not recorded is None."""
    told: dict[str, str | None] = {
        "model": f"{measured['model']}, {measured['selection']} points",
        "weights": f"{measured['weights']}, after epoch {measured['epoch']}",
        "data": f"{measured['data']}, {measured['labels']} labels",
        "split": f"{measured['split']}, {measured['images']} images held out",
        "seed": str(measured["seed"]),
    }
    if not parts:
        return told
    last = parts[-1]
    share, seconds = last["limit_train_batches"], [part["training_seconds"] for part in parts]
    versions = ", ".join(f"{name} {number}" for name, number in last["versions"].items())
    epochs = "an unknown number of epochs" if last["epochs"] is None else counted(last["epochs"], "epoch")
    return told | {
        "trained": f"{epochs} x {counted(last['samples_per_image'], 'sample')} x {last['train_images']} images"
        + (f", {share:.0%} of them" if share < 1 else "")
        + ("" if last["steps"] is None else f" = {last['steps']:,} steps of {last['batch_size']} images"),
        "augmentation": last["augment"],
        "learning rate": f"{last['lr']}, {last['optimizer']}, {last['schedule']}",
        "when": ", then ".join(map(_when, parts)),
        "training took": None if None in seconds else str(timedelta(seconds=round(sum(seconds)))),
        "machine": f"{last['device']}, {last['cpus']} CPU cores, {last['system']}",
        "commit": last["commit"] and f"{last['commit']}{' with changes' if last['dirty'] else ''}",
        "versions": versions,
    }


def _when(part: dict[str, Any]) -> str:
    started = part["started"].replace("T", " ")
    if part["finished"]:
        return f"{started} to {part['finished'].replace('T', ' ')}"
    if part["epochs"] is None:
        return f"{started}, no end recorded"
    return f"{started}, interrupted {f'after epoch {done}' if (done := part['epochs']) else 'in its first epoch'}"


def _command(run: RunFolder) -> str | None:
    """The one command that makes the whole run; the settings of a resumed one are those of all its parts."""
    if len(run.parts) > 1 and run.begun:
        return shlex.join(["python", "train.py", *run.overrides])
    return run.parts[0]["command"] if run.parts else None


def _resume_by(run: RunFolder) -> str | None:
    """The command that goes on with a run that has not finished."""
    if not run.parts or run.parts[-1]["finished"]:
        return None
    return shlex.join(["python", "train.py", f"resume={display_path(run.path)}"])


def _row_of(layer: Layer) -> tuple[str, str, str, str]:
    return layer.name, layer.kind, " x ".join(map(str, layer.shape)), f"{layer.weights:,}" if layer.weights else ""


def _groups(measured: dict[str, Any], key: str) -> dict[str, list[list[str]]]:
    """The rows of one table: the network's, on the raw labels where they differ, and the mean shape's."""
    metrics = shown_metrics(measured)
    ours, raw, mean_shape = (
        [[name, *cells(row, metrics)] for name, row in tables.get(key, {}).items()]
        for tables in (measured, measured.get("raw_labels", {}), measured["mean_shape"])
    )
    groups = {"network": ours, "network, on the raw labels": [row for row in raw if row not in ours]}
    return {name: rows for name, rows in (groups | {"mean shape": mean_shape}).items() if rows}


def _words(measured: dict[str, Any]) -> dict[str, str]:
    """Words of the page that this evaluation has a use for, and what they mean."""
    named = {"frontal, turned": "by_type", "inner": "by_group"}
    return {
        word: meaning
        for word, meaning in WORDS.items()
        if word not in named or set(word.split(", ")) & measured[named[word]].keys()
    }
