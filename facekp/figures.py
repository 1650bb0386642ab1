"""Every picture of the project, as matplotlib figures.

Red circles are the ground truth, blue crosses the prediction, everywhere. Coordinates are relative to the image. Each
function returns a ``Figure`` and touches no global state; ``caption`` says on which data it was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facekp.landmarks import Scheme

TRUTH = "#d62728"
PREDICTION = "#1f4fd6"
BASELINE = "#7f7f7f"
_COLUMNS = 4
_TEXT = 9

Curve = tuple[Sequence[float], Sequence[float]]
"""The x and the y of a line."""


@dataclass(frozen=True)
class Face:
    """What is drawn in one panel.

    Args:
        title: above the picture, such as the image's name.
        image: uint8 [H, W].
        truth: float [K, 2], relative, or None.
        prediction: float [K, 2], relative, or None.
    """

    title: str
    image: np.ndarray
    truth: np.ndarray | None = None
    prediction: np.ndarray | None = None


def face_grid(
    faces: Sequence[Face], scheme: Scheme, points: Sequence[int], title: str, caption: str, columns: int = _COLUMNS
) -> Figure:
    """Photographs with their true and predicted points.

    Args:
        faces: one per panel.
        scheme: tells which points a line joins.
        points: which of the scheme's points each face's rows are.
        title: above all panels.
        caption: below all panels.
        columns: panels in a row.
    """
    columns = min(columns, len(faces))
    rows = -(-len(faces) // columns)
    figure = new_figure(2.6 * columns, 2.2 * rows + 0.9, title, caption)
    for panel, face in zip(empty_panels(figure, rows, columns), faces, strict=False):
        height, width = face.image.shape
        panel.imshow(face.image, cmap="gray", vmin=0, vmax=255, extent=(0, 1, 1, 0), aspect=height / width)
        draw_points(panel, face.truth, scheme, points, TRUTH, "o", "ground truth")
        draw_points(panel, face.prediction, scheme, points, PREDICTION, "x", "prediction")
        panel.set_title(face.title, fontsize=_TEXT)
        panel.set_axis_off()
        panel.set_xlim(0, 1)
        panel.set_ylim(1, 0)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower right", fontsize=_TEXT, ncols=2, frameon=False)
    return figure


def draw_points(
    panel: Axes,
    keypoints: np.ndarray | None,
    scheme: Scheme,
    points: Sequence[int],
    colour: str,
    marker: str,
    label: str,
) -> None:
    """Mark points, float [K, 2], with the paths of the scheme between them; None draws nothing."""
    if keypoints is None:
        return
    row_of = {point: row for row, point in enumerate(points)}
    paths = [
        np.append(keypoints[[row_of[one], row_of[other]]], [[np.nan, np.nan]], axis=0)  # NaN lifts the pen
        for group in scheme.groups
        for one, other in group.segments
        if one in row_of and other in row_of
    ]
    panel.plot(*np.concatenate([np.empty((0, 2)), *paths]).T, color=colour, linewidth=0.6, alpha=0.8)
    size = 7 if len(points) == 1 else 2.4
    panel.plot(
        *keypoints.T, marker, color=colour, markersize=size, markeredgewidth=0.8, markerfacecolor="none", label=label
    )


def loss_curves(curves: Mapping[str, Curve], title: str, caption: str) -> Figure:
    """Losses against iterations, on a logarithmic axis; the training loss is thin, for it is noisy.

    Args:
        curves: (iterations, losses) by name; ``train/loss`` and ``val/loss`` are those that Lightning logs here.
        title, caption: above and below.
    """
    figure = new_figure(7, 4.2, title, caption)
    axes = figure.subplots()
    for (name, (steps, losses)), colour in zip(curves.items(), ("#8c8c8c", PREDICTION), strict=False):
        dense = len(steps) > 100
        axes.plot(
            steps, losses, color=colour, linewidth=0.7 if dense else 1.8, marker=None if dense else ".", label=name
        )
    axes.set_yscale("log")
    axes.set_xlabel("iteration")
    axes.set_ylabel("MSE of relative coordinates")
    _finish(axes)
    return figure


def cumulative_errors(errors: Mapping[str, np.ndarray], limit: float, title: str, caption: str) -> Figure:
    """Cumulative error distribution (CED): the share of images whose NME is at most so much.

    Args:
        errors: the images' NME by name, float [N] each; the first is the prediction's, the others are compared with it.
        limit: where the axis ends.
        title, caption: above and below.
    """
    figure = new_figure(6, 4.2, title, caption)
    axes = figure.subplots()
    for (name, values), colour in zip(errors.items(), (PREDICTION, BASELINE), strict=False):
        shares = np.arange(len(values) + 1) / len(values)
        axes.step([0, *(100 * np.sort(values))], shares, where="post", color=colour, label=name)
    axes.set_xlim(0, 100 * limit)
    axes.set_ylim(0, 1)
    axes.set_xlabel("NME (% of the distance between the eye centres)")
    axes.set_ylabel("share of images")
    _finish(axes)
    return figure


def error_table(rows: Sequence[str], columns: Sequence[str], values: np.ndarray, title: str, caption: str) -> Figure:
    """Mean error by two criteria as a heat map with its numbers.

    Args:
        rows, columns: their names.
        values: float [rows, columns], pixels; NaN where there is nothing.
        title, caption: above and below.
    """
    width = max(6, 1.6 + 0.85 * len(columns))  # at least as wide as the caption
    figure = new_figure(width, 1.5 + 0.36 * len(rows), title, caption)
    axes = figure.subplots()
    picture = axes.imshow(values, cmap="cividis", aspect="auto", vmin=0)
    figure.colorbar(picture, ax=axes, label="mean error (px)", shrink=0.9)
    axes.set_xticks(range(len(columns)), columns, fontsize=_TEXT, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows, fontsize=_TEXT)
    middle = np.nanmax(values) / 2
    for (row, column), value in np.ndenumerate(values):
        ink = "white" if value < middle else "black"
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=_TEXT, color=ink)
    return figure


def filters(weights: np.ndarray, title: str, caption: str) -> Figure:
    """The kernels of a convolution: a row for each output channel, a column for each input channel.

    One colour scale, symmetric about zero, serves the whole layer.

    Args:
        weights: float [out, in, h, w].
        title, caption: above and below.
    """
    sheet = _mosaic(weights if weights.shape[1] > 1 else weights.swapaxes(0, 1))
    figure = new_figure(2.2 + sheet.shape[1] / 14, 1.2 + sheet.shape[0] / 14, title, caption)
    axes = figure.subplots()
    axes.set_axis_off()
    limit = float(np.abs(weights).max())
    figure.colorbar(axes.imshow(sheet, cmap="PuOr", vmin=-limit, vmax=limit), ax=axes, label="weight", shrink=0.8)
    return figure


def responses(image: np.ndarray, maps: np.ndarray, title: str, caption: str) -> Figure:
    """What the channels of a convolution answer to one face.

    Args:
        image: uint8 [H, W], the face.
        maps: float [channels, h, w], each shown on a scale of its own from its least to its largest answer.
        title, caption: above and below.
    """
    least, largest = maps.min((1, 2), keepdims=True), maps.max((1, 2), keepdims=True)
    scaled = (maps - least) / np.maximum(largest - least, np.finfo(maps.dtype).tiny)
    columns = min(len(scaled), 6)
    missing = -len(scaled) % columns
    padded = np.concatenate([scaled, np.full((missing, *scaled.shape[1:]), np.nan)])
    sheet = _mosaic(padded.reshape(-1, columns, *scaled.shape[1:]), gap=max(1, scaled.shape[2] // 20))
    figure = new_figure(9.5, 1.2 + 7 * sheet.shape[0] / sheet.shape[1], title, caption)
    face, answers = figure.subplots(1, 2, width_ratios=(1.2, 6))
    face.imshow(image, cmap="gray", vmin=0, vmax=255)
    answers.imshow(sheet, cmap="magma", vmin=0, vmax=1)
    for axes in (face, answers):
        axes.set_axis_off()
    return figure


def _mosaic(tiles: np.ndarray, gap: int = 1) -> np.ndarray:
    """Lay tiles [rows, columns, h, w] out as one picture, with gaps of NaN, which are drawn as nothing."""
    padded = np.pad(tiles, ((0, 0), (0, 0), (0, gap), (0, gap)), constant_values=np.nan)
    rows, columns, height, width = padded.shape
    return padded.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)[:-gap, :-gap]


def new_figure(width: float, height: float, title: str, caption: str) -> Figure:
    """An empty figure of so many inches, with its title and the caption that tells its data."""
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    figure.suptitle(title, fontsize=_TEXT + 2)
    figure.supxlabel(caption, fontsize=_TEXT - 2, color="#555555", x=0.01, ha="left")
    return figure


def empty_panels(figure: Figure, rows: int, columns: int) -> list[Axes]:
    """Axes without ticks or frames, in reading order."""
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for panel in panels:
        panel.set_axis_off()
    return panels


def _finish(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    axes.legend(fontsize=_TEXT)
