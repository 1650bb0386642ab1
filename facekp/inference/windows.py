"""Windows of a photograph, of any place, size and rotation, as the input of a network."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

import cv2
import numpy as np

from facekp.landmarks.procrustes import similarity


@dataclass(frozen=True)
class Placement:
    """Where a window lies: ``z = factor * w + shift``, with w in the window and z in the photograph, x + iy in pixels.

    Args:
        factor: rotates and scales.
        shift: where the window's corner lies.
    """

    factor: complex
    shift: complex

    @classmethod
    def onto(cls, shape_px: np.ndarray, points_px: np.ndarray, weights: np.ndarray | None = None) -> Placement:
        """The placement that maps a shape in the window as near as possible to points of the photograph.

        Args:
            shape_px, points_px: float [K, 2] with K of at least 2.
            weights: float [K] of the points; by default all are alike.
        """
        shape, points = _complex(shape_px), _complex(points_px)
        centre, target = np.average(shape, weights=weights), np.average(points, weights=weights)
        root = 1 if weights is None else np.sqrt(weights)
        factor = complex(similarity((root * (shape - centre))[None], root * (points - target))[0, 0])
        return cls(factor, complex(target - factor * centre))

    def points(self, points_px: np.ndarray) -> np.ndarray:
        """From the window to the photograph, float64 [..., 2]."""
        moved = self.factor * _complex(points_px) + self.shift
        return np.stack([moved.real, moved.imag], axis=-1)

    def covariance(self, covariance_px2: np.ndarray) -> np.ndarray:
        """The covariances of points, float [..., 2, 2], in the photograph."""
        return self._matrix @ covariance_px2 @ self._matrix.T

    @property
    def _matrix(self) -> np.ndarray:
        a, b = self.factor.real, self.factor.imag
        return np.array([[a, -b], [b, a]])

    def warp(self, scale: float) -> np.ndarray:
        """float64 [2, 3], from centres of the window's pixels to those of a copy of the photograph of that scale."""
        centre = 0.5 + 0.5j
        shift = scale * (self.factor * centre + self.shift) - centre
        return np.column_stack([scale * self._matrix, [shift.real, shift.imag]])


class Photograph:
    """A grey photograph, with copies of half its size, a quarter and so on, made when they are asked for.

    Args:
        grey: uint8 [H, W].
    """

    def __init__(self, grey: np.ndarray) -> None:
        self.grey = np.ascontiguousarray(grey)
        self._levels = [self.grey]
        self.size = grey.shape[1], grey.shape[0]

    def window(self, place: Placement, size: tuple[int, int]) -> np.ndarray:
        """The window of that place, uint8 [height, width]; beyond the photograph its border is repeated.

        Args:
            place: of the window.
            size: (width, height) of the window in its pixels.
        """
        level = max(0, round(log2(max(abs(place.factor), 1e-9))))
        while len(self._levels) <= level and max(self._levels[-1].shape) > 1:
            self._levels.append(_halved(self._levels[-1]))
        level = min(level, len(self._levels) - 1)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        matrix = place.warp(0.5**level)
        return cv2.warpAffine(self._levels[level], matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _halved(image: np.ndarray) -> np.ndarray:
    height, width = image.shape
    even = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return cv2.resize(even, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)


def _complex(points_px: np.ndarray) -> np.ndarray:
    return np.asarray(points_px[..., 0], float) + 1j * np.asarray(points_px[..., 1], float)
