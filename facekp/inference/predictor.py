"""Faces in photographs, and their points."""

from __future__ import annotations

from cmath import phase
from collections.abc import Sequence
from dataclasses import replace
from math import radians
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from facekp.evaluation.evaluate import Prediction
from facekp.inference import MIN_SCORE
from facekp.inference.face import Face, Number, chosen
from facekp.inference.finder import Finder, distinct
from facekp.inference.pictures import Picture, as_grey
from facekp.inference.windows import Photograph, Placement
from facekp.landmarks.scheme import Scheme
from facekp.models.module import KeypointModule
from facekp.utils.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_FIRST_LOOK = 0.2  # score below which a candidate is not looked at again
_TILT = radians(50)  # of a face that is upright
_LARGEST = 1.2  # width of a face, as a fraction of the longer side of the photograph
_AT_ONCE = 16  # windows


class Predictor:
    """Finds faces in photographs and predicts their points.

    Args:
        module: trained, in evaluation mode.
        frame: a predictor whose faces tell where to look; needed if the network of ``module`` cannot find faces itself.

    Raises:
        ConfigError: if neither can find faces.
    """

    def __init__(self, module: KeypointModule, frame: Predictor | None = None) -> None:
        self._module = module
        self._size: tuple[int, int] = tuple(module.hparams["model"]["input_size"])
        self._shape_px = module.mean_shape.cpu().numpy() * self._size
        self._finder = Finder(module, self._size) if module.network.scanner() else None
        self._frame = None if self._finder else frame
        self.scheme, self.point_indices = module.scheme, tuple(module.point_indices)

    def __call__(
        self,
        pictures: Picture | Sequence[Picture],
        faces: Number = "all",
        box: ArrayLike | None = None,
        min_score: float = MIN_SCORE,
        any_rotation: bool = False,
    ) -> Any:
        """The faces of a photograph, the highest score first; of a list of photographs a list for each.

        Args:
            pictures: one photograph, or a list of several.
            faces: which faces.
            box: left, top, right and bottom of the only face, in pixels. Nothing is searched then, and ``min_score``
                has no effect.
            min_score: the least score of a face.
            any_rotation: also find faces that lie on a side or stand on the head, in four times the time.

        Returns:
            list[Face], or list[list[Face]] for several photographs.

        Raises:
            DataError: if a picture cannot be read.
            ConfigError: if the box is none.
        """
        if not isinstance(pictures, (str, Path, np.ndarray, Image.Image)):
            return [
                self(each, faces=faces, box=box, min_score=min_score, any_rotation=any_rotation) for each in pictures
            ]
        grey = as_grey(pictures)
        with torch.inference_mode():
            if box is not None:
                return self.at(grey, checked_box(box))
            found = [face for face in self._search(grey, any_rotation) if face.score >= min_score]
        return chosen(found, faces)

    def _search(self, grey: np.ndarray, any_rotation: bool) -> list[Face]:
        photograph = Photograph(grey)
        if self._finder is None:
            return [self._framed(photograph, face) for face in self._other()._search(grey, any_rotation)]
        candidates = [self._onto(found.points_px) for found in self._finder(grey, any_rotation)]
        places = [place for place in candidates if self._is_possible(place, photograph, any_rotation)]
        looked = self._predict(photograph, places, flip_test=False)
        again = distinct([face for face in looked if face.score >= _FIRST_LOOK])
        places = [self._onto(face.points_px) for face in again]
        places = [place for place in places if self._is_possible(place, photograph, any_rotation)]
        return distinct(self._predict(photograph, places))

    def _is_possible(self, place: Placement, photograph: Photograph, any_rotation: bool) -> bool:
        """Whether a face there would lie in the photograph, and be as upright as asked."""
        face = place.points(self._shape_px)
        inside = ((face.mean(0) > 0) & (face.mean(0) < photograph.size)).all()
        fits = np.ptp(face, axis=0).min() < _LARGEST * max(photograph.size)
        return bool(inside and fits and (any_rotation or abs(phase(place.factor)) < _TILT))

    def at(self, grey: np.ndarray, box: np.ndarray) -> list[Face]:
        """The face in a box, float [4], of a grey photograph, uint8 [H, W], by one look at it."""
        photograph = Photograph(grey)
        if self._finder is None:
            return [self._framed(photograph, face) for face in self._other().at(grey, box)]
        low, high = self._shape_px.min(0), self._shape_px.max(0)
        centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        scale = np.sqrt(np.prod(size) / np.prod(high - low))
        start = Placement(complex(scale), complex(*(centre - scale * (low + high) / 2)))
        return self._predict(photograph, [start], flip_test=False)

    def follow(self, grey: np.ndarray, faces: Sequence[Face]) -> list[Face]:
        """Faces of an earlier frame of a video in the next one, with one look at each."""
        with torch.inference_mode():
            photograph = Photograph(grey)
            if self._finder is None:
                frames = [face.frame for face in faces if face.frame is not None]
                return [self._framed(photograph, face) for face in self._other().follow(grey, frames)]
            return self._predict(photograph, [self._onto(face.points_px) for face in faces], flip_test=False)

    def _onto(self, points_px: np.ndarray) -> Placement:
        return Placement.onto(self._shape_px, points_px)

    def _other(self) -> Predictor:
        if self._frame is None:
            raise ConfigError("this network cannot find faces; give a heatmap network")
        return self._frame

    def _framed(self, photograph: Photograph, face: Face) -> Face:
        """The points of this network in the frame of a face that another one has found."""
        (found,) = self._predict(photograph, [self._frame_of(face, self._other())])
        return replace(found, score=face.score, frame=face)

    def _predict(self, photograph: Photograph, places: Sequence[Placement], flip_test: bool = True) -> list[Face]:
        """The faces in windows of a photograph."""
        faces = []
        for start in range(0, len(places), _AT_ONCE):
            part = places[start : start + _AT_ONCE]
            windows = np.stack([photograph.window(place, self._size) for place in part])[:, None]
            images = torch.from_numpy(windows).to(self._module.device)
            predicted = self._module.predict(images, flip_test)
            faces += [self._face(predicted, row, place) for row, place in enumerate(part)]
        return faces

    def _face(self, predicted: Prediction, row: int, place: Placement) -> Face:
        size, confidence, covariance = np.array(self._size, float), None, None
        if predicted.confidence is not None:
            confidence = predicted.confidence[row].float().cpu().numpy()
        if predicted.covariance is not None:
            in_window = predicted.covariance[row].cpu().numpy() * size * size[:, None]
            covariance = place.covariance(in_window).astype(np.float32)
        points_px = place.points(predicted.keypoints[row].cpu().numpy() * size).astype(np.float32)
        score = 1.0 if confidence is None else float(confidence.mean())
        return Face(points_px, confidence, covariance, score, self.scheme, self.point_indices)

    def _frame_of(self, face: Face, other: Predictor) -> Placement:
        """Where this network's window lies, by the points of a face that another network has found.

        Both have seen faces alike in training if their landmarks are the same; otherwise the eyes are matched.
        """
        if other.scheme == self.scheme:
            return Placement.onto(other._shape_px / other._size * self._size, face.points_px)
        own = _eyes(self.scheme, self.point_indices, self._shape_px)
        target = _eyes(other.scheme, other.point_indices, face.points_px)
        if own is None or target is None:
            raise ConfigError(
                f"the network predicts points of the scheme {self.scheme.name} without a confidence and without eyes, "
                "so its faces cannot be found; train model=heatmap on them"
            )
        return Placement.onto(own, target)


def _eyes(scheme: Scheme, point_indices: Sequence[int], points: np.ndarray) -> np.ndarray | None:
    """The centres of both eyes, float [2, 2], or None if not all of their points are there."""
    row_of = {point: row for row, point in enumerate(point_indices)}
    if scheme.eyes is None or any(point not in row_of for eye in scheme.eyes for point in eye):
        return None
    return np.stack([points[[row_of[point] for point in eye]].mean(0) for eye in scheme.eyes])


def checked_box(box: ArrayLike) -> np.ndarray:
    """A box as float64 [4].

    Raises:
        ConfigError: if it is none.
    """
    corners = np.asarray(box, float)
    if corners.shape != (4,) or not np.isfinite(corners).all() or (corners[2:] - corners[:2]).min() < 1:
        raise ConfigError(f"box={box!r} is not left, top, right and bottom of a face in pixels; correct it")
    return corners
