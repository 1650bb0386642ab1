"""The output of a comparison: figures, a page, and a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from facekp.evaluation.catalogue import CATALOGUE, Metric
from facekp.evaluation.comparison import PredictionTable
from facekp.reporting.curve_figures import cumulative_errors, loss_curves, paired_differences
from facekp.reporting.figures import save_png
from facekp.reporting.pages import WORDS, inlined, write_page
from facekp.runs.folder import Scalars
from facekp.utils.terminal import counted, print_table

_ERROR = CATALOGUE["error_px"]
_COLUMNS = {
    **{f"error_px_{pose}": (f"{pose}, {_ERROR.unit}", _ERROR) for pose in ("turned", "frontal")},
    **{key: (metric.title(), metric) for key, metric in CATALOGUE.items() if metric is not _ERROR},
}
"""The columns beside the error: headings and metrics."""
Rows = Sequence[Mapping[str, Any]]


def _labels(rows: Rows, between: str = ": ") -> list[str]:
    """The runs with what was typed for them, in figures and tables."""
    return [f"{row['run']}{between * bool(row['overrides'])}{row['overrides']}" for row in rows]


def caption(compared: Mapping[str, Any]) -> str:
    """The data on which the runs were compared, for figures."""
    return (
        f"{compared['data']}, {compared['labels']} labels, split {', '.join(compared['splits'])}, "
        f"{' and '.join(compared['weights'])} weights: {counted(compared['images'], 'held-out image')} of "
        f"{counted(compared['people'], 'person', 'people')}, {counted(compared['points'], 'point')} each"
    )


def draw(
    compared: Mapping[str, Any], runs: Mapping[str, PredictionTable], losses: Mapping[str, Scalars]
) -> Iterator[tuple[str, Figure]]:
    """Yield each figure with the name of its file.

    Args:
        runs: by name, on common ground, the reference first.
    """
    text, rows, labels = caption(compared), compared["runs"], _labels(compared["runs"])
    title = f"difference of error_px from {rows[0]['run']}, with 95 % interval over people"
    unit = "px (left of the line: better)"
    parts = [[row["difference"]["error_px"][part] for part in ("mean", "low", "high")] for row in rows[1:]]
    two_lines = _labels(rows, between="\n")[1:]
    yield "differences", paired_differences(np.array(parts, float), two_lines, unit, title, text)
    by_image = {label: _ERROR.compute(run.errors) for label, run in zip(labels, runs.values(), strict=True)}
    title = "cumulative error of the images"
    yield "cumulative_error", cumulative_errors(by_image, "mean error of an image (px)", title, text)
    if any("val/loss" in curves for curves in losses.values()):
        labelled = dict(zip(labels, losses.values(), strict=True))
        title = "validation loss (thick) and training loss (thin, smoothed), over all points that each run predicts"
        yield "loss_curves", loss_curves(labelled, title, text)


def write_comparison_page(folder: Path, compared: Mapping[str, Any], figures: Iterator[tuple[str, Figure]]) -> None:
    """Save the figures in the folder's ``figures``, and write compare.html."""
    drawn = dict(figures)
    for name, figure in drawn.items():
        save_png(figure, folder / "figures" / f"{name}.png")
    rows = compared["runs"]
    differences = [CATALOGUE[key] for key in rows[1]["difference"]]
    columns = {"error_px": (_ERROR.title(), _ERROR)} | _shown_columns(rows)
    whole = all((row["images"], row["points"]) == (compared["images"], compared["points"]) for row in rows)
    write_page(
        folder / "compare.html",
        "compare.html.j2",
        compared=compared,
        caption=caption(compared),
        reference=_labels(rows)[0],
        common=None if whole else f"{counted(compared['images'], 'image')} and {counted(compared['points'], 'point')}",
        results=_results(rows),
        settings=(["run", *rows[0]["settings"]], [[row["run"], *row["settings"].values()] for row in rows]),
        differences=(
            ["run", *(metric.title() for metric in differences)],
            [
                [row["run"], *(_words(metric, row["difference"][metric.key]) for metric in differences)]
                for row in rows[1:]
            ],
        ),
        by_type=(
            ["images", "number", *(row["run"] for row in rows[1:])],
            [
                [kind, number, *(_words(_ERROR, row["error_px_by_type"][kind]) for row in rows[1:])]
                for kind, number in compared["images_by_type"].items()
            ],
        ),
        folders=[[row["run"], row["folder"], row["images"], row["points"]] for row in rows],
        meanings={heading: metric.meaning for heading, metric in columns.values()},
        words={metric.heading: metric.meaning for _, metric in columns.values()}
        | {word: WORDS[word] for word in ("held-out faces", "raw, mended labels", "frontal, turned")},
        pictures={name: picture for name, picture in inlined(folder / "figures").items() if name in drawn},
    )


def print_comparison(compared: Mapping[str, Any]) -> None:
    """Print the runs with their metrics and their differences from the first."""
    headings, rows = _results(compared["runs"])
    print_table(headings, rows, f"{caption(compared)}; the first run is the reference", ("verdict",))


def _results(rows: Rows) -> tuple[list[str], list[list[str]]]:
    """Headings and rows, the most important columns first."""
    columns = _shown_columns(rows)
    headings = ["run", _ERROR.title(), f"difference, {_ERROR.unit} (95 %)", "verdict"]
    headings += [heading for heading, _ in columns.values()]
    return headings, [
        [
            *(label, _ERROR.text(row["error_px"]), *_against(row)),
            *(metric.text(row.get(key)) for key, (_, metric) in columns.items()),
        ]
        for label, row in zip(_labels(rows), rows, strict=True)
    ]


def _shown_columns(rows: Rows) -> dict[str, tuple[str, Metric]]:
    """The columns beside the error that have a value."""
    return {key: column for key, column in _COLUMNS.items() if any(row.get(key) is not None for row in rows)}


def _against(row: Mapping[str, Any]) -> tuple[str, str]:
    """The difference and the verdict of a run."""
    if "difference" not in row:
        return "", "reference"
    difference = row["difference"]["error_px"]
    return difference_text(_ERROR, difference), difference["verdict"]


def _words(metric: Metric, difference: Mapping[str, Any]) -> str:
    """The difference, and the verdict if there is one."""
    shown = difference["verdict"] in ("better", "worse")
    return difference_text(metric, difference) + (f" {difference['verdict']}" if shown else "")


def difference_text(metric: Metric, difference: Mapping[str, Any]) -> str:
    """A difference, with its interval in brackets if there is one."""
    mean, low, high = (metric.text(difference[part], "+").replace("-", "−") for part in ("mean", "low", "high"))
    return mean if difference["low"] is None else f"{mean} ({low} to {high})"
