"""Contact sheets of the data: what is labelled where, and what augmentation makes of it.

As in :mod:`facekp.reporting.figures`, red circles are the ground truth, coordinates are relative to the picture, each
function returns a ``Figure`` and touches no global state, and ``caption`` says on which data it was made. Most sheets
take a dataset and show it as its network sees it, so that a callback can draw what it trains on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from facekp.data.records import FRONTAL_TYPES, TURNED_TYPES
from facekp.landmarks.scheme import Scheme
from facekp.reporting.figures import BASELINE, TRUTH, Face, draw_points, empty_panels, face_grid, new_figure

if TYPE_CHECKING:  # the sheets themselves do without torch
    from facekp.data.dataset import AugmentedDataset, FaceDataset

MODEL = "#ffd92f"
"""The colour of what a shape model finds nearest: yellow is told from red by its brightness alone."""

_TEXT = 9
_PANELS = 30
_COLUMNS = 6
_LARGE = 8.5  # inches
_LEAST = 0.3  # of a picture, what a zoom leaves of it


@dataclass(frozen=True)
class Suspect:
    """A label that a shape model finds unlikely.

    Args:
        title: above the picture.
        image: uint8 [H, W].
        truth: float [K, 2], relative, the label.
        nearest: float [K, 2], relative, the model's nearest shape.
    """

    title: str
    image: np.ndarray
    truth: np.ndarray
    nearest: np.ndarray


def ground_truth(faces: FaceDataset, scheme: Scheme, caption: str) -> Figure:
    """All labels of a few people over their image types, where there are as many, a row for each.

    The people are spread evenly over those who have the most photographs.
    """
    of_person: dict[int, list[int]] = {}
    for index, record in enumerate(faces.records):
        of_person.setdefault(record.person, []).append(index)
    most = max(len(indices) for indices in of_person.values())
    fullest = [indices for indices in of_person.values() if len(indices) == most]
    people = _spread(len(fullest), max(1, _PANELS // most))
    chosen = [fullest[person][i] for person in people for i in _spread(most, _PANELS)]
    points = range(len(scheme))
    shown = [_face(faces, index, points) for index in chosen]
    return face_grid(shown, scheme, points, "ground truth, over people and image types", caption, _columns(most))


def asked_points(faces: FaceDataset, scheme: Scheme, points: Sequence[int], name: str, caption: str) -> Figure:
    """The points that a network is asked for, called ``name``, on faces spread evenly over the data."""
    shown = [_face(faces, index, points) for index in _spread(len(faces), _PANELS)]
    return face_grid(shown, scheme, points, f"what the network is asked for: {name}", caption, _COLUMNS)


def draws(faces: AugmentedDataset, index: int, scheme: Scheme, caption: str, count: int = 11) -> Figure:
    """One face as it is, then its first ``count`` draws, which are what as many epochs train on."""
    points = range(len(scheme))
    shown = [_face(faces, index, points)]
    for draw in range(count):
        sample = faces[(draw, index)]
        shown.append(Face(f"draw {draw}", sample["image"][0].numpy(), sample["keypoints"].numpy()))
    return face_grid(shown, scheme, points, f"{shown[0].title} and what augmentation makes of it", caption)


def numbered(faces: FaceDataset, index: int, scheme: Scheme, caption: str) -> Figure:
    """One face, drawn large, with the index of every point beside it."""
    face = _face(faces, index, range(len(scheme)))
    low, high = _box(faces.keypoints[index], margin=0.08)
    width, height = (high - low) * faces.input_size
    title = f"the {len(scheme)} points of the scheme {scheme.name}, on {face.title}"
    figure = new_figure(_LARGE, _LARGE * height / width + 0.7, title, caption)
    (panel,) = empty_panels(figure, 1, 1)
    _show(panel, replace(face, title=""), scheme)
    _zoom(panel, low, high)
    points = faces.keypoints[index] * faces.input_size
    places = _beside(points, scheme, inch=width / _LARGE)
    for point, (mark, (x, y)) in enumerate(np.stack([points, places], axis=1) / faces.input_size):
        panel.plot(*zip(mark, (x, y), strict=True), color="white", linewidth=0.6, zorder=1.5)
        panel.plot(*mark, "o", color=TRUTH, markersize=5, markerfacecolor="none")
        number = panel.text(x, y, str(point), color="white", fontsize=_TEXT + 1, ha="center", va="center")
        number.set_path_effects([withStroke(linewidth=2.5, foreground="black")])
    _legend(figure)
    return figure


def mean_shapes(faces: FaceDataset, scheme: Scheme, caption: str) -> Figure:
    """The mean label of each image type as an outline, over the labels that it is the mean of, all on one scale."""
    types = np.array([record.image_type or 0 for record in faces.records])
    kinds = np.unique(types)
    low, high = _box(faces.keypoints, margin=0.03)
    width, height = (high - low) * faces.input_size
    columns = min(3, len(kinds))
    rows = -(-len(kinds) // columns)
    figure = new_figure(3.4 * columns, (3.4 * height / width + 0.3) * rows + 0.8, "mean shape by image type", caption)
    for panel, kind in zip(empty_panels(figure, rows, columns), kinds, strict=False):
        shapes = faces.keypoints[types == kind]
        mean = shapes.mean(0, keepdims=True)
        panel.plot(*shapes.reshape(-1, 2).T, ".", color=BASELINE, markersize=1, alpha=0.35)
        panel.plot(*_outline(shapes, scheme).T, color=BASELINE, linewidth=0.5, alpha=0.35, label="labels")
        panel.plot(*_outline(mean, scheme).T, color=TRUTH, linewidth=1.5, label="their mean")
        panel.plot(*mean[0].T, ".", color=TRUTH, markersize=4)
        panel.set_title(f"{_name_of_type(int(kind))}: {len(shapes)} photographs", fontsize=_TEXT)
        panel.set_aspect(faces.input_size[1] / faces.input_size[0])
        _zoom(panel, low, high)
    _legend(figure)
    return figure


def suspects(chosen: Sequence[Suspect], scheme: Scheme, caption: str) -> Figure:
    """Photographs whose labels a shape model finds unlikely; a white line leads from each point to the model's."""
    columns = min(4, len(chosen))
    rows = -(-len(chosen) // columns)
    title = "labels that fit a shape model of other people worst"
    figure = new_figure(3.6 * columns, 3.5 * rows + 0.9, title, caption)
    for panel, suspect in zip(empty_panels(figure, rows, columns), chosen, strict=False):
        both = np.stack([suspect.truth, suspect.nearest], axis=1)
        panel.plot(*_strokes(both).T, color="white", linewidth=0.8)
        draw_points(panel, suspect.nearest, scheme, range(len(scheme)), MODEL, "^", "nearest shape of the model")
        _show(panel, Face(suspect.title, suspect.image, suspect.truth), scheme)
        _zoom(panel, *_box(both, margin=0.08))
    _legend(figure)
    return figure


def _face(faces: FaceDataset, index: int, points: Sequence[int]) -> Face:
    """A face of a dataset without its augmentation, if it has one."""
    return Face(faces.records[index].name, faces.image(index), faces.keypoints[index][list(points)])


def _spread(length: int, count: int) -> list[int]:
    """At most ``count`` of ``length`` places, spread evenly."""
    return np.unique(np.linspace(0, length - 1, min(length, count)).round().astype(int)).tolist()


def _columns(images: int) -> int:
    """How many columns give each person a row, or whole people to a row of at most six."""
    return images * max(1, _COLUMNS // images) if images <= _COLUMNS else _COLUMNS


def _name_of_type(image_type: int) -> str:
    if not image_type:
        return "no type"
    pose = "turned" if image_type in TURNED_TYPES else "frontal" if image_type in FRONTAL_TYPES else "free"
    return f"type {image_type}, {pose}"


def _show(panel: Axes, face: Face, scheme: Scheme) -> None:
    height, width = face.image.shape
    panel.imshow(face.image, cmap="gray", vmin=0, vmax=255, extent=(0, 1, 1, 0), aspect=height / width)
    draw_points(panel, face.truth, scheme, range(len(scheme)), TRUTH, "o", "ground truth")
    panel.set_title(face.title, fontsize=_TEXT)


def _legend(figure: Figure) -> None:
    handles, labels = figure.axes[0].get_legend_handles_labels()
    named = dict(zip(labels, handles, strict=True))
    figure.legend(named.values(), named, loc="outside lower right", fontsize=_TEXT, ncols=2, frameon=False)


def _box(keypoints: np.ndarray, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """The two corners of the frame around points [..., 2], wider by a share of its size on each side, never tiny."""
    low, high = keypoints.min(tuple(range(keypoints.ndim - 1))), keypoints.max(tuple(range(keypoints.ndim - 1)))
    room = margin * (high - low) + np.maximum(0, _LEAST - (high - low)) / 2
    return low - room, high + room


def _zoom(panel: Axes, low: np.ndarray, high: np.ndarray) -> None:
    panel.set_xlim(low[0], high[0])
    panel.set_ylim(high[1], low[1])


def _outline(shapes: np.ndarray, scheme: Scheme) -> np.ndarray:
    """All segments of shapes [N, K, 2] as one line [..., 2]."""
    ends = [pair for group in scheme.groups for pair in group.segments]
    return _strokes(shapes[:, np.array(ends, int).reshape(-1, 2)])


def _strokes(paths: np.ndarray) -> np.ndarray:
    """Paths [..., points, 2] as one line [..., 2], whose pen NaN lifts after each."""
    return np.concatenate([paths, np.full_like(paths[..., :1, :], np.nan)], axis=-2).reshape(-1, 2)


def _beside(points: np.ndarray, scheme: Scheme, inch: float) -> np.ndarray:
    """Places for texts beside points [K, 2]: outwards of a closed path or of the face, and out of each other's way.

    Args:
        points: in any unit that is the same along x and y.
        scheme: tells what is outwards.
        inch: how long an inch of the figure is in that unit.
    """
    centres = np.empty_like(points)
    for group in scheme.groups:
        members = list(group.point_indices)
        centres[members] = (points[members] if group.closed else points).mean(0)
    away = points - centres
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    places = points + 0.2 * inch * away
    room = inch * np.array([0.28, 0.2])
    for _ in range(50):
        for others, reach in ((places, 1.0), (points, 0.6)):
            gap = (places[:, None] - others) / (room * reach)
            distance = np.linalg.norm(gap, axis=-1)
            push = np.where((distance > 0) & (distance < 1), (1 - distance) / np.maximum(distance, 1e-6), 0)
            places = places + 0.3 * (push[..., None] * gap).sum(1) * room * reach
    return places
