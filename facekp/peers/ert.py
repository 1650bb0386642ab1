"""dlib's shape predictor, trained here."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from facekp.data.images import load_grey
from facekp.data.records import Record
from facekp.geometry import from_pixel_centres, to_pixel_centres
from facekp.landmarks import Scheme
from facekp.peers.peer import Peer, imported

_SETTINGS = {
    "oversampling_amount": 20,
    "num_threads": 1,
    "random_seed": "0",
}
_THRESHOLD = -1.0


class Ert(Peer):
    """Ensembles of regression trees (V. Kazemi, J. Sullivan, CVPR 2014), trained on the photographs and their mirrors.

    They begin with the mean shape in a box, and move its points by how much pixels about them differ.
    """

    def __init__(self, scheme: Scheme) -> None:
        super().__init__(scheme)
        self._dlib: Any = imported("dlib")

    @abstractmethod
    def box(self, image: np.ndarray, points_px: np.ndarray, name: str) -> Any:
        """The dlib.rectangle to begin in.

        Args:
            image: uint8 [H, W].
            points_px: the true points, float32 [K, 2], whole numbers at the centres of pixels.
            name: of the photograph.
        """

    def fit(self, records: Sequence[Record]) -> None:
        images, faces = [], []
        for record in records:
            grey, points_px = _read(record)
            mirrored_px = points_px[list(self.scheme.mirror or ())].copy()
            mirrored_px[:, 0] = grey.shape[1] - 1 - mirrored_px[:, 0]
            for image, true_px in ((grey, points_px), (np.ascontiguousarray(grey[:, ::-1]), mirrored_px)):
                images.append(image)
                faces.append([self._labelled(self.box(image, true_px, record.name), true_px)])
        options = self._dlib.shape_predictor_training_options()
        for name, value in _SETTINGS.items():
            setattr(options, name, value)
        self._predictor = self._dlib.train_shape_predictor(images, faces, options)

    def _labelled(self, box: Any, points_px: np.ndarray) -> Any:
        parts = [self._dlib.point(x, y) for x, y in np.rint(points_px).astype(int).tolist()]
        return self._dlib.full_object_detection(box, self._dlib.points(parts))

    def answer(self, record: Record) -> np.ndarray:
        image, points_px = _read(record)
        parts = self._predictor(image, self.box(image, points_px, record.name)).parts()
        return from_pixel_centres(np.array([(part.x, part.y) for part in parts], np.float32), record.image_size)


def _read(record: Record) -> tuple[np.ndarray, np.ndarray]:
    return load_grey(record.image, record.image_size), to_pixel_centres(record.keypoints, record.image_size)


class TrueBox(Ert):
    """Begins in the box about the true points, which nobody would know."""

    name = "dlib, true box"
    slug = "dlib_true_box"
    given = "whole image, box about the true points"

    def box(self, image: np.ndarray, points_px: np.ndarray, name: str) -> Any:
        left_top, right_bottom = (np.rint(edge).astype(int).tolist() for edge in (points_px.min(0), points_px.max(0)))
        return self._dlib.rectangle(*left_top, *right_bottom)


class OwnBox(Ert):
    """Begins in the box of dlib's own frontal face detector, or, where that finds nothing, in its likeliest box."""

    name = "dlib, own box"
    slug = "dlib_own_box"
    given = "whole image, own face detector"

    def __init__(self, scheme: Scheme) -> None:
        super().__init__(scheme)
        self._detector = self._dlib.get_frontal_face_detector()

    def box(self, image: np.ndarray, points_px: np.ndarray, name: str) -> Any:
        boxes, scores, _ = self._detector.run(image, 0, _THRESHOLD)
        best = int(np.argmax(scores))
        if scores[best] < 0:
            self.missed.add(name)
        return boxes[best]
