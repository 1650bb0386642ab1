"""Figures of curves and intervals, of one run or of several; the first run has the blue of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from facekp.reporting.figures import BASELINE, PREDICTION, TEXT, line_styles, new_figure, wrapped
from facekp.runs.folder import Scalars


def loss_curves(losses: Mapping[str, Scalars], title: str, caption: str) -> Figure:
    """Losses over iterations, on a logarithmic axis.

    Args:
        losses: by run, ``val/loss`` (thick) and ``train/loss`` (thin, a running mean over 5 % of the iterations), if
            they are known.
    """
    figure, axes = _curves(title, caption)
    for (name, curves), (dash, colour) in zip(losses.items(), line_styles(), strict=False):
        if "train/loss" in curves:
            steps, values = map(np.asarray, curves["train/loss"])
            width = max(1, len(values) // 20)
            smooth = np.convolve(values, np.full(width, 1 / width), mode="valid")
            axes.plot(steps[width - 1 :], smooth, dash, color=colour, linewidth=0.7, alpha=0.45)
        axes.plot(*curves.get("val/loss", ([], [])), dash, color=colour, linewidth=1.8, marker=".", label=name)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(LogFormatter())  # matplotlib's own labels are formulas
    axes.yaxis.set_minor_formatter(LogFormatter())
    axes.set_xlabel("iteration")
    axes.set_ylabel("loss")
    return _legend_above(figure)


def cumulative_errors(
    errors: Mapping[str, np.ndarray], unit: str, title: str, caption: str, limit: float | None = None
) -> Figure:
    """Cumulative error distributions (CED): the share of images whose error is at most a threshold.

    Args:
        errors: of the images, float [N] each, by name.
        limit: end of the axis; by default, only the largest 2 % of the errors are beyond it.
    """
    figure, axes = _curves(title, caption)
    for (name, values), (dash, colour) in zip(errors.items(), line_styles(), strict=False):
        shares = np.arange(len(values) + 1) / len(values)
        axes.step([0, *np.sort(values)], shares, dash, where="post", color=colour, label=name)
    pooled = np.concatenate(list(errors.values()))
    axes.set_xlim(0, limit or max(np.quantile(pooled[np.isfinite(pooled)], 0.98), np.finfo(float).tiny))
    axes.set_xlabel(unit)
    axes.set_ylim(0, 1)
    axes.set_ylabel("share of images")
    return _legend_above(figure)


def error_by_confidence(confidence: np.ndarray, error_px: np.ndarray, title: str, caption: str) -> Figure:
    """The mean error of each tenth of the predictions, in ascending order of confidence.

    Args:
        confidence, error_px: float [N], of N points.
    """
    parts = np.array_split(np.argsort(confidence, kind="stable"), min(10, len(confidence)))
    figure, axes = _curves(title, caption)
    bars = axes.bar(range(len(parts)), [error_px[part].mean() for part in parts], color=PREDICTION, width=0.75)
    axes.bar_label(bars, fmt="%.1f", fontsize=TEXT)
    axes.set_xticks(range(len(parts)), [f"{confidence[part].mean():.2f}" for part in parts])
    axes.set_xlabel("mean confidence of each tenth of the predictions, the lowest on the left")
    axes.set_ylabel("mean error (px)")
    axes.set_axisbelow(True)
    return figure


def paired_differences(differences: np.ndarray, rows: Sequence[str], unit: str, title: str, caption: str) -> Figure:
    """Differences with their confidence intervals, and the line of no difference (a forest plot).

    Args:
        differences: float [rows, 3]: the mean, and the lower and upper end of its interval, which may be NaN.
    """
    figure = new_figure(8, 1.6 + 0.4 * len(rows), title, caption)
    axes = figure.subplots()
    axes.axvline(0, color=BASELINE, linewidth=1)
    mean, low, high = differences.T
    axes.hlines(range(len(rows)), low, high, color=PREDICTION, linewidth=2)
    axes.plot(mean, range(len(rows)), "D", color=PREDICTION, markersize=4.5)
    axes.set_yticks(range(len(rows)), rows, fontsize=TEXT)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(unit)
    axes.grid(alpha=0.3, axis="x")
    return figure


def _curves(title: str, caption: str) -> tuple[Figure, Axes]:
    figure = new_figure(8, 4.8, title, caption)
    axes = figure.subplots()
    axes.grid(alpha=0.3)
    return figure, axes


def _legend_above(figure: Figure) -> Figure:
    """Put the names of what is drawn above the axes, where they hide no curve."""
    (axes,) = figure.axes
    handles, labels = axes.get_legend_handles_labels()
    columns = 2 if max(map(len, labels)) < 50 else 1
    labels = [wrapped(label, figure.get_figwidth() - 1.5) for label in labels]
    axes.legend(handles, labels, loc="lower left", bbox_to_anchor=(0, 1), fontsize=TEXT, ncols=columns, frameon=False)
    return figure
