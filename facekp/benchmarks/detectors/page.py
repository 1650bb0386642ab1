"""The page of the comparison: tables and one figure, for docs and README.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from facekp.benchmarks.detectors.comparison import DIFFERENCES
from facekp.benchmarks.detectors.methods import METRICS, origin_of
from facekp.evaluation.catalogue import CATALOGUE, HEADLINE
from facekp.reporting.comparison_page import difference_text
from facekp.reporting.figures import BASELINE, PREDICTION, new_figure
from facekp.reporting.published import markdown_table, replace_part, spread_table, write_published

_MSE, _NME = CATALOGUE["mse_px2"], CATALOGUE["nme"]
_COLUMNS = {name: (metric.title(of), metric.text) for name, (metric, of, _) in METRICS.items()}
_OVERVIEW = {
    **{name: _COLUMNS[name] for name in HEADLINE},
    "mse_px2_raw": (_MSE.title("on raw labels"), _MSE.text),
    **{name: _COLUMNS[name] for name in ("inner_nme", "jaw_mse_px2", "curve_px")},
    "turned_over_frontal": ("turned / frontal", "{:.2f}".format),
    "folds": (_MSE.title("of five folds"), _MSE.text),
    "cpu_ms": ("ms an image", "{:.1f}".format),
}
_SCOPES = {"course": "persons 33-40", "folds": "all 40, held out in five folds"}
Compared = Mapping[str, Any]


def write(compared: Compared, docs: Path, pages: Sequence[Path]) -> None:
    """Write the numbers of :func:`facekp.benchmarks.detectors.comparison.measure`.

    Args:
        docs, pages: see :func:`facekp.reporting.published.write_published`.
    """
    write_published(
        "comparison",
        content=compared,
        summary=overview(compared),
        details=details(compared),
        figure=("error against processor time", draw(compared)),
        docs=docs,
        pages=pages,
    )
    replace_part(pages, "headline", headline(compared))


def overview(compared: Compared) -> str:
    """The tables of all methods and of their differences."""
    rows = {
        (row["name"], row["trained_on"], row["given"], str(row["runs"])): {**row, "folds": row["folds"]["mse_px2"]}
        for row in compared["methods"]
    }
    table = spread_table(["method", "trained on", "given", "runs"], rows, _OVERVIEW, texts=3)
    return f"{_origin(compared)}\n\n{table}\n{_differences(compared)}"


def headline(compared: Compared) -> str:
    """The first table of the README: the best network, and the detectors that are given no more than it."""
    networks = [row for row in compared["methods"] if row["kind"] == "network"]
    best: Compared = min(networks, key=lambda row: float(np.mean(row["mse_px2"])), default={})
    rows = {
        (f"facekp, `model={row['name']}`" if row is best else row["name"], row["trained_on"]): row
        for row in compared["methods"]
        if row is best or (row["kind"] == "detector" and "true points" not in row["given"])
    }
    columns = {name: _COLUMNS[name] for name in ("mse_px2", "error_px", "inner_nme", "curve_px")}
    return f"{_origin(compared)}\n\n{spread_table(['method', 'trained on'], rows, columns, texts=2)}"


def _origin(compared: Compared) -> str:
    return f"{origin_of(compared)} (split course); mean ± standard deviation over the runs."


def _differences(compared: Compared) -> str:
    rows = [
        [
            *(f"{pair['network']} − {pair['detector']}", _SCOPES[scope], str(found["images"])),
            *(f"{difference_text(METRICS[name][0], found[name])}: {found[name]['verdict']}" for name in DIFFERENCES),
        ]
        for pair in compared["differences"]
        for scope, found in pair.items()
        if scope in _SCOPES
    ]
    head = ["difference", "people", "images", *(_COLUMNS[name][0] for name in DIFFERENCES)]
    return (
        "Differences of the same images, averaged over the runs; below zero the network is better. In brackets the "
        f"95 % interval of a bootstrap over people.\n\n{markdown_table(head, rows, texts=2)}"
    )


def details(compared: Compared) -> str:
    """The other tables of the page."""
    methods = compared["methods"]
    tables = {
        "MSE by image type, px²": ("mse_px2_by_type", _MSE),
        "Inner NME by image type, %": ("inner_nme_by_type", _NME),
        "MSE by point group, px²": ("mse_px2_by_group", _MSE),
    }
    folds = {(row["name"],): row["folds"] for row in methods if row["folds"]["mse_px2"]}
    parts = [
        "## All people, each held out once\n\nMeans over five folds of people, the last of which are persons 33-40; "
        f"mean ± standard deviation over the seeds.\n\n{spread_table(['method'], folds, _COLUMNS)}"
    ]
    for heading, (name, metric) in tables.items():
        columns = {kind: (kind, metric.text) for kind in methods[0][name]}
        table = spread_table(["method"], {(row["name"],): row[name] for row in methods}, columns)
        parts.append(f"## {heading}\n\n{table}")
    return "\n".join(parts)


def draw(compared: Compared) -> Figure:
    """The error of the methods, networks in blue, against the processor time of a prediction."""
    figure = new_figure(8, 4.8, "error and cost", _origin(compared))
    axes = figure.subplots()
    for row in compared["methods"]:
        if row["kind"] != "baseline" and row["cpu_ms"]:
            point = np.mean(row["cpu_ms"]), 100 * np.mean(row["inner_nme"])
            colour, above = (PREDICTION, 8) if row["kind"] == "network" else (BASELINE, -16)
            axes.plot(*point, "o", color=colour, markersize=8)
            axes.annotate(row["name"], point, (0, above), textcoords="offset points", ha="center", fontsize=9)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.2, y=0.2)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("processor time (ms of one core an image)")
    axes.set_ylabel("mean NME of the inner points (%)")
    axes.grid(alpha=0.3)
    return figure
