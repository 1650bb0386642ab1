"""MediaPipe's face mesh, led to the points of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from facekp.data.records import Record
from facekp.errors import DataError
from facekp.landmarks import Scheme
from facekp.peers.peer import Peer, imported, mean_shape

_ALPHA = 3.0
_ALIGNMENTS = 10


class FaceMesh(Peer):
    """FaceMesh with attention (Grishchenko et al., Attention Mesh, CVPR workshop 2020), and ridge regression.

    Its 478 points are brought to one place, size and angle (generalised Procrustes analysis: Gower, Psychometrika 40,
    1975); from there a linear map leads to the points of the data, and back they go. Settings by four folds of persons
    1-32: the 478 points instead of the 468 without attention (22 to 20.4 px²), alignment by shift, scale and angle, and
    the ridge's strength between 0.001 and 10 matter; depth, or the mirrored photographs beside the others, do not help.
    """

    name = "MediaPipe FaceMesh"
    slug = "mediapipe"
    learnt_before = "tens of thousands of faces, then "
    given = "whole image, own face detector"

    def __init__(self, scheme: Scheme) -> None:
        super().__init__(scheme)
        mediapipe: Any = imported("mediapipe")
        self._finder = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True)
        self._ridge: Any = imported("sklearn.linear_model").Ridge(_ALPHA)  # type: ignore[attr-defined]

    def fit(self, records: Sequence[Record]) -> None:
        """Learn the points of these photographs.

        Raises:
            DataError: if no face is found in any of them.
        """
        found = [(mesh, record) for record in records if (mesh := self._mesh(record)) is not None]
        if not found:
            raise DataError(f"MediaPipe finds no face in any of {len(records)} photographs; choose other data")
        meshes = np.stack([mesh for mesh, _ in found])
        shapes = np.stack([_complex(record.keypoints * record.image_size) for _, record in found])
        self._fallback = mean_shape(records)
        self._mean = meshes[0]
        for _ in range(_ALIGNMENTS):
            centre, turn = _pose(meshes, self._mean)
            aligned = ((meshes - centre) * turn).mean(0)
            self._mean = aligned / aligned.std()
        centre, turn = _pose(meshes, self._mean)
        self._ridge.fit(_real((meshes - centre) * turn), _real((shapes - centre) * turn))

    def answer(self, record: Record) -> np.ndarray:
        mesh = self._mesh(record)
        if mesh is None:
            self.missed.add(record.name)
            return self._fallback
        centre, turn = _pose(mesh[None], self._mean)
        shape = self._ridge.predict(_real((mesh - centre) * turn)).view(complex) / turn + centre
        return (_real(shape).reshape(-1, 2) / record.image_size).astype(np.float32)

    def _mesh(self, record: Record) -> np.ndarray | None:
        """Complex [478], in pixels of the photograph; None where no face is found."""
        with Image.open(record.image) as image:
            found = self._finder.process(np.asarray(image.convert("RGB"))).multi_face_landmarks
        if found is None:
            return None
        width, height = record.image_size
        return np.array([complex(point.x * width, point.y * height) for point in found[0].landmark])


def _pose(meshes: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The centres of shapes, complex [N, K], and the turns and scales that bring them nearest to a mean, complex [K],
    by least squares; each complex [N, 1].
    """
    centres = meshes.mean(1, keepdims=True)
    offsets = meshes - centres
    return centres, (offsets.conj() @ mean / (abs(offsets) ** 2).sum(1))[:, None]


def _complex(points_px: np.ndarray) -> np.ndarray:
    """Float [K, 2] as complex [K]."""
    return np.ascontiguousarray(points_px, float).view(complex)[:, 0]


def _real(points: np.ndarray) -> np.ndarray:
    """Complex [N, K] as float [N, 2K], x and y in turn."""
    return np.ascontiguousarray(points).view(float)
