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
import torch
from torch import Tensor

from facekp.inference.windows import Placement
from facekp.models.module import KeypointModule

SMALLEST_PX = 40
"""The width of a face that is looked for, at least."""
_SMALLEST_SHARE = 1 / 64  # of the longer side of a photograph, so that the time does not grow with its pixels for ever
_APPARENT = 0.45, 1.55  # width of a face in a window, relative to the training set's, at which it is still found
_STEPS = 4  # windows that overlap along each axis
_THRESHOLD = 0.25  # mean confidence of the points
_SAMPLE, _SAMPLE_THRESHOLD = 7, 0.12  # of the points every seventh rules out most windows, in less time
_OVERLAP = 0.3  # of the boxes of one face, as intersection over union
_MOST = 64  # candidates of a photograph
_AT_ONCE = 64  # windows


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
        points_px: float [K, 2].
        score: mean confidence of the points.
    """

    points_px: np.ndarray
    score: float


class Finder:
    """Finds the faces of a photograph.

    Args:
        module: with a network that can scan a photograph (see :meth:`facekp.models.base.KeypointNetwork.scanner`).
    """

    def __init__(self, module: KeypointModule, input_size: Sequence[int]) -> None:
        scanner = module.network.scanner()
        assert scanner is not None
        self._stage, shrink = scanner
        self._window = input_size[0] // shrink, input_size[1] // shrink
        shape_px = module.mean_shape.cpu().numpy() * self._window
        self._face_px = float(np.sqrt(np.prod(np.ptp(shape_px, axis=0))))
        self._device = module.device

    def __call__(self, grey: np.ndarray, any_rotation: bool = False) -> list[Candidate]:
        """Candidates, the best first, of which no two are the same face.

        Args:
            grey: uint8 [H, W].
            any_rotation: whether faces may lie on a side or stand on the head.
        """
        found = []
        for turns in range(4 if any_rotation else 1):
            height, width = grey.shape
            shift = (0, width, width + 1j * height, 1j * height)[turns]
            upright = Placement(1j**turns, shift)
            for candidate in self._scan(np.ascontiguousarray(np.rot90(grey, turns))):
                found.append(Candidate(upright.points(candidate.points_px), candidate.score))
        return distinct(found)[:_MOST]

    def _scan(self, grey: np.ndarray) -> Iterator[Candidate]:
        height, width = grey.shape
        low, high = _APPARENT
        smallest = max(SMALLEST_PX, max(width, height) * _SMALLEST_SHARE)
        scale = low * self._face_px / smallest
        while True:
            yield from self._scan_at(grey, scale)
            if self._face_px * high >= scale * max(width, height):
                return
            scale *= low / high

    def _scan_at(self, grey: np.ndarray, scale: float) -> Iterator[Candidate]:
        """Candidates in a copy of the photograph of that scale."""
        size = [max(1, round(length * scale)) for length in grey.shape[::-1]]
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        step_x, step_y = (length // _STEPS for length in self._window)
        left, top = self._window[0] // 2, self._window[1] // 2
        right, bottom = left + -size[0] % step_x, top + -size[1] % step_y
        padded = cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_REPLICATE)
        image = torch.from_numpy(padded).to(self._device)[None, None].float().div_(255).sub_(0.5)
        logits = self._stage(image.contiguous(memory_format=torch.channels_last))[0]
        cell = padded.shape[1] / logits.shape[-1]
        columns, rows = (round(length / cell) for length in self._window)
        across, down = (max(1, round(step / cell)) for step in (step_x, step_y))
        views = logits.unfold(1, rows, down).unfold(2, columns, across)  # [K, y, x, rows, columns], nothing is copied
        some = self._confidence(views[::_SAMPLE].flatten(1, 2).transpose(0, 1))
        likely = (some > _SAMPLE_THRESHOLD).nonzero()[:, 0]
        y, x = likely // views.shape[2], likely % views.shape[2]
        windows = views[:, y, x].transpose(0, 1).contiguous()  # [N, K, rows, columns]
        scores = self._confidence(windows) if len(likely) else some[likely]
        chosen = scores.argsort(descending=True)[: 2 * _MOST]
        chosen = chosen[scores[chosen] > _THRESHOLD]
        if not len(chosen):
            return
        points = self._stage.decode(windows[chosen]).cpu().numpy() * self._window
        corners = torch.stack([x * across, y * down], dim=1)[chosen].cpu().numpy() * cell - (left, top)
        ratio = np.array(grey.shape[::-1]) / size
        for corner, score, points_px in zip(corners, scores[chosen].tolist(), points, strict=True):
            yield Candidate((points_px + corner) * ratio, score)

    def _confidence(self, windows: Tensor) -> Tensor:
        """The mean confidence of the points in each window."""
        parts = [self._stage.confidence(part) for part in windows.split(_AT_ONCE)]
        return torch.cat([part.mean(1) for part in parts if part is not None])


def distinct(candidates: Sequence[Found]) -> list[Found]:
    """Of candidates that are the same face the best one; the best first."""
    kept: list[Found] = []
    for candidate in sorted(candidates, key=lambda each: -each.score):
        if not any(same_place(candidate, other) for other in kept):
            kept.append(candidate)
    return kept


def box_of(points_px: np.ndarray) -> tuple[float, float, float, float]:
    """The box around points: left, top, right, bottom."""
    (left, top), (right, bottom) = points_px.min(0).tolist(), points_px.max(0).tolist()
    return left, top, right, bottom


def same_place(one: HasPoints, other: HasPoints) -> bool:
    """Whether two are the same face: whether the boxes around their points overlap."""
    return _overlap(one.points_px, other.points_px) >= _OVERLAP


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of the boxes around points, float [K, 2]; single points have a box of a pixel."""
    boxes = [np.stack([points.min(0) - 0.5, points.max(0) + 0.5]) for points in (one, other)]
    low, high = np.maximum(*boxes)[0], np.minimum(*boxes)[1]
    common = np.prod(np.clip(high - low, 0, None))
    return float(common / (sum(np.prod(box[1] - box[0]) for box in boxes) - common))
