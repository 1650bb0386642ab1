"""The page of the learning curves: a table and a figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter

from facekp.benchmarks.detectors.learning_curve import MORE, SHOWN, on_line
from facekp.benchmarks.detectors.methods import METRICS, origin_of
from facekp.reporting.figures import LINE_COLOURS, new_figure
from facekp.reporting.published import markdown_table, spread_text, write_published

_AT = f"at_{MORE}"
_METRICS = {name: METRICS[name] for name in SHOWN}
_MARKERS = "osD^v"
Measured = Mapping[str, Any]


def publish(measured: Measured, docs: Path, pages: Sequence[Path]) -> None:
    """Write the numbers of :func:`facekp.benchmarks.detectors.learning_curve.measure`.

    Args:
        docs, pages: see :func:`facekp.reporting.published.write_published`.
    """
    write_published(
        "learning_curve",
        content=measured,
        summary=overview(measured),
        details=details(measured),
        figure=("error against the number of people", draw(measured)),
        docs=docs,
        pages=pages,
    )


def overview(measured: Measured) -> str:
    """The table of all methods and sizes."""
    sizes = sorted({size for method in measured["methods"] for size in method["sizes"]})
    rows = []
    for name, (metric, of, _) in _METRICS.items():
        for method in measured["methods"]:
            curve = method[name]
            of_size = dict(zip(method["sizes"], curve["values"], strict=True))
            told = [spread_text(of_size.get(size, ()), metric.text) for size in sizes]
            line = _range(curve["factor"], "{:.2f}".format), _range(curve[_AT], metric.text)
            rows.append([metric.title(of), method["name"], *told, *line])
    head = ["metric", "method", *map(str, sizes), "twice the people", f"{MORE} people, by the line"]
    return (
        f"{_origin(measured)} The columns are numbers of people trained on; mean ± standard deviation over the seeds, "
        "each of which chooses people of its own. Twice the people multiply the error by so much; in brackets the 95 % "
        f"interval of a bootstrap over held-out people and seeds.\n\n{markdown_table(head, rows, texts=2)}"
    )


def details(measured: Measured) -> str:
    """How far the lines can be trusted: what those of the smaller sizes say of the largest."""
    rows = []
    for name, (metric, of, _) in _METRICS.items():
        for method in measured["methods"]:
            foreseen, found = method[name]["foreseen"], float(np.mean(method[name]["values"][-1]))
            if foreseen is not None:
                told = metric.text(foreseen), metric.text(found), f"{round(100 * (found / foreseen - 1)):+} %"
                rows.append([metric.title(of), method["name"], str(method["sizes"][-1]), *told])
    head = ["metric", "method", "people", "by the line", "measured", "difference"]
    return (
        "## How well a line foretells\n\nThe error with the most people, by the line through the sizes up to half of "
        f"them, and as measured.\n\n{markdown_table(head, rows, texts=2)}"
    )


def draw(measured: Measured) -> Figure:
    """The error of every run, and the lines, on logarithmic axes."""
    figure = new_figure(9, 4.6, "error by the number of people trained on", _origin(measured))
    for panel, (name, (metric, of, _)) in zip(figure.subplots(1, 2), _METRICS.items(), strict=False):
        for method, colour, marker in zip(measured["methods"], LINE_COLOURS, _MARKERS, strict=False):
            _draw_curve(panel, method, name, colour, marker)
        panel.set_xlabel("people trained on")
        panel.set_ylabel(metric.title(of))
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.xaxis.set_major_locator(FixedLocator([*measured["methods"][0]["sizes"], MORE]))
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
        panel.grid(alpha=0.3)
    panel.legend(fontsize=8)
    return figure


def _draw_curve(panel: Axes, method: Measured, name: str, colour: str, marker: str) -> None:
    """The runs as small points, their means, and the line, dashed where it is extrapolated with its interval."""
    factor, curve, sizes = _METRICS[name][0].factor, method[name], method["sizes"]
    values = factor * np.array(curve["values"])
    panel.plot(sizes, values, ".", color=colour, markersize=3, alpha=0.6)
    panel.plot(sizes, values.mean(1), marker, color=colour, markersize=6, label=method["name"])
    for ends, style in ((sizes[:: len(sizes) - 1], "-"), ((sizes[-1], MORE), "--")):
        panel.plot(ends, on_line(sizes, values.mean(1), ends), style, color=colour, linewidth=1.2)
    at = {part: factor * value for part, value in curve[_AT].items()}
    panel.errorbar(MORE, at["mean"], [[at["mean"] - at["low"]], [at["high"] - at["mean"]]], color=colour, capsize=3)


def _range(found: Mapping[str, float], text: Callable[[float], str]) -> str:
    return f"{text(found['mean'])} ({text(found['low'])} to {text(found['high'])})"


def _origin(measured: Measured) -> str:
    return f"{origin_of(measured)}."
