"""Conversion of coordinates between frames.

Three frames are in use:

- *image*: relative to the photograph, x / width and y / height, as in annotation files and predictions;
- *canvas*: relative to the network's input: the photograph, centred, with bars where its aspect ratio is not the
  network's. If the aspect ratios are equal, so are the two frames;
- *pixels* of either: relative coordinates times its size. Pixel (i, j) covers [i, i + 1) x [j, j + 1), so its
  centre is at + 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Letterbox:
    """The placement of a photograph on a network's canvas, without distortion.

    Args:
        image_size: (width, height) of the photograph in pixels.
        input_size: (width, height) of the network's input in pixels.
    """

    image_size: tuple[int, int]
    input_size: tuple[int, int]

    @property
    def canvas_size(self) -> np.ndarray:
        """float64 [2]: (width, height) of the canvas in pixels of the photograph; (640, 480) for a Danes image."""
        return np.asarray(self.input_size) * max(np.asarray(self.image_size) / np.asarray(self.input_size))

    @property
    def placement(self) -> tuple[int, int, int, int]:
        """(left, top, width, height) of the photograph on the canvas, in whole pixels of the network's input."""
        size = np.maximum(1, np.rint(np.asarray(self.image_size) / self.canvas_size * self.input_size)).astype(int)
        left, top = (np.asarray(self.input_size) - size) // 2
        return int(left), int(top), int(size[0]), int(size[1])

    def to_canvas(self, keypoints: np.ndarray) -> np.ndarray:
        """Relative to the image -> relative to the canvas, float32 [..., 2]."""
        left, top, width, height = self.placement
        return ((keypoints * (width, height) + (left, top)) / self.input_size).astype(np.float32)

    def to_image(self, keypoints: np.ndarray) -> np.ndarray:
        """Relative to the canvas -> relative to the image, float32 [..., 2]; the inverse of :meth:`to_canvas`."""
        left, top, width, height = self.placement
        return ((keypoints * self.input_size - (left, top)) / (width, height)).astype(np.float32)


def to_pixel_centres(keypoints: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Relative -> pixels as image libraries count them, with integers at the centres of pixels; float32 [..., 2].

    A flip that maps x to width - 1 - x is then exactly x to 1 - x in relative coordinates, at any resolution.
    """
    return (keypoints * np.asarray(size, np.float32) - 0.5).astype(np.float32)


def from_pixel_centres(points_px: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The inverse of :func:`to_pixel_centres`; float32 [..., 2]."""
    return ((points_px + 0.5) / np.asarray(size, np.float32)).astype(np.float32)
