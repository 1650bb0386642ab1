"""How likely a label is, given those of other people: a point distribution model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facekp.data.records import Record
from facekp.landmarks.procrustes import align, in_turn, pose
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import DataError

_MODELS = 40  # at most; the Danes set has as many people


@dataclass(frozen=True)
class Fits:
    """How well each label fits a shape model that has not seen its person.

    Args:
        nearest: float [N, K, 2], the models' nearest shapes, relative to the image.
        residual_px: float [N, K], from each point to that of the nearest shape, in pixels of the photograph.
    """

    nearest: np.ndarray
    residual_px: np.ndarray

    def worst(self, count: int) -> list[int]:
        """The images with the largest mean residuals, the largest first."""
        return np.argsort(-self.residual_px.mean(1), kind="stable")[:count].tolist()

    def worst_group(self, index: int, scheme: Scheme) -> tuple[str, float]:
        """The group of an image's points that fits worst, and its mean residual in pixels of the photograph."""
        means = {group.name: float(self.residual_px[index, list(group.points)].mean()) for group in scheme.groups}
        return max(means.items(), key=lambda item: item[1])


def fit_others(records: Sequence[Record], modes: int = 20) -> Fits:
    """Fit each label by a shape model of the other people: their mean shape and its main modes of variation.

    People are left out one by one, or in 40 groups where there are more. Shapes are aligned by shift, rotation and
    scale; a label, aligned with the mean, is projected onto the principal components (Cootes et al., Active shape
    models, CVIU 61, 1995).

    Args:
        records: at least one.
        modes: how many components the model has.

    Raises:
        DataError: if there are too few photographs of other people, or a label has no extent.
    """
    sizes = np.array([record.image_size for record in records], float)[:, None]
    pixels = np.stack([record.keypoints for record in records]) * sizes
    points = pixels[..., 0] + 1j * pixels[..., 1]  # one complex factor turns and scales
    centres = points.mean(1, keepdims=True)
    shapes = points - centres
    if not shapes.any(1).all():
        raise DataError("a label whose points all lie in one place has no shape")
    persons = np.array([record.person for record in records])
    people = np.unique(persons)
    nearest = np.empty_like(shapes)
    for group in np.array_split(people, min(len(people), _MODELS)):
        judged = np.isin(persons, group)
        if np.sum(~judged) <= modes:
            raise DataError(f"a model of {modes} modes needs more than {modes} photographs of other people")
        nearest[judged] = _nearest(shapes[judged], shapes[~judged], modes)
    return Fits(in_turn(nearest + centres).reshape(pixels.shape) / sizes, abs(nearest - shapes))


def _nearest(shapes: np.ndarray, others: np.ndarray, modes: int) -> np.ndarray:
    """The shapes nearest to those given, complex [N, K], in a model of the others, complex [M, K]; all are centred."""
    aligned = align(others)
    mean = aligned.mean(0)
    components = np.linalg.svd(in_turn(aligned - mean), full_matrices=False)[2][:modes]
    turn = pose(shapes, mean)
    deviation = in_turn(turn * shapes - mean) @ components.T @ components
    return (mean + deviation.view(complex)) / turn
