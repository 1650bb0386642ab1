"""What a comparison shows: figures, a page, a table for the terminal and one for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.table import Table

from facekp.data.images import load_grey
from facekp.data.records import Record
from facekp.landmarks.scheme import Scheme
from facekp.reporting.comparison_figures import (
    FacePair,
    cumulative_errors_of,
    face_pairs,
    losses_of,
    paired_differences,
)
from facekp.reporting.figures import LINE_COLOURS
from facekp.reporting.pages import inlined, write_page
from facekp.runs.folder import Run, run_dir_of
from facekp.training.tensorboard import read_scalars
from facekp.utils.terminal import print_table

Faces = tuple[dict[str, Record], Scheme]
"""Photographs by name, and the scheme of their landmarks."""

_SHOWN_FACES = 6
_SHOWN_WIDTH = 480
_SHOWN_RUNS = len(LINE_COLOURS) - 1  # the first is the reference's
_TOLD_SETTINGS = 3
_LEADING = 4  # columns of a result that are more important than the settings
_MEASURES = {
    "error_px": ("error px", 1, 2),
    "error_px_turned": ("turned px", 1, 2),
    "error_px_frontal": ("frontal px", 1, 2),
    "mse_px2": ("MSE px²", 1, 1),
    "nme": ("NME %", 100, 2),
    "curve_px": ("to curve px", 1, 2),
}
"""Heading, factor and decimals of each measure of a run."""


def told_settings(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The settings that tell the runs apart, if they are few; otherwise nothing.

    What follows from a choice by name, such as the kernels from ``model.name``, is not repeated, and what only logs is
    left out.
    """
    settings = [row["settings"] for row in rows]
    choices = {name: name.removesuffix("name") for name in settings[0] if name.endswith(".name")}
    choices |= {"trainer.max_epochs": "epoch"} if "trainer.max_epochs" in settings[0] else {}

    def follows(name: str) -> bool:
        return any(
            name.startswith(part)
            and name != choice
            and len({(s[choice], s[name]) for s in settings}) == len({s[choice] for s in settings})
            for choice, part in choices.items()
        )

    told = [name for name in settings[0] if not name.startswith(("callbacks.", "logger.")) and not follows(name)]
    short = {name: name.removesuffix(".name").rpartition(".")[2] for name in told}
    few = len(told) <= _TOLD_SETTINGS
    return [", ".join(f"{short[name]}={mine[name]}" for name in told) if few else "" for mine in settings]


def _labels(rows: Sequence[dict[str, Any]], between: str = ": ") -> list[str]:
    """What figures call the runs."""
    return [f"{row['run']}{between * bool(told)}{told}" for row, told in zip(rows, told_settings(rows), strict=True)]


def caption(compared: dict[str, Any]) -> str:
    """On what the runs were compared."""
    return (
        f"{compared['data']}, {compared['labels']} labels, split {', '.join(compared['splits'])}, "
        f"{' and '.join(compared['weights'])} weights: {_count(compared['images'], 'held-out image')} of "
        f"{_count(compared['people'], 'person', 'people')}, {_count(compared['points'], 'point')} each"
    )


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def draw(compared: dict[str, Any], runs: Sequence[Run], faces: Faces | None) -> Iterator[tuple[str, str, Figure]]:
    """Each figure with its file's name and its title.

    Args:
        compared: as :func:`facekp.evaluation.comparison.measure` gives it.
        runs: on common ground, the reference first.
        faces: their photographs, or None.
    """
    told, rows = caption(compared), compared["runs"]
    named = list(zip(_labels(rows), rows, runs, strict=True))
    others = named[1:]
    reference = rows[0]["run"]
    title = f"difference of error_px from {reference}, with 95 % interval over people"
    unit = "px (left of the line: better)"
    overall = np.array([_interval(row["difference"]["error_px"]) for _, row, _ in others])
    two_lines = _labels(rows, between="\n")[1:]
    yield "differences", title, paired_differences({"all": overall}, two_lines, unit, title, told)
    title = title.replace(",", ", by image type,", 1)
    kinds = list(compared["images_by_type"])
    by_type = {
        name: np.array([_interval(row["error_px_by_type"][kind]) for kind in kinds])
        for name, row, _ in others[:_SHOWN_RUNS]
    }
    colours = LINE_COLOURS[1 : len(by_type) + 1]
    yield "differences_by_type", title, paired_differences(by_type, kinds, unit, title, told, colours)
    title = "cumulative error of the images"
    by_image = {name: run.by_image["error_px"] for name, _, run in named}
    yield "cumulative_error", title, cumulative_errors_of(by_image, "mean error of an image (px)", title, told)
    losses = {name: read_scalars(run_dir_of(run.folder)) for name, _, run in named}
    if any("val/loss" in curves for curves in losses.values()):
        title = "validation loss (thick) and training loss (thin, smoothed), over all points that each run answers"
        yield "loss_curves", title, losses_of(losses, title, told)
    if faces is not None:
        for number, (_, row, run) in enumerate(others[:_SHOWN_RUNS], start=1):
            title = f"where {reference} and {row['run']} differ most"
            shown = _most_different(runs[0], run, faces[0])
            names = (reference, row["run"])
            yield f"faces_{number}", title, face_pairs(shown, names, faces[1], run.points, title, told)


def _interval(difference: dict[str, Any]) -> list[float]:
    return [np.nan if difference[name] is None else difference[name] for name in ("mean", "low", "high")]


def _most_different(reference: Run, run: Run, records: dict[str, Record]) -> list[FacePair]:
    before, after = reference.by_image["error_px"], run.by_image["error_px"]
    return [
        _face(records[run.images[i]], f"{run.images[i]}   {before[i]:.1f} → {after[i]:.1f} px", reference, run, i)
        for i in np.argsort(-np.abs(after - before), kind="stable")[:_SHOWN_FACES]
    ]


def _face(record: Record, title: str, reference: Run, run: Run, row: int) -> FacePair:
    size = np.array(record.image_size)
    width, height = np.rint(size * _SHOWN_WIDTH / size[0]).astype(int).tolist()
    shapes = (run.true_px[row] / size, reference.predicted_px[row] / size, run.predicted_px[row] / size)
    return FacePair(title, load_grey(record.image, (width, height)), *shapes)


def write_page_of(folder: Path, compared: dict[str, Any], figures: Iterator[tuple[str, str, Figure]]) -> None:
    """Save the figures into the folder, and write compare.html."""
    titles = {}
    for name, title, figure in figures:
        figure.savefig(folder / "figures" / f"{name}.png")
        titles[name] = title
    rows = compared["runs"]
    settings = list(rows[0]["settings"])
    differences = list(rows[1]["difference"])
    kinds = compared["images_by_type"]
    whole = all((row["images"], row["points"]) == (compared["images"], compared["points"]) for row in rows)
    write_page(
        folder / "compare.html",
        "compare.html.j2",
        compared=compared,
        caption=caption(compared),
        reference=_labels(rows)[0],
        common=None if whole else f"{_count(compared['images'], 'image')} and {_count(compared['points'], 'point')}",
        results=_results(rows),
        settings=(["run", *settings], [[row["run"], *row["settings"].values()] for row in rows]),
        differences=(
            ["run", *(_MEASURES[name][0] for name in differences)],
            [[row["run"], *(_words(row["difference"][name], name) for name in differences)] for row in rows[1:]],
        ),
        by_type=(
            ["images", "number", *(row["run"] for row in rows[1:])],
            [
                [kind, number, *(_words(row["error_px_by_type"][kind], "error_px") for row in rows[1:])]
                for kind, number in kinds.items()
            ],
        ),
        folders=[[row["run"], row["folder"], row["images"], row["points"]] for row in rows],
        undrawn=[row["run"] for row in rows[_SHOWN_RUNS + 1 :]],
        titles=titles,
        pictures=inlined(folder / "figures"),
    )


def print_comparison(compared: dict[str, Any]) -> None:
    """Print the runs with their figures and their differences from the first."""
    headings, rows = _results(compared["runs"])
    told = told_settings(compared["runs"])
    if any(told):
        headings.insert(_LEADING, "settings")
        for row, settings in zip(rows, told, strict=True):
            row.insert(_LEADING, settings)
    table = Table()
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("run", "verdict", "settings") else "right")
    for row in rows:
        table.add_row(*row)
    print_table(table, f"{caption(compared)}; the first run is the reference")


def _results(rows: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows, the most important columns first."""
    first, *others = [name for name in _MEASURES if any(row.get(name) is not None for row in rows)]
    headings = ["run", _MEASURES[first][0], "difference px (95 %)", "verdict", *(_MEASURES[name][0] for name in others)]
    return headings, [
        [row["run"], _value(row[first], first), *_against(row), *(_value(row.get(name), name) for name in others)]
        for row in rows
    ]


def _value(value: float | None, measure: str) -> str:
    _, factor, decimals = _MEASURES[measure]
    return "–" if value is None else f"{factor * value:.{decimals}f}"


def _against(row: dict[str, Any]) -> tuple[str, str]:
    """The difference and the verdict of a run."""
    if "difference" not in row:
        return "", "reference"
    difference = row["difference"]["error_px"]
    return _range(difference, "error_px"), difference["verdict"]


def _words(difference: dict[str, Any], measure: str) -> str:
    """The difference, and the verdict where one could be given."""
    shown = difference["verdict"] in ("better", "worse")
    return _range(difference, measure) + (f" {difference['verdict']}" if shown else "")


def _range(difference: dict[str, Any], measure: str) -> str:
    _, factor, decimals = _MEASURES[measure]
    mean, low, high = (
        "?" if difference[name] is None else f"{factor * difference[name]:+.{decimals}f}".replace("-", "−")
        for name in ("mean", "low", "high")
    )
    return f"{mean} ({low} to {high})"
