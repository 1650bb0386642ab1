"""Detection and correction of known faults of the Danes labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facekp.data.records import Record
from facekp.landmarks.scheme import Scheme

_REORDER = [4, 3, 2, 1, 0, 7, 6, 5]


def swapped_eyes(keypoints: np.ndarray, scheme: Scheme) -> list[tuple[int, ...]]:
    """Eyes whose points are correct but listed from the inner corner instead of the outer one.

    The rule: an eye's first point, its outer corner, must be farther from the other eye than its fifth, the inner one.

    Args:
        keypoints: float32 [K, 2] of one face.

    Returns:
        The point indices of each faulty eye; empty if there is none.
    """
    faulty: list[tuple[int, ...]] = []
    if scheme.eyes is None:
        return faulty
    for eye, other in (scheme.eyes, scheme.eyes[::-1]):
        centre = keypoints[list(other)].mean(0)
        outer, inner = np.linalg.norm(keypoints[[eye[0], eye[4]]] - centre, axis=1)
        if outer < inner:
            faulty.append(eye)
    return faulty


def mend(record: Record, scheme: Scheme) -> Record:
    """Reorder the points of mis-ordered eyes; a record without such a fault is returned unchanged."""
    faulty = swapped_eyes(record.keypoints, scheme)
    if not faulty:
        return record
    keypoints = record.keypoints.copy()
    for eye in faulty:
        keypoints[list(eye)] = keypoints[[eye[i] for i in _REORDER]]
    return replace(record, keypoints=keypoints, raw=record.keypoints)
