"""Finding of faces in a photograph, by a network's own heatmaps.

The heatmaps of all places of a photograph come from one pass of a convolutional network over each of several sizes of
it. Wherever a window of the network's input holds a face, the heatmaps of its points within that window are each
gathered in one place, so the mean confidence of the points tells how likely there is a face, and their means where.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from facekp.evaluation.calibration import near
from facekp.inference.network import Network
from facekp.inference.windows import Placement

SMALLEST_PX = 40
"""The width of a face that is looked for, at least."""
_SMALLEST_SHARE = 1 / 64  # of the longer side of a photograph, so that the time does not grow with its pixels for ever
_APPARENT = 0.45, 1.55  # width of a face in a window, relative to the training set's, at which it is still found
_SCALE = 0.35, 1.8  # the same of a candidate, which need not be exact
_WINDOWS = 1.0, 0.5  # the second, half as large, tell apart faces that stand side by side
_STEPS = 4  # windows that overlap along each axis
_OVERLAP = 0.3  # of the boxes of one face, as intersection over union
_INSIDE = 0.6  # of a box, within that of a better candidate, where it is a part of the same face
_MOST = 64  # candidates of a photograph


class HasPoints(Protocol):
    """A face, or what may be one."""

    @property
    def points_px(self) -> np.ndarray:
        """Float [K, 2]."""

    @property
    def score(self) -> float:
        """How sure it is that this is a face."""


Found = TypeVar("Found", bound=HasPoints)


@dataclass(frozen=True)
class Candidate:
    """A place where a face may be.

    Args:
        points_px: float [K, 2], the mean shape as near as possible to the means of the heatmaps.
        score: mean confidence of the points.
    """

    points_px: np.ndarray
    score: float


class Finder:
    """Finds where faces may be.

    Args:
        network: one that can find faces.
    """

    def __init__(self, network: Network) -> None:
        assert network.shrink, "such a network can find faces"
        self._network = network
        width, height = (length // network.shrink for length in network.input_size)
        self._shape_px = network.mean_shape * (width, height)
        self._face_px = float(np.sqrt(np.prod(np.ptp(self._shape_px, axis=0))))
        rows, columns = network.scan(np.zeros((height, width), np.uint8)).shape[1:]
        self._cell_px = width / columns
        self._blocks = max(1, round(rows / _STEPS)), max(1, round(columns / _STEPS))  # cells that a window steps by

    def __call__(self, grey: np.ndarray, threshold: float, any_rotation: bool = False) -> list[Candidate]:
        """Candidates, the best first, of which no two are the same face.

        Args:
            grey: uint8 [H, W].
            threshold: the least mean confidence of the points.
            any_rotation: whether faces may lie on a side or stand on the head.
        """
        found = []
        for turns in range(4 if any_rotation else 1):
            height, width = grey.shape
            shift = (0, width, width + 1j * height, 1j * height)[turns]
            upright = Placement(1j**turns, shift)
            for candidate in self._scan(np.ascontiguousarray(np.rot90(grey, turns)), threshold):
                found.append(Candidate(upright.points(candidate.points_px), candidate.score))
        return distinct(found)[:_MOST]

    def _scan(self, grey: np.ndarray, threshold: float) -> Iterator[Candidate]:
        height, width = grey.shape
        low, high = _APPARENT
        smallest = max(SMALLEST_PX, max(width, height) * _SMALLEST_SHARE)
        scale = low * self._face_px / smallest
        while True:
            yield from self._scan_at(grey, scale, threshold)
            if self._face_px * high >= scale * max(width, height):
                return
            scale *= low / high

    def _scan_at(self, grey: np.ndarray, scale: float, threshold: float) -> Iterator[Candidate]:
        """Candidates in a copy of the photograph of that scale.

        The copy is surrounded by a quarter of a window of its repeated border.
        """
        size = [max(1, round(length * scale)) for length in grey.shape[::-1]]
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        top, left = (round(cells * self._cell_px) for cells in self._blocks)
        bottom, right = (
            step + max(-length % step, (_STEPS - 2) * step - length)
            for step, length in zip((top, left), small.shape, strict=True)
        )
        padded = cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_REPLICATE)
        logits = self._network.scan(padded)
        ratio = np.array(grey.shape[::-1]) / size
        for share in _WINDOWS:
            rows, columns = (max(1, round(cells * share)) for cells in self._blocks)
            confidence, points = _decode_windows(logits, (rows, columns))
            scores = confidence.mean(-1)
            best = np.argsort(-scores)[: 2 * _MOST]
            for index in best[scores[best] > threshold]:
                points_px = (points[index] * self._cell_px - (left, top)) * ratio
                place = Placement.onto(self._shape_px, points_px, confidence[index])
                if _SCALE[0] < abs(place.factor) * scale / share < _SCALE[1]:
                    yield Candidate(place.points(self._shape_px), float(scores[index]))


def _decode_windows(logits: np.ndarray, blocks: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, float32 [N, K], and means, float32 [N, K, 2], in cells, of the heatmaps within all windows.

    The heatmap of a window is the softmax of the logits within it, so its marginal distributions are sums of the same
    exponentials for all windows. A point that is lost beside a logit larger by 80 somewhere else has a flat heatmap.

    Args:
        logits: float32 [K, h, w] of a whole photograph.
        blocks: rows and columns that windows, of ``_STEPS`` times that size, step by.
    """
    rows, columns = blocks
    points, height, width = logits.shape
    logits = logits[:, : height // rows * rows, : width // columns * columns]
    mass = np.maximum(logits - logits.max((1, 2), keepdims=True), -80)
    cv2.exp(mass.reshape(points, -1), mass.reshape(points, -1))
    down = mass.reshape(points, -1, rows, mass.shape[2]).sum(2)
    across = (mass.reshape(-1, columns) @ np.ones(columns, mass.dtype)).reshape(*mass.shape[:2], -1).swapaxes(1, 2)
    near_x, x = _near_mean(sliding_window_view(_windowed(down), _STEPS * columns, 2)[:, :, ::columns])
    near_y, y = _near_mean(sliding_window_view(_windowed(across), _STEPS * rows, 2)[:, :, ::rows])
    means = np.stack([x, y.swapaxes(1, 2)])  # [2, K, windows down, windows across]
    means += np.mgrid[: x.shape[1], : x.shape[2]][::-1, None] * np.reshape([columns, rows], (2, 1, 1, 1))
    return (near_x * near_y.swapaxes(1, 2)).reshape(points, -1).T, means.reshape(2, points, -1).T


def _windowed(blocks: np.ndarray) -> np.ndarray:
    """The sums of each ``_STEPS`` neighbours along the second axis."""
    return np.ascontiguousarray(sliding_window_view(blocks, _STEPS, 1).sum(-1))


def _near_mean(marginals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of each marginal distribution, float [..., n], near its mean; and the mean, in cells."""
    centres = np.arange(marginals.shape[-1], dtype=marginals.dtype) + np.float32(0.5)
    total = marginals.sum(-1)
    mean = marginals @ centres / total
    return (marginals * near(np.abs(centres - mean[..., None]))).sum(-1) / total, mean


def distinct(candidates: Sequence[Found]) -> list[Found]:
    """Of candidates that are the same face, or parts of it, the best one; the best first."""
    ordered = sorted(candidates, key=lambda each: -each.score)
    boxes = np.array([box_of(each.points_px) for each in ordered]).reshape(-1, 4)
    common, area, other_area = _areas(boxes[:, None], boxes)
    same = (common >= _OVERLAP * (area + other_area - common)) | (common >= _INSIDE * area)
    kept: list[int] = []
    for place in range(len(ordered)):
        if not same[place, kept].any():
            kept.append(place)
    return [ordered[place] for place in kept]


def box_of(points_px: np.ndarray) -> tuple[float, float, float, float]:
    """The box around points: left, top, right, bottom."""
    (left, top), (right, bottom) = points_px.min(0).tolist(), points_px.max(0).tolist()
    return left, top, right, bottom


def same_place(one: HasPoints, other: HasPoints) -> bool:
    """Whether two are the same face: whether the boxes around their points overlap."""
    common, area, other_area = _areas(np.array(box_of(one.points_px)), np.array(box_of(other.points_px)))
    return bool(common >= _OVERLAP * (area + other_area - common))


def _areas(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What boxes, float [..., 4], have in common, and the area of each; half a pixel wider, for single points."""
    (low, high), (other_low, other_high) = ((box[..., :2] - 0.5, box[..., 2:] + 0.5) for box in (one, other))
    common = np.clip(np.minimum(high, other_high) - np.maximum(low, other_low), 0, None).prod(-1)
    return common, (high - low).prod(-1), (other_high - other_low).prod(-1)
