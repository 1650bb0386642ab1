"""Smoothing of points over the frames of a video."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from facekp.inference.windows import Placement

_MIN_CUTOFF_HZ = 1.0  # of what is at rest
_RATE = 40.0  # by which the cutoff grows with the speed, in sizes of the face per second
_SPEED_CUTOFF_HZ = 3.0


class OneEuroFilter:
    """Smooths a face that is at rest, and follows one that moves.

    A low-pass filter whose cutoff frequency grows with the speed (G. Casiez, N. Roussel, D. Vogel, 1€ Filter, CHI
    2012). So that a face that moves does not leave its points behind, it is expected to go on moving as before; how
    the whole of it moves, turns and grows beyond that is filtered apart from what each point does by itself.
    """

    def __init__(self) -> None:
        self._time_s = -math.inf
        self._points = self._velocity = self._own_velocity = np.zeros((0, 2))

    def __call__(self, points_px: np.ndarray, time_s: float) -> np.ndarray:
        """The smoothed points, float [K, 2], of points at a time; frames come in order."""
        passed = time_s - self._time_s
        if not math.isfinite(passed):
            self._points, self._velocity, self._own_velocity = points_px, np.zeros((1, 2)), np.zeros_like(points_px)
        elif passed > 0:
            size = max(float(np.ptp(points_px, axis=0).max()), 1e-6)
            expected = self._points + passed * self._velocity
            whole = Placement.onto(expected, points_px).points(expected) if len(points_px) > 1 else points_px
            speed = np.linalg.norm(self._velocity) / size
            change = _weight(_SPEED_CUTOFF_HZ, passed)
            self._velocity = self._velocity + change * (
                (points_px - self._points).mean(0, keepdims=True) / passed - self._velocity
            )
            self._own_velocity = self._own_velocity + change * ((points_px - whole) / passed - self._own_velocity)
            own_speed = np.linalg.norm(self._own_velocity, axis=1, keepdims=True) / size
            self._points = (
                expected
                + _weight(_MIN_CUTOFF_HZ + _RATE * speed, passed) * (whole - expected)
                + _weight(_MIN_CUTOFF_HZ + _RATE * own_speed, passed) * (points_px - whole)
            )
        self._time_s = time_s
        return self._points


def _weight(cutoff_hz: Any, passed_s: float) -> Any:
    """Of a new value, in an exponential filter."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff_hz * passed_s))
