"""Photographs damaged in growing steps, with the true points in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from facekp.data.images import load_image
from facekp.data.records import Record
from facekp.evaluation.errors import eye_distance_px
from facekp.inference.windows import Photograph, Placement
from facekp.landmarks.scheme import Scheme

_GREY = 128


class Damage(NamedTuple):
    """One kind of damage: what its levels are, in words, and the levels, from little to much."""

    unit: str
    levels: tuple[float, ...]


_SQUARE = "side of a grey square / distance between the eyes"
DAMAGES = {
    "blur": Damage("standard deviation of a Gaussian, px", (2, 4, 7, 10, 14)),
    "noise": Damage("standard deviation, grey levels", (15, 30, 50, 75, 100)),
    "darkness": Damage("share of the light", (0.5, 0.25, 0.15, 0.1, 0.07)),
    "JPEG": Damage("quality", (20, 10, 5, 3, 1)),
    "covered eye": Damage(_SQUARE, (0.4, 0.7, 1, 1.3, 1.6)),
    "covered mouth": Damage(_SQUARE, (0.4, 0.7, 1, 1.3, 1.6)),
    "covered chin": Damage(_SQUARE, (0.4, 0.7, 1, 1.3, 1.6)),
    "rotation": Damage("degrees", (15, 30, 45, 60, 75)),
    "smaller": Damage("size / that in the photograph", (0.7, 0.5, 0.35, 0.25, 0.18)),
    "larger": Damage("size / that in the photograph", (1.15, 1.3, 1.45, 1.6, 1.75)),
    "shift": Damage("share of the way to the border", (0.2, 0.4, 0.6, 0.8, 1.0)),
}
"""Every kind by its name. A photograph is damaged in the same place, direction and pattern at all levels."""


def damaged(record: Record, damage: str, level: float, scheme: Scheme, folder: Path) -> Record:
    """Write a damaged copy of a photograph, and tell where its points are.

    What is random (noise, eye, sign of a rotation, direction of a shift) depends on the name of the photograph alone.
    Moved faces stay in the frame with all of their points; beyond the photograph its border is repeated.

    Args:
        damage: a key of :data:`DAMAGES`.
        scheme: with eyes, and the groups ``jaw`` and ``mouth``.
        folder: for the copy, ``<name>.png``.
    """
    rng = np.random.default_rng([*record.name.encode()])
    image, size = load_image(record.image, "RGB"), record.image_size
    points_px = record.keypoints.astype(float) * size
    match damage:
        case "blur":
            image = cv2.GaussianBlur(image, (0, 0), level)
        case "noise":
            grain = rng.normal(0, level, image.shape[:2])
            image = (image + grain[..., None]).round().clip(0, 255).astype(np.uint8)
        case "darkness":
            image = cv2.convertScaleAbs(image, alpha=level)
        case "JPEG":
            _, coded = cv2.imencode(".jpg", image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, int(level)))
            image = np.array(cv2.imdecode(coded, cv2.IMREAD_COLOR))[..., ::-1].copy()
        case "rotation" | "smaller" | "larger" | "shift":
            moved_px = _moved(points_px, damage, level, size, rng)
            place = Placement.onto(moved_px, points_px)
            image = np.stack([Photograph(part).window(place, size) for part in np.moveaxis(image, 2, 0)], axis=2)
            points_px = moved_px
        case _:
            jaw, eyes = scheme.select("jaw"), scheme.eyes or ()
            parts = {"eye": eyes[rng.integers(2)], "mouth": scheme.select("mouth"), "chin": jaw[len(jaw) // 2 :][:1]}
            centre = points_px[list(parts[damage.removeprefix("covered ")])].mean(0)
            half = level / 2 * eye_distance_px(points_px[None], scheme)
            (left, top), (right, bottom) = (np.rint(centre + edge).astype(int).clip(0) for edge in (-half, half))
            image = image.copy()
            image[top:bottom, left:right] = _GREY
    path = folder / f"{record.name}.png"
    Image.fromarray(image).save(path, compress_level=1)
    return replace(record, image=path, keypoints=(points_px / size).astype(np.float32), raw=None)


def _moved(
    points_px: np.ndarray, damage: str, level: float, size: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """Where the points of a face come to lie, float64 [K, 2]."""
    low, high = points_px.min(0), points_px.max(0)
    if damage == "shift":
        way = rng.standard_normal(2)
        return points_px + level * way * (np.where(way > 0, size - high, -low) / way).min()
    factor = np.exp(1j * np.radians(level * rng.choice((-1, 1)))) if damage == "rotation" else level
    centre = (low + high) / 2
    moved = Placement(complex(factor), complex(*centre)).points(points_px - centre)
    return moved + np.maximum(-moved.min(0), 0) + np.minimum(size - moved.max(0), 0)
