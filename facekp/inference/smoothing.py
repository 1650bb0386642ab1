"""Smoothing of points over the frames of a video."""

from __future__ import annotations

import math

import numpy as np

_MIN_CUTOFF_HZ = 1.0  # of a point at rest
_RATE = 20.0  # by which the cutoff grows with the speed, in sizes of the face
_SPEED_CUTOFF_HZ = 1.0


class OneEuroFilter:
    """Smooths a face that is at rest, and follows one that moves.

    A low-pass filter whose cutoff frequency grows with the speed (G. Casiez, N. Roussel, D. Vogel, 1€ Filter, CHI
    2012). The speed is that of the whole face, in its sizes per second, so that the points of a face move together.
    """

    def __init__(self) -> None:
        self._time_s = -math.inf
        self._points = self._velocity = np.zeros((0, 2))

    def __call__(self, points_px: np.ndarray, time_s: float) -> np.ndarray:
        """The smoothed points, float [K, 2], of points at a time; frames come in order."""
        passed = time_s - self._time_s
        if not math.isfinite(passed):
            self._points, self._velocity = points_px, np.zeros_like(points_px)
        elif passed > 0:
            velocity = (points_px - self._points) / passed
            self._velocity = self._velocity + _weight(_SPEED_CUTOFF_HZ, passed) * (velocity - self._velocity)
            size = max(float(np.ptp(points_px, axis=0).max()), 1e-6)
            speed = float(np.linalg.norm(self._velocity.mean(0))) / size
            weight = _weight(_MIN_CUTOFF_HZ + _RATE * speed, passed)
            self._points = self._points + weight * (points_px - self._points)
        self._time_s = time_s
        return self._points


def _weight(cutoff_hz: float, passed_s: float) -> float:
    """Of a new value, in an exponential filter."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff_hz * passed_s))
