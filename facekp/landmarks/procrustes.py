"""Shapes apart from where they are, how large and how turned: Procrustes analysis.

A shape is complex [K], x + iy of each point from the shape's centre; one complex factor then turns and scales it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor  # the label check does without its import

Shapes = TypeVar("Shapes", np.ndarray, "Tensor")

_ALIGNMENTS = 10


def pose(shapes: Shapes, target: Shapes) -> Shapes:
    """The turns and scales, complex [N, 1], that bring shapes [N, K] nearest to a target [K] by least squares."""
    return (shapes.conj() @ target / (abs(shapes) ** 2).sum(1))[:, None]


def align(shapes: np.ndarray) -> np.ndarray:
    """Turn and scale shapes, complex [N, K], to lie as near to their mean as they can; that mean has about the norm 1.

    Generalised Procrustes analysis: J. C. Gower, Psychometrika 40, 1975.
    """
    mean = shapes[0]
    for _ in range(_ALIGNMENTS):
        mean = (pose(shapes, mean) * shapes).mean(0)
        mean /= np.linalg.norm(mean)
    return pose(shapes, mean) * shapes


def in_turn(shapes: np.ndarray) -> np.ndarray:
    """Complex [N, K] as float [N, 2K], x and y in turn."""
    return np.ascontiguousarray(shapes).view(float)
