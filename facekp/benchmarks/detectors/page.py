"""The page of the comparison: sentences, tables and one figure, for docs and README.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from facekp.benchmarks.detectors.comparison import DIFFERENCES, PARTS, measure
from facekp.benchmarks.detectors.methods import METRICS, read_methods
from facekp.data.records import Record
from facekp.evaluation.catalogue import AUC_LIMIT, CATALOGUE, HEADLINE
from facekp.landmarks.scheme import Scheme
from facekp.reporting.comparison_page import difference_text
from facekp.reporting.curve_figures import draw_cumulative
from facekp.reporting.figures import LINE_COLOURS, new_figure
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
_VERDICTS = {
    "better": "better by more than chance",
    "worse": "worse by more than chance",
    "no difference shown": "not more than chance",
}
_TEXT = 9
Compared = Mapping[str, Any]


def publish(paths: Sequence[str], records: Sequence[Record], scheme: Scheme, docs: Path, pages: Sequence[Path]) -> None:
    """Compare the methods of some run folders, and write the results.

    Args:
        paths: run folders of networks and baselines, or folders of them.
        records: all photographs of the data.
        scheme: their landmarks.
        docs, pages: see :func:`facekp.reporting.published.write_published`.

    Raises:
        ConfigError, DataError: see :func:`facekp.benchmarks.detectors.methods.read_methods`.
    """
    methods = read_methods(paths, scheme)
    compared = measure(methods, records, scheme)
    errors = {method.name: np.concatenate([run.by_image["inner_nme"] for run in method.course]) for method in methods}
    figure = "![how good, and at what cost](comparison.svg)\n"
    write_published(
        "comparison",
        content=compared,
        summary=overview(compared),
        details=f"{details(compared)}\n{figure}",
        figures={"comparison": draw(compared, errors)},
        docs=docs,
        pages=pages,
    )
    replace_part(pages, "headline", headline(compared))


def overview(compared: Compared) -> str:
    """The table of all methods, and sentences on their differences."""
    rows = {
        (row["name"], row["trained_on"], row["given"], str(row["runs"])): {**row, "folds": row["folds"]["mse_px2"]}
        for row in compared["methods"]
    }
    table = spread_table(["method", "trained on", "given", "runs"], rows, _OVERVIEW, texts=3)
    sentences = "".join(f"- {sentence}\n" for sentence in (*_verdicts(compared), *_noise(compared)))
    return (
        f"{_origin(compared)}; mean ± standard deviation over the runs.\n\n{table}\n"
        f"In brackets the 95 % interval of a bootstrap over people:\n\n{sentences}"
    )


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
    table = spread_table(["method", "trained on"], rows, columns, texts=2)
    return f"{_origin(compared)}; mean ± standard deviation over the runs.\n\n{table}"


def _origin(compared: Compared) -> str:
    return (
        f"{compared['data'].capitalize()}, {compared['labels']} labels, {compared['images']} held-out photographs of "
        f"{compared['people']} people (split course)"
    )


def _verdicts(compared: Compared) -> Iterator[str]:
    """A sentence on each difference, and whether it is more than chance."""
    for pair in compared["differences"]:
        scope = "folds" if "folds" in pair else "course"
        told = [
            f"{_COLUMNS[name][0]} {difference_text(METRICS[name][0], found)}, {_VERDICTS[found['verdict']]}"
            for name, found in pair[scope].items()
            if name in DIFFERENCES
        ]
        yield f"{pair['network']} against {pair['detector']} ({_SCOPES[scope]}): {'; '.join(told)}."


def _noise(compared: Compared) -> Iterator[str]:
    """A sentence on the part of the errors that is due to the labels."""
    shared = compared["label_noise"].get("shared")
    if shared is None:
        return
    everything, jaw, inner = (shared[part] for part in ("all", "jaw", "inner"))
    left = ", ".join(
        f"{row['name']} {_MSE.text(np.mean(row['mse_px2']) - everything['mean'])}"
        for row in compared["methods"]
        if row["kind"] != "baseline"
    )
    yield (
        f"Of these errors {_range(everything)} px² (jaw {_MSE.text(jaw['mean'])}, inner points "
        f"{_MSE.text(inner['mean'])}) are shared by MediaPipe and dlib, which know nothing of each other: most of that "
        f"is the annotators' hand. What is left of each MSE, in px²: {left}."
    )


def _range(interval: Mapping[str, float]) -> str:
    return "{} ({} to {})".format(*(_MSE.text(interval[part]) for part in ("mean", "low", "high")))


def details(compared: Compared) -> str:
    """All tables of the page."""
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
    return "\n".join([*parts, _all_differences(compared), _all_noise(compared)])


def _all_differences(compared: Compared) -> str:
    metrics = {name: METRICS[name][0] for name in DIFFERENCES}
    rows = [
        [
            *(f"{pair['network']} − {pair['detector']}", _SCOPES[scope], str(pair[scope]["images"])),
            *(
                f"{difference_text(metric, pair[scope][name])}: {pair[scope][name]['verdict']}"
                for name, metric in metrics.items()
            ),
        ]
        for pair in compared["differences"]
        for scope in _SCOPES
        if scope in pair
    ]
    head = ["difference", "people", "images", *(_COLUMNS[name][0] for name in DIFFERENCES)]
    return (
        "## Differences\n\nOf the same images, averaged over the runs; below zero the network is better. In brackets "
        f"the 95 % interval of a bootstrap over people.\n\n{markdown_table(head, rows, texts=2)}"
    )


def _all_noise(compared: Compared) -> str:
    noise = compared["label_noise"]
    rows = [["unlike the shapes of all other people", *(_MSE.text(noise["unlike_others"][part]) for part in PARTS)]]
    if "shared" in noise:
        rows.append(["missed alike by MediaPipe and dlib", *(_range(noise["shared"][part]) for part in PARTS)])
    return (
        "## The labels' own noise, px²\n\nTwo estimates that need no second annotator. What a shape model of 20 modes "
        "of the other people cannot follow leaves out all noise that looks like another face, and so is rather too "
        "little; what two detectors that know nothing of each other miss alike holds what misleads both, and is rather "
        f"too much.\n\n{markdown_table(['estimate', *PARTS], rows)}"
    )


def draw(compared: Compared, errors: Mapping[str, np.ndarray]) -> Figure:
    """Cumulative errors of the images on the left, error against cost on the right.

    Args:
        compared: the numbers.
        errors: the NME of the inner points by method, float [N] each, over the images of all runs.
    """
    shown = [row for row in compared["methods"] if row["kind"] != "baseline"]
    figure = new_figure(11, 4.8, "how good, and at what cost", _origin(compared))
    curves, costs = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1.15, 1]})
    for row, colour in zip(shown, cycle(LINE_COLOURS)):
        ours = row["kind"] == "network"
        draw_cumulative(curves, 100 * errors[row["name"]], colour, row["name"], "-" if ours else "--")
        if row["cpu_ms"]:
            point = np.mean(row["cpu_ms"]), 100 * np.mean(row["inner_nme"])
            costs.plot(*point, "o" if ours else "s", color=colour, markersize=8)
            place = (0, 8) if ours else (0, -16)  # so that neighbours do not overlap
            costs.annotate(row["name"], point, place, textcoords="offset points", ha="center", fontsize=_TEXT - 1)
    curves.set_xlim(0, 100 * AUC_LIMIT)
    curves.set_xlabel("NME of the inner points (% of the distance between the eye centres)")
    curves.legend(fontsize=_TEXT - 1, loc="lower right")
    costs.set_xscale("log")
    costs.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    costs.xaxis.set_major_formatter("{x:g}")
    costs.xaxis.set_minor_formatter(NullFormatter())
    costs.margins(x=0.3, y=0.2)
    costs.set_ylim(bottom=0)
    costs.set_xlabel("processor time (ms of one core an image)")
    costs.set_ylabel("mean NME of the inner points (%)")
    for axes in (curves, costs):
        axes.grid(alpha=0.3)
    return figure
