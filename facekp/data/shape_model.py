"""A point distribution model that tells how plausible a label is, given those of other people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facekp.data.records import Record
from facekp.landmarks.procrustes import align, similarity, to_real
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import DataError

_MODES = 20
_MAX_MODELS = 40  # the number of people in the Danes set


@dataclass(frozen=True)
class ShapeFits:
    """How well each label fits a shape model of the other people.

    Args:
        nearest: float [N, K, 2], the nearest shape in the model of each label, relative to the image.
        residual_px: float [N, K], distance of each point from that shape, in pixels of the photograph.
    """

    nearest: np.ndarray
    residual_px: np.ndarray

    def worst(self, count: int) -> list[int]:
        """Indices of the labels with the largest mean residuals, in descending order."""
        return np.argsort(-self.residual_px.mean(1), kind="stable")[:count].tolist()

    def worst_group(self, index: int, scheme: Scheme) -> tuple[str, float]:
        """The group with the largest mean residual in a label, and that residual in pixels of the photograph."""
        residuals = self.residual_px[index]
        means = {group.name: float(residuals[list(group.point_indices)].mean()) for group in scheme.groups}
        return max(means.items(), key=lambda item: item[1])


def fit_others(records: Sequence[Record]) -> ShapeFits:
    """Fit each label with a shape model of the other people: their mean shape and its main modes of variation.

    There is one model per person who is left out, or per group of people if there are more than 40. Shapes are aligned
    by shift, rotation and scale; a label, aligned with the mean, is projected onto the principal components (Cootes et
    al., Active shape models, CVIU 61, 1995).

    Raises:
        DataError: if there are too few photographs of other people, or a label has no extent.
    """
    sizes = np.array([record.image_size for record in records], float)[:, None]
    pixels = np.stack([record.keypoints for record in records]) * sizes
    points = pixels[..., 0] + 1j * pixels[..., 1]  # so that one complex factor rotates and scales
    centres = points.mean(1, keepdims=True)
    shapes = points - centres
    if not shapes.any(1).all():
        raise DataError("a label whose points all lie in one place has no shape")
    persons = np.array([record.person for record in records])
    people = np.unique(persons)
    nearest = np.empty_like(shapes)
    for group in np.array_split(people, min(len(people), _MAX_MODELS)):
        held_out = np.isin(persons, group)
        if np.sum(~held_out) <= _MODES:
            raise DataError(f"a model of {_MODES} modes needs more than {_MODES} photographs of other people")
        nearest[held_out] = _nearest(shapes[held_out], shapes[~held_out])
    return ShapeFits(to_real(nearest + centres).reshape(pixels.shape) / sizes, abs(nearest - shapes))


def _nearest(shapes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The nearest shapes, complex [N, K], in a model of the others, complex [M, K]; all are centred."""
    aligned = align(others)
    mean = aligned.mean(0)
    components = np.linalg.svd(to_real(aligned - mean), full_matrices=False)[2][:_MODES]
    factor = similarity(shapes, mean)
    deviation = to_real(factor * shapes - mean) @ components.T @ components
    return (mean + deviation.view(complex)) / factor
