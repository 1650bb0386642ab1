"""Faces in photographs, and their points."""

from __future__ import annotations

from cmath import phase
from collections.abc import Sequence
from dataclasses import replace
from math import radians
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from facekp.evaluation.calibration import score
from facekp.inference import MIN_SCORE
from facekp.inference.face import Face, Number, chosen
from facekp.inference.finder import Finder, HasPoints, distinct
from facekp.inference.network import Network, Prediction
from facekp.inference.pictures import Picture, as_pillow
from facekp.inference.windows import Photograph, Placement
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_FARTHEST = 1e6  # pixels
_CANDIDATE, _FIRST_LOOK = 0.2, 0.5  # confidence and score at least, to be looked at once and twice
_TILT = radians(50)  # of a face that is upright
_LARGEST = 1.2  # width of a face, as a fraction of the longer side of the photograph
_PHOTOGRAPHS, _WINDOWS = 8, 16  # that the network sees together


class Predictor:
    """Finds faces in photographs and predicts their points.

    Args:
        network: trained.
        frame: a predictor whose faces tell where to look; needed if ``network`` cannot find faces itself.

    Raises:
        ConfigError: if neither can find faces.
    """

    def __init__(self, network: Network, frame: Predictor | None = None) -> None:
        self.network = network
        self.scheme, self.point_indices = network.scheme, network.point_indices
        self._shape_px = network.mean_shape * network.input_size
        self._finder = Finder(network) if network.shrink else None
        self._frame = None if network.shrink else frame
        if not (network.shrink or frame):
            raise ConfigError("this network cannot find faces; give a heatmap network")

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
            pictures: one photograph, or a list of several, which the network then sees together.
            faces: which faces.
            box: left, top, right and bottom of the only face, in pixels. Nothing is searched then, and ``min_score``
                has no effect.
            min_score: the least score of a face; 0 for all that may be one, which takes longer.
            any_rotation: also find faces that lie on a side or stand on the head, in four times the time.

        Returns:
            list[Face], or list[list[Face]] for several photographs.

        Raises:
            DataError: if a picture cannot be read.
            ConfigError: if the box is none, or the networks' points cannot be matched.
        """
        given = [pictures] if isinstance(pictures, (str, Path, np.ndarray, Image.Image)) else pictures
        found: list[list[Face]] = []
        for start in range(0, len(given), _PHOTOGRAPHS):
            pictures_rgb = map(as_pillow, given[start : start + _PHOTOGRAPHS])
            photographs = [Photograph(np.asarray(picture.convert("L"))) for picture in pictures_rgb]
            if box is not None:
                found += self._at(photographs, checked_box(box))
            else:
                for every in self._search(photographs, any_rotation, min_score):
                    found.append(chosen([face for face in every if face.score >= min_score], faces))
        return found if given is pictures else found[0]

    def follow(self, grey: np.ndarray, faces: Sequence[Face]) -> list[Face]:
        """Faces of an earlier frame of a video in the next one, uint8 [H, W], with one look at each."""
        if self._frame:
            frames = self._frame.follow(grey, [face.frame for face in faces if face.frame is not None])
            return self._framed([Photograph(grey)], [frames])[0]
        places = [Placement.onto(self._shape_px, face.points_px) for face in faces]
        return self._predict([Photograph(grey)], [places], flip_test=False)[0]

    def _search(self, photographs: Sequence[Photograph], any_rotation: bool, min_score: float) -> list[list[Face]]:
        if self._frame:
            return self._framed(photographs, self._frame._search(photographs, any_rotation, min_score))
        assert self._finder
        least, again = min(_CANDIDATE, min_score), min(_FIRST_LOOK, min_score)
        candidates = [self._finder(photograph.grey, least, any_rotation) for photograph in photographs]
        looked = self._look(photographs, candidates, any_rotation, flip_test=False)
        likely = [distinct([face for face in faces if face.score >= again]) for faces in looked]
        return [distinct(faces) for faces in self._look(photographs, likely, any_rotation)]

    def _look(
        self,
        photographs: Sequence[Photograph],
        found: Sequence[Sequence[HasPoints]],
        any_rotation: bool,
        flip_test: bool = True,
    ) -> list[list[Face]]:
        """The faces of each photograph at the possible ones of the places that were found in it."""
        places: list[list[Placement]] = []
        for photograph, inside in zip(photographs, found, strict=True):
            seen = [Placement.onto(self._shape_px, each.points_px) for each in inside]
            places.append([place for place in seen if self._is_possible(place, photograph, any_rotation)])
        return self._predict(photographs, places, flip_test)

    def _is_possible(self, place: Placement, photograph: Photograph, any_rotation: bool) -> bool:
        """Whether a face there would lie in the photograph, and be as upright as asked."""
        face = place.points(self._shape_px)
        inside = ((face.mean(0) > 0) & (face.mean(0) < photograph.size)).all()
        fits = np.ptp(face, axis=0).min() < _LARGEST * max(photograph.size)
        return bool(inside and fits and (any_rotation or abs(phase(place.factor)) < _TILT))

    def _at(self, photographs: Sequence[Photograph], box: np.ndarray) -> list[list[Face]]:
        """The face in a box, float [4], of each photograph, by one look at it."""
        if self._frame:
            return self._framed(photographs, self._frame._at(photographs, box))
        for photograph in photographs:
            if (box[:2] >= photograph.size).any() or (box[2:] <= 0).any():
                raise ConfigError(f"box={box.tolist()} lies outside of a photograph of {photograph.size}; correct it")
        low, high = self._shape_px.min(0), self._shape_px.max(0)
        centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        scale = np.sqrt(np.prod(size) / np.prod(high - low))
        start = Placement(complex(scale), complex(*(centre - scale * (low + high) / 2)))
        return self._predict(photographs, [[start]] * len(photographs), flip_test=False)

    def _framed(self, photographs: Sequence[Photograph], found: Sequence[Sequence[Face]]) -> list[list[Face]]:
        """The points of this network in the frames of faces that another one has found."""
        places = [[self._frame_of(face) for face in faces] for faces in found]
        predicted = self._predict(photographs, places)
        return [
            [replace(face, score=frame.score, frame=frame) for face, frame in zip(*pairs, strict=True)]
            for pairs in zip(predicted, found, strict=True)
        ]

    def _predict(
        self, photographs: Sequence[Photograph], places: Sequence[Sequence[Placement]], flip_test: bool = True
    ) -> list[list[Face]]:
        """The faces in windows of each photograph."""
        size = self.network.input_size
        where = [
            (photograph, place) for photograph, inside in zip(photographs, places, strict=True) for place in inside
        ]
        faces: list[Face] = []
        for start in range(0, len(where), _WINDOWS):
            part = where[start : start + _WINDOWS]
            windows = np.stack([photograph.window(place, size) for photograph, place in part])
            predicted = self.network.predict(windows, flip_test)
            faces += [self._face(predicted, row, place) for row, (_, place) in enumerate(part)]
        each = iter(faces)
        return [[next(each) for _ in own] for own in places]

    def _face(self, predicted: Prediction, row: int, place: Placement) -> Face:
        confidence = None if predicted.confidence is None else predicted.confidence[row]
        covariance = predicted.covariance_px2
        return Face(
            place.points(predicted.points_px[row]).astype(np.float32),
            confidence,
            None if covariance is None else place.covariance(covariance[row]).astype(np.float32),
            1.0 if confidence is None else score(float(confidence.mean()), self.network.score),
            self.scheme,
            self.point_indices,
        )

    def _frame_of(self, face: Face) -> Placement:
        """Where this network's window lies, by the points of a face that another network has found.

        Both have seen faces alike in training if their landmarks are the same; otherwise the eyes are matched.
        """
        assert self._frame
        if face.scheme == self.scheme:
            return Placement.onto(self._frame.network.mean_shape * self.network.input_size, face.points_px)
        own = _eyes(self.scheme, self.point_indices, self._shape_px)
        target = _eyes(face.scheme, face.point_indices, face.points_px)
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
    if corners.shape != (4,) or not (abs(corners) < _FARTHEST).all() or (corners[2:] - corners[:2]).min() < 1:
        raise ConfigError(f"box={box!r} is not left, top, right and bottom of a face in pixels; correct it")
    return corners
