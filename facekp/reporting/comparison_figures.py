"""Figures that compare several runs; the reference is drawn first, in the blue of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facekp.landmarks.scheme import Scheme
from facekp.reporting.figures import (
    BASELINE,
    PREDICTION,
    TRUTH,
    Curve,
    draw_cumulative,
    draw_points,
    empty_panels,
    label_decades,
    line_styles,
    new_figure,
)

REFERENCE = "#4aa8e0"
_COLUMNS = 3
_TEXT = 9


@dataclass(frozen=True)
class FacePair:
    """One face with the predictions of two runs.

    Args:
        title: above the picture.
        image: uint8 [H, W].
        truth, reference, run: float [K, 2], relative to the image.
    """

    title: str
    image: np.ndarray
    truth: np.ndarray
    reference: np.ndarray
    run: np.ndarray


def face_pairs(
    faces: Sequence[FacePair],
    names: tuple[str, str],
    scheme: Scheme,
    point_indices: Sequence[int],
    title: str,
    caption: str,
) -> Figure:
    """Faces with the ground truth in red and two runs' predictions in two blues: triangles for the reference, crosses
    for the run.

    Args:
        faces: one per panel.
        names: of the reference and of the run.
        scheme: tells which points are joined by lines.
        point_indices: which of the scheme's points are shown.
        title, caption: above and below.
    """
    columns = min(_COLUMNS, len(faces))
    rows = -(-len(faces) // columns)
    figure = new_figure(max(3.6 * columns, 6), 2.9 * rows + 1, title, f"{caption}\n\n")  # room for the legend
    for panel, face in zip(empty_panels(figure, rows, columns), faces, strict=False):
        height, width = face.image.shape
        panel.imshow(face.image, cmap="gray", vmin=0, vmax=255, extent=(0, 1, 1, 0), aspect=height / width)
        draw_points(panel, face.truth, scheme, point_indices, TRUTH, "o", "ground truth")
        draw_points(panel, face.reference, scheme, point_indices, REFERENCE, "^", names[0])
        draw_points(panel, face.run, scheme, point_indices, PREDICTION, "x", names[1])
        panel.set_title(face.title, fontsize=_TEXT)
        panel.set_xlim(0, 1)
        panel.set_ylim(1, 0)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", fontsize=_TEXT, ncols=3, frameon=False)
    return figure


def cumulative_errors_of(errors: Mapping[str, np.ndarray], unit: str, title: str, caption: str) -> Figure:
    """Cumulative error distributions (CED) of several runs: the share of images whose error is at most a threshold.

    Args:
        errors: float [N], of the images, by run.
        unit: label of the axis.
        title, caption: above and below.
    """
    figure, axes = _overlay(title, caption)
    for (name, values), (dash, colour) in zip(errors.items(), line_styles(), strict=False):
        draw_cumulative(axes, values, colour, name, dash)
    pooled = np.concatenate(list(errors.values()))
    axes.set_xlim(0, max(np.quantile(pooled[np.isfinite(pooled)], 0.98), np.finfo(float).tiny))
    axes.set_xlabel(unit)
    return _with_legend(figure)


def losses_of(losses: Mapping[str, Mapping[str, Curve]], title: str, caption: str) -> Figure:
    """Losses of several runs over iterations, on a logarithmic axis.

    Args:
        losses: by run, ``val/loss`` (thick) and ``train/loss`` (thin, a running mean over 5 % of the iterations);
            either may be absent.
        title, caption: above and below.
    """
    figure, axes = _overlay(title, caption)
    for (name, curves), (dash, colour) in zip(losses.items(), line_styles(), strict=False):
        if "train/loss" in curves:
            steps, values = map(np.asarray, curves["train/loss"])
            width = max(1, len(values) // 20)
            smooth = np.convolve(values, np.full(width, 1 / width), mode="valid")
            axes.plot(steps[width - 1 :], smooth, dash, color=colour, linewidth=0.7, alpha=0.45)
        axes.plot(*curves.get("val/loss", ([], [])), dash, color=colour, linewidth=1.8, marker=".", label=name)
    axes.set_yscale("log")
    label_decades(axes.yaxis)
    axes.set_xlabel("iteration")
    axes.set_ylabel("loss")
    return _with_legend(figure)


def paired_differences(
    differences: Mapping[str, np.ndarray],
    rows: Sequence[str],
    unit: str,
    title: str,
    caption: str,
    colours: Sequence[str] = (PREDICTION,),
) -> Figure:
    """Differences with their confidence intervals, and the line of no difference (a forest plot).

    Args:
        differences: float [rows, 3] by run: the mean, and the lower and upper end of its interval, which may be NaN.
        rows: their names, from top to bottom.
        unit: label of the axis.
        title, caption: above and below.
        colours: one per run.
    """
    step = 1 / (len(differences) + 0.5)
    figure = new_figure(8, 1.6 + max(0.24 / step, 0.4) * len(rows), title, caption)
    axes = figure.subplots()
    axes.axvline(0, color=BASELINE, linewidth=1)
    for number, ((name, values), colour) in enumerate(zip(differences.items(), colours, strict=True)):
        heights = np.arange(len(rows)) + (number - (len(differences) - 1) / 2) * step
        mean, low, high = values.T
        axes.hlines(heights, low, high, color=colour, linewidth=2)
        axes.plot(mean, heights, "D", color=colour, markersize=4.5, label=name)
    axes.set_yticks(range(len(rows)), rows, fontsize=_TEXT)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(unit)
    axes.grid(alpha=0.3, axis="x")
    return _with_legend(figure) if len(differences) > 1 else figure


def _overlay(title: str, caption: str) -> tuple[Figure, Axes]:
    figure = new_figure(8, 4.8, title, caption)
    axes = figure.subplots()
    axes.grid(alpha=0.3)
    return figure, axes


def _with_legend(figure: Figure) -> Figure:
    """Add a legend above the axes, where it hides no curve."""
    (axes,) = figure.axes
    columns = 2 if max(map(len, axes.get_legend_handles_labels()[1])) < 50 else 1
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), fontsize=_TEXT, ncols=columns, frameon=False)
    return figure
