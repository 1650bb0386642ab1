"""How well a network's confidence predicts its errors."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from facekp.reporting.figures import PREDICTION, new_figure

_PARTS = 10


def by_confidence(confidence: np.ndarray, error_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean confidence and mean error of ten equal parts of the predictions, in ascending order of confidence.

    Args:
        confidence: float [N], of N points.
        error_px: float [N], their errors.

    Returns:
        Two float [10], or [N] if there are fewer points.
    """
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(_PARTS, len(order)))
    return np.array([confidence[part].mean() for part in parts]), np.array([error_px[part].mean() for part in parts])


def draw_confidence(confidence: np.ndarray, error_px: np.ndarray, title: str, caption: str) -> Figure:
    """The mean error of each tenth of the predictions, in ascending order of confidence.

    Args:
        confidence, error_px: as for :func:`by_confidence`.
        title, caption: above and below.
    """
    mean_confidence, error = by_confidence(confidence, error_px)
    figure = new_figure(9.5, 4.2, title, caption)
    axes = figure.subplots()
    axes.bar(range(len(error)), error, color=PREDICTION, width=0.75)
    for position, value in enumerate(error):
        axes.text(position, value, f"{value:.1f}", ha="center", va="bottom", fontsize=8)
    axes.set_xticks(range(len(error)), [f"{value:.2f}" for value in mean_confidence])
    axes.set_xlabel("mean confidence of each tenth of the predictions, the lowest on the left")
    axes.set_ylabel("mean error (px)")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    return figure
