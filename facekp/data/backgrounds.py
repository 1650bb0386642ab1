"""Transforms for networks that work on any photograph: other backgrounds, covered parts, and images without a face.

Photographs of a data set often have a plain wall behind the heads. What is put in its place, or before a face, is drawn
at random; no other photographs are needed.
"""

from __future__ import annotations

import math
from typing import Any

import albumentations as A
import cv2
import numpy as np
from albumentations.core.type_definitions import Targets

_WALL_STEP = 2  # grey levels between neighbouring pixels of a wall
_Params = dict[str, Any]


class Background(A.ImageOnlyTransform):
    """Replace the wall behind a head by a random texture, before which a second head may stand.

    What joins the upper borders of the image without an edge is wall, but nothing near the keypoints. The second head
    is the mirrored first one, farther from the middle of the image; the keypoints remain those of the first.

    Args:
        margin: smallest and largest factor by which the outline of the keypoints is enlarged to what is kept.
        alone: probability that all else is replaced, too, as shoulders and hair.
        second: probability of a second head.
        p: probability.
    """

    def __init__(
        self, margin: tuple[float, float] = (1.15, 1.5), alone: float = 0.2, second: float = 0.2, p: float = 0.5
    ) -> None:
        super().__init__(p=p)
        self._margin = margin
        self._alone = alone
        self._second = second

    def get_params_dependent_on_data(self, params: _Params, data: _Params) -> _Params:
        rng, image, points = self.random_generator, data["image"], data["keypoints"][:, :2]
        kept = outline(image.shape, points, rng.uniform(*self._margin))
        if rng.random() >= self._alone:
            kept |= ~wall(image)
        behind = texture(rng, image.shape)
        if rng.random() < self._second:
            centre = np.array([image.shape[1] - 1 - points[:, 0].mean(), points[:, 1].mean()])
            move = centre, _off_centre(rng, image.shape, 0.4, 0.6), rng.uniform(-20, 20), rng.uniform(-1, 0.3)
            head, share = (_moved(np.ascontiguousarray(m[:, ::-1]), *move) for m in (image, kept.view(np.uint8)))
            behind = blend(head[..., None], behind, share.view(bool))
        return {"kept": kept, "behind": behind}

    def apply(self, img: np.ndarray, kept: np.ndarray, behind: np.ndarray, **params: Any) -> np.ndarray:
        return blend(img, behind, kept)


class Occlusion(A.ImageOnlyTransform):
    """Cover a part of the image by a random texture, within an ellipse or a rectangle at any angle.

    Args:
        size: smallest and largest length of a side, as a fraction of the image's height.
        p: probability.
    """

    def __init__(self, size: tuple[float, float] = (0.08, 0.35), p: float = 0.5) -> None:
        super().__init__(p=p)
        self._size = size

    def get_params_dependent_on_data(self, params: _Params, data: _Params) -> _Params:
        rng, shape = self.random_generator, data["image"].shape
        covered = np.zeros(shape[:2], np.uint8)
        centre = rng.uniform(0.2, 0.8, 2) * (shape[1], shape[0])
        _fill(covered, rng, centre, rng.uniform(*self._size, 2) * shape[0], 1)
        return {"covered": covered.view(bool), "texture": texture(rng, shape)}

    def apply(self, img: np.ndarray, covered: np.ndarray, texture: np.ndarray, **params: Any) -> np.ndarray:
        return blend(texture, img, covered)


class NoFace(A.DualTransform):
    """Make an image without a face, whose keypoints are NaN.

    It is one of: a texture, the photograph in pieces or upside down, a place beside the face, and the photograph with a
    texture in the place of the face.

    Args:
        p: probability.
    """

    _targets = (Targets.IMAGE, Targets.KEYPOINTS)

    def get_params_dependent_on_data(self, params: _Params, data: _Params) -> _Params:
        rng, image, points = self.random_generator, data["image"], data["keypoints"][:, :2]
        make = [_texture, _pieces, _turned, _beside, _erased][rng.integers(5)]
        return {"made": make(rng, image, points)}

    def apply(self, img: np.ndarray, made: np.ndarray, **params: Any) -> np.ndarray:
        return made.reshape(img.shape)

    def apply_to_keypoints(self, keypoints: np.ndarray, **params: Any) -> np.ndarray:
        gone = keypoints.copy()
        gone[:, :2] = np.nan
        return gone


def _texture(rng: np.random.Generator, image: np.ndarray, points: np.ndarray) -> np.ndarray:
    return texture(rng, image.shape)


def _pieces(rng: np.random.Generator, image: np.ndarray, points: np.ndarray) -> np.ndarray:
    rows, columns = rng.integers(4, 9, 2)
    height, width = image.shape[0] // rows, image.shape[1] // columns
    pieces = image[: rows * height, : columns * width].reshape(rows, height, columns, width).swapaxes(1, 2)
    mixed = rng.permutation(pieces.reshape(-1, height, width)).reshape(rows, columns, height, width)
    whole = np.ascontiguousarray(mixed.swapaxes(1, 2).reshape(rows * height, columns * width))
    return cv2.resize(whole, (image.shape[1], image.shape[0]))


def _turned(rng: np.random.Generator, image: np.ndarray, points: np.ndarray) -> np.ndarray:
    place = rng.uniform(0.2, 0.8, 2) * (image.shape[1], image.shape[0])
    return _moved(image, points.mean(0), place, 180 + rng.uniform(-90, 90), rng.uniform(-0.7, 1.4))


def _beside(rng: np.random.Generator, image: np.ndarray, points: np.ndarray) -> np.ndarray:
    place = _off_centre(rng, image.shape, 0.65, 1.2)
    return _moved(image, points.mean(0), place, rng.uniform(-60, 60), rng.uniform(-0.7, 1.4))


def _erased(rng: np.random.Generator, image: np.ndarray, points: np.ndarray) -> np.ndarray:
    return blend(texture(rng, image.shape), image, outline(image.shape, points, rng.uniform(0.9, 1.2)))


def texture(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A random picture of noise of several scales, with things of simple shapes and stripes, uint8 [H, W, 1]."""
    canvas = np.zeros((1, 1), np.float32)
    things = rng.integers(0, 5) if rng.random() < 0.7 else 0
    for level in range(6, -1, -1):  # from coarse to fine
        height, width = (max(1, side >> level) for side in shape[:2])
        canvas = cv2.resize(canvas, (width, height))
        if level:
            canvas += np.float32(rng.exponential()) * rng.standard_normal(canvas.shape, np.float32)
        for _ in range(things):
            sides = height * 2 ** rng.uniform(-5, 0, 2)
            _fill(canvas, rng, rng.random(2) * (width, height), sides, 2 * rng.standard_normal())
    if rng.random() < 0.3:
        angle, frequency = rng.uniform(0, math.pi), 2 * math.pi / height * 2 ** rng.uniform(2, 6)
        along = np.arange(width, dtype=np.float32) * np.float32(frequency * math.cos(angle))
        down = np.arange(height, dtype=np.float32)[:, None] * np.float32(frequency * math.sin(angle))
        canvas += np.float32(rng.standard_normal()) * np.sin(along + down)
    mean, deviation = (value.item() for value in cv2.meanStdDev(canvas))
    scale = rng.uniform(5, 60) / (deviation + 1e-3)
    return cv2.convertScaleAbs(np.maximum(scale * (canvas - mean) + rng.uniform(30, 220), 0))[..., None]


def _fill(canvas: np.ndarray, rng: np.random.Generator, centre: np.ndarray, sides: np.ndarray, value: float) -> None:
    """Draw an ellipse or a rectangle at a random angle."""
    box = (centre.tolist(), sides.tolist(), rng.uniform(0, 180))
    if rng.random() < 0.5:
        cv2.ellipse(canvas, box, value, -1)
    else:
        cv2.fillConvexPoly(canvas, cv2.boxPoints(box).astype(np.int32), value)


def outline(shape: tuple[int, ...], points: np.ndarray, factor: float) -> np.ndarray:
    """The convex hull of the points, enlarged about their centre, bool [H, W]."""
    mask = np.zeros(shape[:2], np.uint8)
    hull = cv2.convexHull(points.astype(np.float32))[:, 0]
    centre = (hull.min(0) + hull.max(0)) / 2
    cv2.fillConvexPoly(mask, (centre + factor * (hull - centre)).astype(np.int32), 1)
    return mask.view(bool)


def wall(image: np.ndarray) -> np.ndarray:
    """The pixels that join the upper borders of an image without an edge, bool [H, W]."""
    small = cv2.GaussianBlur(cv2.pyrDown(image), (3, 3), 0)
    height, width = small.shape
    filled = np.zeros((height + 2, width + 2), np.uint8)
    top = [(x, 0) for x in (0, width // 3, 2 * width // 3, width - 1)]
    for x, y in (*top, (0, height // 2), (width - 1, height // 2)):
        if not filled[y + 1, x + 1]:
            cv2.floodFill(small, filled, (x, y), 0, _WALL_STEP, _WALL_STEP, 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8))
    return cv2.resize(filled[1:-1, 1:-1], (image.shape[1], image.shape[0]), interpolation=cv2.INTER_NEAREST).view(bool)


def blend(inside: np.ndarray, outside: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """One image where the mask is set and the other elsewhere, with a soft edge."""
    share = cv2.GaussianBlur(mask.view(np.uint8) * np.uint8(255), (5, 5), 0).astype(np.float32) / 255
    return cv2.blendLinear(inside, outside, share, 1 - share)[..., None]


def _off_centre(rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    """A position away from the middle of an image by a distance within limits, relative to width and height."""
    direction = rng.uniform(0, 2 * math.pi)
    away = rng.uniform(low, high) * np.array([math.cos(direction), math.sin(direction)])
    return (0.5 + away) * (shape[1], shape[0])


def _moved(image: np.ndarray, centre: np.ndarray, place: np.ndarray, angle: float, octaves: float) -> np.ndarray:
    """The image turned and scaled about a centre that comes to another place."""
    matrix = cv2.getRotationMatrix2D(tuple(map(float, centre)), angle, 2**octaves)
    matrix[:, 2] += place - centre
    return cv2.warpAffine(image, matrix, (image.shape[1], image.shape[0]), borderMode=cv2.BORDER_REPLICATE)
