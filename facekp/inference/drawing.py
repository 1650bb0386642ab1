"""Drawing of faces on photographs: points and paths in blue, with a light halo, so that they are seen on any ground."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from facekp.inference.predictor import Face

_BLUE, _HALO = (31, 79, 214), (255, 255, 255)
_SHIFT = 4  # bits of a coordinate after the point
_POINTS_PER_SIZE = 1 / 110  # radius of a point, as a fraction of the size of the face


def draw_faces(image: Image.Image, faces: Sequence[Face]) -> Image.Image:
    """A copy of a photograph, in red, green and blue, with the points of faces."""
    return Image.fromarray(draw_on(np.array(image), faces))


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
