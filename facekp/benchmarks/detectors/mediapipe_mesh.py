"""MediaPipe's face mesh, mapped to the points of the data."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from facekp.benchmarks.detectors.base import Detector, View, imported, size_of
from facekp.landmarks.procrustes import align, similarity, to_real
from facekp.landmarks.scheme import Scheme

_ALPHA = 3.0


class FaceMesh(Detector):
    """FaceMesh with attention (Grishchenko et al., Attention Mesh, CVPR workshop 2020), and ridge regression.

    Its 478 points are normalised in position, size and rotation (generalised Procrustes analysis: Gower, Psychometrika
    40, 1975), mapped linearly to the points of the data, and transformed back. The settings are the best of those tried
    on four folds of persons 1-32: with attention (478 points, 20.0 px²) or without (468 points, 21.0); normalised in
    position, size and rotation (20.0), position and size (20.0), position (20.6), or not at all (20.8); ridge of 0.001
    to 10; with depth or without (no difference); with mirrored photographs in training or not (0.2), and with a flip
    test or not (0.5).
    """

    name = "MediaPipe FaceMesh"
    slug = "mediapipe"
    colours = "RGB"
    pretrained_on = "tens of thousands of faces, then "
    given = "whole image, own face detector"

    def __init__(self, scheme: Scheme) -> None:
        super().__init__(scheme)
        mediapipe: Any = imported("mediapipe")
        self._finder = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True)
        self._ridge: Any = imported("sklearn.linear_model").Ridge(_ALPHA)

    def fit_views(self, views: Sequence[View]) -> bool:
        found = [(mesh, view) for view in views if (mesh := self._mesh(view[0])) is not None]
        if not found:
            return False
        meshes = np.stack([mesh for mesh, _ in found])
        shapes = np.stack([points * size_of(image) for _, (image, points) in found]) @ [1, 1j]
        mean = align(meshes - meshes.mean(1, keepdims=True)).mean(0)
        self._mean = mean / mean.std()
        centre, factor = _pose(meshes, self._mean)
        self._ridge.fit(to_real((meshes - centre) * factor), to_real((shapes - centre) * factor))
        return True

    def predict_view(self, view: View) -> np.ndarray | None:
        mesh = self._mesh(view[0])
        if mesh is None:
            return None
        centre, factor = _pose(mesh[None], self._mean)
        shape = self._ridge.predict(to_real((mesh - centre) * factor)).view(complex) / factor + centre
        return to_real(shape).reshape(-1, 2) / size_of(view[0])

    def _mesh(self, image: np.ndarray) -> np.ndarray | None:
        """Complex [478], in pixels; None if no face is found."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "SymbolDatabase.GetPrototype", UserWarning)  # MediaPipe's, for each image
            found = self._finder.process(image).multi_face_landmarks
        if found is None:
            return None
        width, height = size_of(image)
        return np.array([complex(point.x * width, point.y * height) for point in found[0].landmark])


def _pose(meshes: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The centres of shapes, complex [N, K], and the turns and scales that bring them nearest to a mean, complex [K],
    by least squares; each complex [N, 1].
    """
    centres = meshes.mean(1, keepdims=True)
    return centres, similarity(meshes - centres, mean)
