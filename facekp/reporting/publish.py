"""Publish the results of a sweep in docs/results and other pages: ``python -m facekp publish [sweep folder or .json]``.

The results have the name of the sweep's file in conf/sweep. For ``train.py -m sweep=published`` these are written:
``published.json`` (every run), ``published.md`` (tables) and ``published.svg`` (every run's error); in README.md and
docs/results.md the first table replaces the text between ``<!-- published -->`` and ``<!-- /published -->``. From a
``.json`` that was written before, all the rest is written anew, without any run.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from facekp.config import CONF
from facekp.evaluation.catalogue import CATALOGUE, HEADLINE
from facekp.reporting.figures import PREDICTION, new_figure
from facekp.reporting.published import spread_table, write_published
from facekp.runs.find import read_sweep, runs_in
from facekp.runs.folder import RunFolder
from facekp.runs.sweep import REPEATS
from facekp.utils.errors import DataError, FacekpError
from facekp.utils.plain import read_json
from facekp.utils.shape import Shape, reports_damage, shaped
from facekp.utils.terminal import display_path, one_line

_ERROR, _MSE = CATALOGUE["error_px"], CATALOGUE["mse_px2"]
_COLUMNS = {
    **{key: (metric.title(), metric.text) for key, metric in HEADLINE.items()},
    "error_px_turned": (_ERROR.title("on turned faces"), _ERROR.text),
    "error_px_frontal": (_ERROR.title("on frontal faces"), _ERROR.text),
    "mse_px2_raw": (_MSE.title("on raw labels"), _MSE.text),
    "mean_shape_mse_px2": (_MSE.title("of the mean shape"), _MSE.text),
}
_ORIGIN = ("data", "labels", "split", "weights", "images", "epoch")
_ROW: Shape = {
    "overrides": {...: str},
    **dict.fromkeys(_ORIGIN[:4], str),
    **dict.fromkeys(_ORIGIN[4:], int),
    "mse_px2_by_type": {"all": float, ...: float},
}
Row = Mapping[str, Any]
"""The numbers of one run, as in the .json."""


def row_of(run: RunFolder) -> dict[str, Any]:
    """The numbers of a run: its settings, its origin, its values in the tables by column, and those of image types.

    Raises:
        DataError: if the run did not finish.
    """
    if not run.finished:
        raise DataError(
            f"{display_path(run.path)} did not finish; give the command of its sweep again, with hydra.sweep.dir"
        )
    rows, raw = run.measured["by_type"], run.measured.get("raw_labels", run.measured)["by_type"]
    return {
        "overrides": run.settings,
        **{key: run.measured[key] for key in _ORIGIN},
        **{key: rows["all"][key] for key in HEADLINE if key in rows["all"]},
        **{f"error_px_{pose}": rows[pose]["error_px"] for pose in ("turned", "frontal") if pose in rows},
        "mse_px2_raw": raw["all"]["mse_px2"],
        "mean_shape_mse_px2": run.measured["mean_shape"]["by_type"]["all"]["mse_px2"],
        "mse_px2_by_type": {kind: row["mse_px2"] for kind, row in rows.items()},
    }


def groups_of(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Group runs by their settings other than seed and fold, under names of the settings in which the groups differ."""
    settings = [tuple((key, value) for key, value in row["overrides"].items() if key not in REPEATS) for row in rows]
    common = set.intersection(*map(set, settings)) if len(set(settings)) > 1 else set()
    groups: dict[str, list[Row]] = {}
    for row, setting in zip(rows, settings, strict=True):
        name = " ".join(f"{key}={value}" for key, value in setting if (key, value) not in common)
        groups.setdefault(name, []).append(row)
    return groups


def publish(folder: Path, docs: Path, pages: Sequence[Path]) -> None:
    """Write the results of a sweep to ``docs``, and their first table to its place in other ``pages``.

    Raises:
        DataError: if the folder is no sweep of conf/sweep, or one of its runs did not finish.
    """
    name = read_sweep(folder)["runtime"]["choices"].get("sweep")
    if name is None:
        raise DataError(
            f"{display_path(folder)} is not the folder of a sweep of conf/sweep; give one, or none for the newest"
        )
    write(name, [row_of(run) for run in runs_in(folder)], docs, pages)


def write(name: str, rows: Sequence[Row], docs: Path, pages: Sequence[Path]) -> None:
    """Write the numbers of all runs, those of :func:`row_of`, as :func:`publish` does."""
    groups, origin = groups_of(rows), _origin(rows)
    table = spread_table(
        ["setting", "runs", "epochs"],
        {
            (f"`{setting}`", str(len(some)), str(some[0]["epoch"])): {
                column: [row[column] for row in some if column in row] for column in _COLUMNS
            }
            for setting, some in groups.items()
        },
        _COLUMNS,
    )
    kinds = list(rows[0]["mse_px2_by_type"])
    by_type = spread_table(
        [_MSE.title()],
        {(f"`{setting}`",): {kind: _of_type(some, kind) for kind in kinds} for setting, some in groups.items()},
        {kind: (kind, _MSE.text) for kind in kinds},
    )
    write_published(
        name,
        content=rows,
        summary=f"{origin[0].upper()}{origin[1:]}; mean ± standard deviation over the runs.\n\n{table}",
        details=f"## By image type\n\n{by_type}",
        figure=("every run's error", dots(groups, origin)),
        docs=docs,
        pages=pages,
    )


def _of_type(rows: Sequence[Row], kind: str) -> list[float]:
    return [row["mse_px2_by_type"][kind] for row in rows if kind in row["mse_px2_by_type"]]


def _origin(rows: Sequence[Row]) -> str:
    """The data on which the runs were evaluated."""
    data, labels, split = (", ".join(dict.fromkeys(row[key] for row in rows)) for key in _ORIGIN[:3])
    splits = ", ".join(dict.fromkeys(re.sub(r"person fold \d+ of", "person folds of", split).split(", ")))
    return f"{data}, {labels} labels, held-out faces of split {splits}, last weights"


def dots(groups: Mapping[str, Sequence[Row]], caption: str) -> Figure:
    """The ``mse_px2`` of every run, a row per setting, with the mean (bar) and the standard deviation (line)."""
    figure = new_figure(8, 1.4 + 0.35 * len(groups), "mean squared error of every run", caption)
    axes = figure.subplots()
    for row, some in enumerate(groups.values()):
        values = _of_type(some, "all")
        axes.plot(values, np.full(len(values), row), "o", color=PREDICTION, markersize=4, alpha=0.6)
        spread = stdev(values) if len(values) > 1 else 0
        axes.errorbar(mean(values), row, xerr=spread, fmt="|", color="black", markersize=12, capsize=3)
    axes.set_yticks(range(len(groups)), list(groups), fontsize=8)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("MSE (px² of the photograph)")
    axes.grid(axis="x", alpha=0.3)
    return figure


def main(arguments: list[str]) -> None:
    """Publish the given sweep, by default the newest in outputs/sweeps, in this repository."""
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return
    root, sweeps = CONF.parent, Path("outputs/sweeps")
    docs, pages = root / "docs" / "results", [root / "README.md", root / "docs" / "results.md"]
    try:
        chosen = Path(arguments[0]) if arguments else max(sweeps.glob("*"), default=sweeps)
        if chosen.suffix == ".json":
            with reports_damage(chosen, "publish its sweep again"):
                write(chosen.stem, shaped(read_json(chosen, inert=True), [_ROW]), docs, pages)
        else:
            publish(chosen.absolute(), docs, pages)
    except FacekpError as error:
        sys.exit(f"Error: {one_line(str(error))}")
    print(f"Written to {display_path(docs)}")
