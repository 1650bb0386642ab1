"""A face in a photograph, and its drawing: points and paths in blue, with a light halo, to be seen on any ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from facekp.inference.finder import box_of
from facekp.inference.pictures import Picture, as_pillow
from facekp.landmarks.scheme import Scheme

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels of the upright photograph."""
Number = Literal["all", "largest"] | int
"""Which faces: all, the one with the largest box, or as many with the highest scores."""

_BLUE, _HALO = (31, 79, 214), (255, 255, 255)
_SHIFT = 4  # bits of a coordinate after the point
_POINTS_PER_SIZE = 1 / 110  # radius of a point, as a fraction of the size of the face


@dataclass(frozen=True)
class Face:
    """A face in a photograph.

    Pixels are those of the upright photograph; the corner of the first is (0, 0), its centre (0.5, 0.5).

    Args:
        points_px: float32 [K, 2].
        confidence: float32 [K] within 0..1, of each point; None if the network has none.
        covariance_px2: float32 [K, 2, 2], of each point's error, in pixels squared; None if the network has none.
        score: the probability that this is a face, within 0..1; 1 if the network has no confidence.
        scheme: of the landmarks.
        point_indices: which of its points the K are.
        frame: the same face by the network that has found it, where that is another one.
    """

    points_px: np.ndarray
    confidence: np.ndarray | None
    covariance_px2: np.ndarray | None
    score: float
    scheme: Scheme
    point_indices: tuple[int, ...]
    frame: Face | None = None

    @property
    def box(self) -> Box:
        """The box around the points."""
        return box_of(self.points_px)

    @property
    def names(self) -> list[str]:
        """A name for each of the K points."""
        return [self.scheme.names[point] for point in self.point_indices]

    @property
    def groups(self) -> list[str]:
        """The group of each of the K points."""
        return [self.scheme.group_of(point).name for point in self.point_indices]

    def draw(self, image: Picture) -> Image.Image:
        """A copy of the photograph with the points on it."""
        return Image.fromarray(draw_on(np.array(as_pillow(image)), [self]))


def chosen(faces: Sequence[Face], which: Number) -> list[Face]:
    """Some of the faces of a photograph, the highest score first."""
    ordered = sorted(faces, key=lambda face: -face.score)
    if which == "largest":
        return sorted(ordered, key=lambda face: -float(np.prod(np.ptp(face.points_px, axis=0))))[:1]
    return ordered if which == "all" else ordered[:which]


def draw_on(picture: np.ndarray, faces: Sequence[Face], reverse: bool = False) -> np.ndarray:
    """Draw the points of faces on a picture, uint8 [H, W, 3], which is changed and returned.

    Args:
        picture: its colours are red, green and blue.
        faces: in its pixels.
        reverse: its colours are blue, green and red.
    """
    blue = _BLUE[::-1] if reverse else _BLUE
    for face in faces:
        radius = max(1.2, float(np.ptp(face.points_px, axis=0).max()) * _POINTS_PER_SIZE)
        points = [tuple(map(int, point)) for point in np.rint((face.points_px - 0.5) * 2**_SHIFT)]
        row_of = {point: row for row, point in enumerate(face.point_indices)}
        segments = [
            (points[row_of[one]], points[row_of[other]])
            for group in face.scheme.groups
            for one, other in group.segments
            if one in row_of and other in row_of
        ]
        width = max(1, round(0.7 * radius))
        for colour, line, size in ((_HALO, width + 2, radius + 1.2), (blue, width, radius)):
            for one, other in segments:
                cv2.line(picture, one, other, colour, line, cv2.LINE_AA, _SHIFT)
            for point in points:
                cv2.circle(picture, point, round(size * 2**_SHIFT), colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)
    return picture
