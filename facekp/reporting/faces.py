"""Pictures of faces with their points, cropped to the face, with the conventions of :mod:`facekp.reporting.figures`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facekp.landmarks.scheme import Scheme
from facekp.reporting.figures import (
    PREDICTION,
    TEXT,
    TRUTH,
    draw_points,
    halo,
    marker_size,
    panel_grid,
    separate,
    wrapped,
)

_MARGIN = 0.15
_MIN_EXTENT = 0.3


@dataclass(frozen=True)
class FacePanel:
    """The content of one panel.

    Args:
        title: above the picture, such as the image's name.
        truth: float [K, 2], relative.
        prediction: float [K, 2], relative, or None.
        landmarks: float [P, 2], relative: all labelled points of the face, to which the picture is cropped; by default
            the K.
    """

    title: str
    image: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray | None = None
    landmarks: np.ndarray | None = None


def face_grid(
    faces: Sequence[FacePanel],
    scheme: Scheme,
    point_indices: Sequence[int],
    title: str,
    caption: str,
    columns: int = 3,
    prediction: str = "prediction",
    tile: float = 3.0,
    cropped: bool = True,
) -> Figure:
    """Faces with their true and predicted points; a line joins two that lie further apart than a mark is wide.

    Args:
        faces: one per panel, with images of one size.
        point_indices: which of the scheme's points the K are.
        prediction: what the predictions are called.
        tile: width of a panel in inches.
        cropped: to the face; otherwise whole images are shown.
    """
    titles = [wrapped(face.title, tile) for face in faces]
    height, width = faces[0].image.shape
    above = 0.08 + 0.17 * max(title.count("\n") + 1 for title in titles)
    high = tile if cropped else tile * height / width
    figure, panels = panel_grid(len(faces), columns, tile, high + above, title, caption)
    for panel, face, above_it in zip(panels, faces, titles, strict=False):
        show(panel, face.image, above_it)
        corners = square_around(face) if cropped else np.array([[0, 0], [1, 1]])
        zoom(panel, *corners)
        mark = np.ptp(corners[:, 0]) * marker_size(point_indices) / (72 * tile)
        draw_points(panel, face.truth, scheme, point_indices, TRUTH, "o", "ground truth")
        if face.prediction is not None:
            draw_points(panel, face.prediction, scheme, point_indices, PREDICTION, "x", prediction)
            _join(panel, face.truth, face.prediction, mark)
    legend(figure)
    return figure


def show(panel: Axes, image: np.ndarray, title: str) -> None:
    """A grey image, uint8 [H, W], whose relative coordinates are those of the panel."""
    height, width = image.shape
    panel.imshow(image, cmap="gray", vmin=0, vmax=255, extent=(0, 1, 1, 0), aspect=height / width)
    panel.set_title(title, fontsize=TEXT)


def zoom(panel: Axes, low: np.ndarray, high: np.ndarray) -> None:
    """Show the part of an image between two corners."""
    panel.set_xlim(low[0], high[0])
    panel.set_ylim(high[1], low[1])


def legend(figure: Figure) -> None:
    """Name the marks, which are the same in each panel."""
    marks, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(marks, names, loc="outside lower right", fontsize=TEXT, ncols=3, frameon=False)


def box_around(keypoints: np.ndarray, margin: float) -> np.ndarray:
    """Two corners [2, 2] around points [..., 2], with a margin as a fraction of their extent, and of some extent."""
    points = keypoints.reshape(-1, 2)
    extent = np.ptp(points, axis=0)
    least = _MIN_EXTENT * (extent.max() or 1)  # of points in a line, or of a single one
    room = margin * extent + np.maximum(0, least - extent) / 2
    return np.stack([points.min(0) - room, points.max(0) + room])


def square_around(face: FacePanel) -> np.ndarray:
    """Two corners [2, 2] of a square around a face that holds all of its points that lie in the image."""
    size = np.array(face.image.shape)[::-1]
    points = np.concatenate([p for p in (face.landmarks, face.truth, face.prediction) if p is not None])
    corners = box_around(points[np.isfinite(points).all(1)].clip(0, 1), _MARGIN) * size
    side = np.ptp(corners, axis=0).max()
    low = corners.mean(0) - side / 2
    low = np.where(side <= size, low.clip(0, np.maximum(0, size - side)), (size - side) / 2)  # within the image
    return np.stack([low, low + side]) / size


def _join(panel: Axes, truth: np.ndarray, prediction: np.ndarray, longer: float) -> None:
    """Lines from the truth to the prediction, if longer than a share of the image's width."""
    far = np.linalg.norm((prediction - truth) * (1, panel.get_aspect()), axis=1) > longer
    lines = separate(np.stack([truth, prediction], axis=1)[far])
    panel.plot(*lines.T, color="black", linewidth=0.7, path_effects=halo(0.7), zorder=1.9)
