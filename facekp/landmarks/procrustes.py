"""Procrustes analysis: shapes regardless of position, size and rotation.

A shape is complex [K], x + iy of each point relative to the shape's centre, so that one complex factor rotates and
scales it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor  # the label check does not need it

Shapes = TypeVar("Shapes", np.ndarray, "Tensor")

_ALIGNMENTS = 10


def similarity(shapes: Shapes, target: Shapes) -> Shapes:
    """The factors, complex [N, 1], that rotate and scale shapes [N, K] onto a target [K], by least squares."""
    return (shapes.conj() @ target / (abs(shapes) ** 2).sum(1))[:, None]


def align(shapes: np.ndarray) -> np.ndarray:
    """Rotate and scale shapes, complex [N, K], onto their common mean, which has a norm of about 1.

    Generalised Procrustes analysis: J. C. Gower, Psychometrika 40, 1975.
    """
    mean = shapes[0]
    for _ in range(_ALIGNMENTS):
        mean = (similarity(shapes, mean) * shapes).mean(0)
        mean /= np.linalg.norm(mean)
    return similarity(shapes, mean) * shapes


def to_real(shapes: np.ndarray) -> np.ndarray:
    """Complex [N, K] as float [N, 2K], x and y of each point side by side."""
    return np.ascontiguousarray(shapes).view(float)
