"""The figures of the project, in matplotlib.

Red circles are the ground truth, blue crosses the prediction. Coordinates are relative to the image. Each function
returns a ``Figure`` without changing any global state; ``caption`` names the data that it shows. Texts are drawn
literally: matplotlib would otherwise read text between two ``$`` as a formula.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle, product
from pathlib import Path
from textwrap import fill

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke
from matplotlib.text import Text

from facekp.evaluation.errors import Predictions
from facekp.landmarks.scheme import Scheme
from facekp.utils.files import atomic_write
from facekp.utils.terminal import printable

TRUTH = "#d62728"
PREDICTION = "#1f4fd6"
BASELINE = "#7f7f7f"
LINE_COLOURS = (PREDICTION, "#e69f00", "#009e73", "#c060a0", "#56b4e9", "#6b6b6b", "#8c564b", "#a5a81f")
"""Of compared runs, in this order; none is the red of the ground truth."""
TEXT = 9
"""The size of most texts, in points of 1/72 inch."""


def draw_points(
    panel: Axes,
    keypoints: np.ndarray,
    scheme: Scheme,
    point_indices: Sequence[int],
    colour: str,
    marker: str,
    label: str,
) -> None:
    """Mark points, float [K, 2], with the paths of the scheme between them."""
    panel.plot(*outline(keypoints, scheme, point_indices).T, color=colour, linewidth=0.6, alpha=0.8)
    size = marker_size(point_indices)
    edge = 0.5 + size / 10
    (marks,) = panel.plot(*keypoints.T, marker, color=colour, label=label, path_effects=halo(edge))
    marks.set(markersize=size, markeredgewidth=edge, markerfacecolor="none")


def outline(shapes: np.ndarray, scheme: Scheme, point_indices: Sequence[int]) -> np.ndarray:
    """The lines of the scheme between the points of shapes [..., K, 2]; see :func:`separate`."""
    row_of = {point: row for row, point in enumerate(point_indices)}
    segments = [segment for group in scheme.groups for segment in group.segments]
    rows = [[row_of[one], row_of[other]] for one, other in segments if one in row_of and other in row_of]
    return separate(shapes[..., np.array(rows, int).reshape(-1, 2), :])


def separate(lines: np.ndarray) -> np.ndarray:
    """Lines [..., N, 2] as one line [M, 2], in which NaN lifts the pen after each."""
    return np.concatenate([lines, np.full_like(lines[..., :1, :], np.nan)], axis=-2).reshape(-1, 2)


def marker_size(point_indices: Sequence[int]) -> float:
    """Of the marks of a face, in points of 1/72 inch: a single mark is larger."""
    return 8 if len(point_indices) == 1 else 3


def halo(width: float) -> list[withStroke]:
    """A thin light line on both sides of a line of some width, which shows it on a dark picture."""
    return [withStroke(linewidth=width + 0.9, foreground="white")]


def evenly(length: int, count: int) -> list[int]:
    """So many places, or all, spread evenly over a list of that length."""
    return np.unique(np.linspace(0, length - 1, count).round().astype(int)).tolist()


def error_table(error_px: Mapping[str, Mapping[str, float]], title: str, caption: str) -> Figure:
    """Mean error by two criteria, as a heat map with numbers: rows of columns, in pixels."""
    rows, columns = list(error_px), list(next(iter(error_px.values())))
    values = np.array([list(row.values()) for row in error_px.values()])
    width = max(6, 1.6 + 0.85 * len(columns))  # at least as wide as the caption
    figure = new_figure(width, 1.5 + 0.36 * len(rows), title, caption)
    axes = figure.subplots()
    picture = axes.imshow(values, cmap="cividis", aspect="auto", vmin=0)
    figure.colorbar(picture, ax=axes, label="mean error (px)", shrink=0.9)
    axes.set_xticks(range(len(columns)), columns, fontsize=TEXT, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows, fontsize=TEXT)
    middle = np.nanmax(values) / 2
    for (row, column), value in np.ndenumerate(values):
        ink = "white" if value < middle else "black"
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=TEXT, color=ink)
    return figure


def error_vectors(predictions: Predictions, title: str, caption: str) -> Figure:
    """The error of each point, on the mean of all true points: on the left its mean, on the right its variation.

    An arrow points from the true point towards the mean prediction; its length is the error times the factor in the
    panel's title. An ellipse shows one standard deviation about the mean prediction, at its true size, along the
    principal axes of the errors' covariance.
    """
    mean_px, errors_px = predictions.all_truth_px.mean(0), predictions.keypoints_px - predictions.truth_px
    scheme, point_indices = predictions.scheme, predictions.point_indices
    true, bias = mean_px[list(point_indices)], errors_px.mean(0)
    width = float(np.ptp(mean_px[:, 0])) or 1.0
    longest = max(float(np.linalg.norm(bias, axis=1).max()), 1e-6 * width)
    factor = max(1.0, _one_digit(0.15 * width / longest))
    figure = new_figure(9.5, 5.9, title, caption)
    means, spreads = figure.subplots(1, 2, sharex=True, sharey=True)
    for panel in (means, spreads):
        panel.plot(*outline(mean_px, scheme, range(len(mean_px))).T, color=BASELINE, linewidth=0.6, alpha=0.8)
        draw_points(panel, true, scheme, point_indices, TRUTH, "o", "ground truth")
        panel.set_aspect("equal")
        panel.set_xlabel("x (px)")
        panel.tick_params(labelsize=TEXT - 1)
    arrows = means.quiver(
        *(*true.T, *bias.T),
        **{"angles": "xy", "scale_units": "xy", "scale": 1 / factor, "units": "inches", "width": 0.018},
        color=PREDICTION,
    )
    key = _one_digit(0.15 * width / factor)
    means.quiverkey(arrows, 0.86, 0.06, key, f"{key:g} px", labelpos="N", fontproperties={"size": TEXT})
    size = "at its true size" if factor == 1 else f"drawn {factor:g} times as long"
    means.set_title(f"mean error, {size}", fontsize=TEXT)
    means.set_ylabel("y (px)")
    for centre, errors in zip(true + bias, errors_px.swapaxes(0, 1), strict=True):
        variances, axes = np.linalg.eigh(np.cov(errors.T, bias=True))
        small, large = 2 * np.sqrt(variances.clip(0))
        angle = float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1])))
        spreads.add_patch(
            Ellipse(centre, large, small, angle=angle, fill=False, color=PREDICTION, linewidth=0.7, alpha=0.8)
        )
    spreads.plot(*(true + bias).T, "x", color=PREDICTION, markersize=3.5, markeredgewidth=0.8, label="mean prediction")
    spreads.set_title("spread: one standard deviation about the mean prediction", fontsize=TEXT)
    spreads.legend(fontsize=TEXT - 1, loc="lower right")
    spreads.margins(0.12)
    means.invert_yaxis()  # shared
    return figure


def _one_digit(value: float) -> float:
    return float(f"{value:.1g}")


def line_styles() -> cycle[tuple[str, str]]:
    """Dash and colour of each compared line; they repeat after 24."""
    return cycle(product(("-", "--", ":"), LINE_COLOURS))


class _PlainFigure(Figure):
    """Draws texts literally, without formulas, and control characters visibly."""

    def draw(self, renderer: RendererBase) -> None:
        for text in self.findobj(Text):
            text.set_parse_math(False)
            text.set_text(printable(text.get_text()))
        super().draw(renderer)


def save_png(figure: Figure, path: Path, dpi: float | None = None) -> None:
    """Write a figure with :func:`atomic_write`; ``savefig`` would draw it twice, and take longer to compress it."""
    figure.set_dpi(dpi or figure.dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = cv2.cvtColor(np.asarray(canvas.buffer_rgba()), cv2.COLOR_RGBA2BGR)
    _, png = cv2.imencode(".png", pixels, (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, 0))
    with atomic_write(path) as file:
        file.write(png.data)


def new_figure(width: float, height: float, title: str, caption: str) -> Figure:
    """An empty figure with its size in inches, its title, and the caption that names its data."""
    figure = _PlainFigure(figsize=(width, height), dpi=120, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.08)  # type: ignore[union-attr, call-arg]  # else long titles touch panels
    figure.suptitle(wrapped(title, width, TEXT + 2), fontsize=TEXT + 2)
    figure.supxlabel(wrapped(caption, width, TEXT - 2), fontsize=TEXT - 2, color="#555555", x=0.01, ha="left")
    return figure


def wrapped(text: str, width: float, size: float = TEXT) -> str:
    """A text in lines that fit into a width in inches."""
    return "\n".join(fill(line, int(125 * width / size)) for line in text.split("\n"))


def panel_grid(
    count: int, columns: int, width: float, height: float, title: str, caption: str
) -> tuple[Figure, list[Axes]]:
    """A figure with room for a legend below, and its panels, without ticks or frames, in reading order.

    Args:
        columns: at most.
        width, height: of each panel in inches.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = new_figure(width * columns, height * rows + 0.9, title, f"{caption}\n\n")
    without = {"xticks": [], "yticks": [], "frame_on": False}
    return figure, list(figure.subplots(rows, columns, squeeze=False, subplot_kw=without).flat)
