"""Coordinates change their frame here and nowhere else.

Three frames are in use:

- *image*: relative to the photograph, x / width and y / height, as annotation files and predictions have it;
- *canvas*: relative to what a network sees: the photograph, centred, with bars where its proportions are not the
  network's. For a photograph of the network's own proportions the two are the same;
- *pixels* of either: relative times its size. Pixel (i, j) covers [i, i + 1) x [j, j + 1), so its centre lies at + 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Letterbox:
    """How a photograph lies on the canvas of a network, without being stretched.

    Args:
        image_size: (width, height) of the photograph in its own pixels.
        input_size: (width, height) of what the network sees.
    """

    image_size: tuple[int, int]
    input_size: tuple[int, int]

    @property
    def canvas_size(self) -> np.ndarray:
        """float64 [2]: (width, height) of the canvas in pixels of the photograph; (640, 480) for a Danes image."""
        return np.asarray(self.input_size) * max(np.asarray(self.image_size) / np.asarray(self.input_size))

    @property
    def placed(self) -> tuple[int, int, int, int]:
        """(left, top, width, height) of the photograph on the canvas, in whole pixels of what the network sees."""
        size = np.maximum(1, np.rint(np.asarray(self.image_size) / self.canvas_size * self.input_size)).astype(int)
        left, top = (np.asarray(self.input_size) - size) // 2
        return int(left), int(top), int(size[0]), int(size[1])

    def to_canvas(self, keypoints: np.ndarray) -> np.ndarray:
        """Relative to the image -> relative to the canvas, float32 [..., 2]."""
        left, top, width, height = self.placed
        return ((keypoints * (width, height) + (left, top)) / self.input_size).astype(np.float32)

    def to_image(self, keypoints: np.ndarray) -> np.ndarray:
        """Relative to the canvas -> relative to the image, float32 [..., 2]; undoes :meth:`to_canvas`."""
        left, top, width, height = self.placed
        return ((keypoints * self.input_size - (left, top)) / (width, height)).astype(np.float32)


def to_pixel_centres(keypoints: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Relative -> the convention of image libraries, where whole numbers are the centres of pixels; float32 [..., 2].

    A mirror then maps x to width - 1 - x exactly as it maps 1 - x in relative terms, whatever the resolution.
    """
    return (keypoints * np.asarray(size, np.float32) - 0.5).astype(np.float32)


def from_pixel_centres(points_px: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Undo :func:`to_pixel_centres`; float32 [..., 2]."""
    return ((points_px + 0.5) / np.asarray(size, np.float32)).astype(np.float32)
