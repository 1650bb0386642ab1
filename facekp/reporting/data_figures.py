"""Figures of the data and their labels, with the conventions of :mod:`facekp.reporting.figures`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from facekp.data.dataset import AugmentedDataset, FaceDataset
from facekp.data.records import name_of_type
from facekp.landmarks.scheme import Scheme
from facekp.reporting.faces import FacePanel, box_around, legend, show, zoom
from facekp.reporting.figures import BASELINE, TEXT, TRUTH, draw_points, outline, panel_grid, separate


def plain(faces: FaceDataset, index: int, point_indices: Sequence[int] | None = None) -> FacePanel:
    """A face with its selected points, or all, without augmentation."""
    keypoints = faces.keypoints[index]
    chosen = keypoints if point_indices is None else keypoints[list(point_indices)]
    return FacePanel(faces.records[index].title, faces.image(index), chosen, landmarks=keypoints)


def augmented(faces: AugmentedDataset, key: tuple[int, int], point_indices: Sequence[int] | None = None) -> FacePanel:
    """An augmented sample with its selected points, or all; see :class:`facekp.data.samplers.EpochSampler` for keys."""
    sample = faces[key]
    keypoints = sample["keypoints"].numpy()
    chosen = keypoints if point_indices is None else keypoints[list(point_indices)]
    return FacePanel(faces.records[key[1]].title, sample["image"][0].numpy(), chosen)


def variants(faces: AugmentedDataset, index: int, count: int = 11) -> list[FacePanel]:
    """A face as it is, then its first ``count`` augmented samples, which are what as many epochs train on."""
    samples = [replace(augmented(faces, (number, index)), title=f"sample {number}") for number in range(count)]
    return [plain(faces, index), *samples]


def numbered(face: FacePanel, scheme: Scheme, caption: str, inches: float = 8.5) -> Figure:
    """One large face with all points of the scheme, and beside each its index, and its name if it has one."""
    keypoints, size = face.truth, np.array(face.image.shape)[::-1]
    low, high = box_around(keypoints, margin=0.08)
    width, height = (high - low) * size
    title = f"the {len(scheme)} points of the scheme {scheme.name}, on {face.title}"
    figure, (panel,) = panel_grid(1, 1, inches, inches * height / width, title, caption)
    show(panel, face.image, "")
    draw_points(panel, keypoints, scheme, range(len(scheme)), TRUTH, "o", "ground truth")
    zoom(panel, low, high)
    labels = [str(point) for point in range(len(scheme))]
    if len(scheme.groups) == len(scheme):
        labels = [f"{point} {scheme.group_of(point).name}" for point in range(len(scheme))]
    places = _beside(keypoints * size, scheme, inch=width / inches, letters=max(map(len, labels)))
    leaders = separate(np.stack([keypoints * size, places], axis=1) / size)
    panel.plot(*leaders.T, color="white", linewidth=0.6, zorder=1.5)
    edge = [withStroke(linewidth=2.5, foreground="black")]
    for label, (x, y) in zip(labels, places / size, strict=True):
        panel.text(x, y, label, color="white", fontsize=TEXT + 1, ha="center", va="center", path_effects=edge)
    legend(figure)
    return figure


def mean_shapes(faces: FaceDataset, scheme: Scheme, caption: str, tile: float = 3.4) -> Figure:
    """The mean shape of each image type over all its labels, on one scale."""
    keypoints, size = faces.keypoints, faces.input_size
    types = [record.image_type or 0 for record in faces.records]
    kinds = np.unique(types)
    low, high = box_around(keypoints, margin=0.03)
    width, height = (high - low) * size
    points, panel_height = range(len(scheme)), tile * height / width + 0.3
    figure, panels = panel_grid(len(kinds), 3, tile, panel_height, "mean shape by image type", caption)
    for panel, kind in zip(panels, kinds, strict=False):
        shapes = keypoints[np.asarray(types) == kind]
        mean = shapes.mean(0, keepdims=True)
        panel.plot(*shapes.reshape(-1, 2).T, ".", color=BASELINE, markersize=1, alpha=0.35)
        panel.plot(*outline(shapes, scheme, points).T, color=BASELINE, linewidth=0.5, alpha=0.35, label="labels")
        panel.plot(*outline(mean, scheme, points).T, color=TRUTH, linewidth=1.5, label="their mean")
        panel.plot(*mean[0].T, ".", color=TRUTH, markersize=4)
        panel.set_title(f"{name_of_type(int(kind))}: {len(shapes)} photographs", fontsize=TEXT)
        panel.set_aspect(size[1] / size[0])
        zoom(panel, low, high)
    legend(figure)
    return figure


def _beside(points: np.ndarray, scheme: Scheme, inch: float, letters: int) -> np.ndarray:
    """Positions for labels beside points [K, 2]: outside a closed path or the face, and without overlaps.

    Args:
        points: in any unit that is the same along x and y.
        scheme: tells which direction is outwards.
        inch: an inch of the figure in that unit.
        letters: of the longest label.
    """
    centres = np.empty_like(points)
    for group in scheme.groups:
        members = list(group.point_indices)
        centres[members] = (points[members] if group.closed else points).mean(0)
    away = points - centres
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    places = points + 0.2 * inch * away
    room = inch * np.array([0.28 * max(1, letters / 3), 0.2])
    for _ in range(50):
        for others, reach in ((places, 1.0), (points, 0.6)):
            gap = (places[:, None] - others) / (room * reach)
            distance = np.linalg.norm(gap, axis=-1)
            push = np.where((distance > 0) & (distance < 1), (1 - distance) / np.maximum(distance, 1e-6), 0)
            places = places + 0.3 * (push[..., None] * gap).sum(1) * room * reach
    return places
