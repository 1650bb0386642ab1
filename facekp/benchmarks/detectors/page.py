"""The comparison in words, tables and one figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from facekp.evaluation.catalogue import AUC_LIMIT
from facekp.reporting.figures import LINE_COLOURS, draw_cumulative, new_figure
from facekp.reporting.publish import markdown_table, spread_text

_COLUMNS = {
    "mse_px2": ("MSE, px²", 1, ".1f"),
    "mse_px2_raw": ("MSE on raw labels, px²", 1, ".1f"),
    "error_px": ("error, px", 1, ".2f"),
    "nme": ("NME, %", 100, ".2f"),
    "inner_nme": ("inner NME, %", 100, ".2f"),
    "jaw_mse_px2": ("jaw MSE, px²", 1, ".1f"),
    "curve_px": ("to curve, px", 1, ".2f"),
    "turned_over_frontal": ("turned / frontal", 1, ".2f"),
    "folds_mse_px2": ("MSE of five folds, px²", 1, ".1f"),
    "cpu_ms": ("ms an image", 1, ".1f"),
}
_DIFFERENCES = {
    "mse_px2": ("MSE, px²", 1, ".1f"),
    "inner_nme": ("inner NME, %", 100, ".2f"),
    "curve_px": ("to curve, px", 1, ".2f"),
}
_SCOPES = {"course": "persons 33-40", "folds": "all 40, held out in five folds"}
_PARTS = ("all", "inner", "jaw")
_TEXT = 9
Compared = Mapping[str, Any]


def overview(compared: Compared) -> str:
    """The table and the sentences that belong into the README."""
    rows = [
        [row["name"], row["trained_on"], row["given"], str(row["runs"]), *(_cell(row[n], n) for n in _COLUMNS)]
        for row in compared["methods"]
    ]
    head = ["method", "trained on", "given", "runs", *(heading for heading, _, _ in _COLUMNS.values())]
    sentences = "".join(f"- {sentence}\n" for sentence in (*_verdicts(compared), *_noise(compared)))
    table = markdown_table(head, rows, texts=3)
    return f"{_origin(compared)}; mean ± standard deviation over the runs.\n\n{table}\n{sentences}"


def _origin(compared: Compared) -> str:
    return (
        f"{compared['data'].capitalize()}, {compared['labels']} labels, {compared['images']} held-out photographs of "
        f"{compared['people']} people (split course)"
    )


def _cell(values: Sequence[float], name: str) -> str:
    _, factor, form = _COLUMNS[name]
    return spread_text([factor * value for value in values], form) if values else "–"


def _verdicts(compared: Compared) -> Iterator[str]:
    """What each difference of the MSE is, and whether chance would do."""
    for pair in compared["differences"]:
        scope = "folds" if "folds" in pair else "course"
        found = pair[scope]["mse_px2"]
        yield (
            f"{pair['network']} against {pair['peer']} ({_SCOPES[scope]}): MSE {_interval(found, 'mse_px2')}, "
            f"{_VERDICTS[found['verdict']]}."
        )


_VERDICTS = {
    "better": "better by more than chance",
    "worse": "worse by more than chance",
    "no difference shown": "not more than chance",
}


def _interval(found: Mapping[str, Any], name: str) -> str:
    _, factor, form = _DIFFERENCES[name]
    mean, low, high = (found[part] for part in ("mean", "low", "high"))
    if low is None:
        return f"{factor * mean:+{form}}"
    return f"{factor * mean:+{form}} (95 % interval {factor * low:+{form}} to {factor * high:+{form}})"


def _noise(compared: Compared) -> Iterator[str]:
    """How much of what is left is in the labels."""
    noise = compared["label_noise"]
    if "shared" not in noise:
        return
    shared = noise["shared"]
    left = ", ".join(
        f"{row['name']} {np.mean(row['mse_px2']) - shared['all']['mean']:.1f}"
        for row in compared["methods"]
        if row["kind"] != "baseline"
    )
    yield (
        f"Of these errors {shared['all']['mean']:.1f} px² (95 % interval {shared['all']['low']:.1f} to "
        f"{shared['all']['high']:.1f}; jaw {shared['jaw']['mean']:.1f}, inner points {shared['inner']['mean']:.1f}) "
        "are shared by MediaPipe and dlib, which know nothing of each other: most of that is the annotators' hand. "
        f"What is left of each MSE, in px²: {left}."
    )


def details(compared: Compared) -> str:
    """The tables of the page that has them all."""
    methods = compared["methods"]
    tables = {
        "MSE by image type, px²": [(row["name"], row["mse_px2_by_type"], 1, ".1f") for row in methods],
        "Inner NME by image type, %": [(row["name"], row["inner_nme_by_type"], 100, ".2f") for row in methods],
        "MSE by point group, px²": [(row["name"], row["mse_px2_by_group"], 1, ".1f") for row in methods],
    }
    parts = [_all_folds(methods)]
    for heading, rows in tables.items():
        cells = [
            [name, *(spread_text([factor * value for value in values], form) for values in row.values())]
            for name, row, factor, form in rows
        ]
        parts.append(f"## {heading}\n\n{markdown_table(['method', *rows[0][1]], cells)}")
    return "\n".join([*parts, _all_differences(compared), _all_noise(compared)])


def _all_folds(methods: Sequence[Mapping[str, Any]]) -> str:
    names = [name for name in _COLUMNS if f"folds_{name}" in methods[0]]
    rows = [
        [row["name"], *(_cell(row[f"folds_{name}"], name) for name in names)] for row in methods if row["folds_mse_px2"]
    ]
    return (
        "## All people, each held out once\n\nMeans over five folds of people, the last of which are persons 33-40; "
        "mean ± standard deviation over the seeds.\n\n"
        f"{markdown_table(['method', *(_COLUMNS[name][0] for name in names)], rows)}"
    )


def _all_differences(compared: Compared) -> str:
    rows = [
        [
            *(f"{pair['network']} − {pair['peer']}", _SCOPES[scope], str(pair[scope]["images"])),
            *(f"{_interval(pair[scope][name], name)}: {pair[scope][name]['verdict']}" for name in _DIFFERENCES),
        ]
        for pair in compared["differences"]
        for scope in _SCOPES
        if scope in pair
    ]
    head = ["difference", "people", "images", *(heading for heading, _, _ in _DIFFERENCES.values())]
    return (
        "## Differences\n\nOf the same images, averaged over the runs; below zero the network is better. The 95 % "
        f"interval is that of a bootstrap over people.\n\n{markdown_table(head, rows, texts=2)}"
    )


def _all_noise(compared: Compared) -> str:
    noise = compared["label_noise"]
    rows = [["unlike the shapes of all other people", *(f"{noise['unlike_others'][part]:.1f}" for part in _PARTS)]]
    if "shared" in noise:
        cells = [f"{v['mean']:.1f} ({v['low']:.1f} to {v['high']:.1f})" for v in map(noise["shared"].get, _PARTS)]
        rows.append(["missed alike by MediaPipe and dlib", *cells])
    return (
        "## The labels' own noise, px²\n\nTwo estimates that need no second annotator. What a shape model of 20 modes "
        "of the other people cannot follow leaves out all noise that looks like another face, and so is rather too "
        "little; what two detectors that know nothing of each other miss alike holds what misleads both, and is rather "
        "too much.\n\n"
        f"{markdown_table(['estimate', *_PARTS], rows)}"
    )


def draw(compared: Compared, errors: Mapping[str, np.ndarray]) -> Figure:
    """Cumulative errors of the images on the left, error against cost on the right.

    Args:
        compared: the figures.
        errors: the images' inner NME by method, float [N] each, of all runs together.
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
            place = (0, 8) if ours else (0, -16)  # so that neighbours do not write over each other
            costs.annotate(row["name"], point, place, textcoords="offset points", ha="center", fontsize=_TEXT - 1)
    curves.set_xlim(0, 100 * AUC_LIMIT)
    curves.set_xlabel("NME of the 45 inner points (% of the distance between the eye centres)")
    curves.legend(fontsize=_TEXT - 1, loc="lower right")
    costs.set_xscale("log")
    costs.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    costs.xaxis.set_major_formatter("{x:g}")
    costs.xaxis.set_minor_formatter(NullFormatter())
    costs.margins(x=0.3, y=0.2)
    costs.set_ylim(bottom=0)
    costs.set_xlabel("processor time (ms of one core an image)")
    costs.set_ylabel("mean NME of the 45 inner points (%)")
    for axes in (curves, costs):
        axes.grid(alpha=0.3)
    return figure
