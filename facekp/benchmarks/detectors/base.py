"""What a detector must do to be compared, and the simplest of all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import ClassVar

import numpy as np
from PIL import Image

from facekp.data.records import Record
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import DataError, FacekpError

View = tuple[np.ndarray, np.ndarray]
"""An image, uint8 [H, W] or [H, W, 3], and its true points, float [K, 2], relative."""


class Baseline(ABC):
    """Finds landmarks in whole photographs, once it is fitted to those of a data set.

    Args:
        scheme: the landmarks of the data.
    """

    name: ClassVar[str]
    """What tables and figures call it."""

    slug: ClassVar[str]
    """What its folder is called."""

    kind: ClassVar[str] = "detector"
    """``detector``, or ``baseline`` if no network of ours needs comparing with it."""

    learnt_before: ClassVar[str] = ""
    """What it has learnt from before it is fitted, as the beginning of a list."""

    given: ClassVar[str]
    """What it knows of a photograph when it predicts."""

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self.missed: set[str] = set()
        """Names of the photographs in which its face detector found nothing."""

    @abstractmethod
    def fit(self, records: Sequence[Record]) -> None:
        """Learn the points of these photographs."""

    @abstractmethod
    def predict(self, record: Record) -> np.ndarray:
        """Its points, float32 [K, 2], relative to the photograph, which is read from its file."""


class MeanShape(Baseline):
    """Predicts the mean of the shapes that it was fitted to for every photograph."""

    name = "mean shape"
    slug = "mean_shape"
    kind = "baseline"
    given = "nothing"

    def fit(self, records: Sequence[Record]) -> None:
        self._mean = mean_shape(records)

    def predict(self, record: Record) -> np.ndarray:
        return self._mean


class Detector(Baseline):
    """Takes every photograph and its mirror image, in training and as a flip test in prediction.

    Where its face detector finds nothing in either, it predicts the mean shape.
    """

    colours: ClassVar[str]
    """What it sees, in Pillow's words: ``L`` for grey, ``RGB``."""

    def fit(self, records: Sequence[Record]) -> None:
        """Learn the points of these photographs.

        Raises:
            DataError: if no face is found in any of them.
        """
        self._fallback = mean_shape(records)
        if not self.learn([view for record in records for view in self._views(record)]):
            raise DataError(f"{self.name} finds no face in any of {len(records)} photographs; choose other data")

    @abstractmethod
    def learn(self, views: Sequence[View]) -> bool:
        """Learn the points of these images, or return False if no face is found in any of them."""

    @abstractmethod
    def look(self, view: View) -> np.ndarray | None:
        """The points of an image, float [K, 2], relative; None if no face is found.

        Args:
            view: the image, and its true points for those who are told more than they could know.
        """

    def predict(self, record: Record) -> np.ndarray:
        plain, mirrored = map(self.look, self._views(record))
        found = [] if plain is None else [plain]
        found += [] if mirrored is None else [self._mirrored(mirrored)]
        if not found:
            self.missed.add(record.name)
        return np.stack(found or [self._fallback]).mean(0, dtype=np.float32)

    def _views(self, record: Record) -> tuple[View, View]:
        with Image.open(record.image) as file:
            image = np.asarray(file.convert(self.colours))
        return (image, record.keypoints), (np.ascontiguousarray(image[:, ::-1]), self._mirrored(record.keypoints))

    def _mirrored(self, points: np.ndarray) -> np.ndarray:
        return points[list(self.scheme.mirror or ())] * (-1, 1) + (1, 0)


def size_of(image: np.ndarray) -> tuple[int, int]:
    """(width, height)."""
    return image.shape[1], image.shape[0]


def mean_shape(records: Sequence[Record]) -> np.ndarray:
    """float32 [K, 2], relative to the photograph."""
    return np.stack([record.keypoints for record in records]).mean(0)


def imported(package: str) -> ModuleType:
    """A package of the extra ``detectors``.

    Raises:
        FacekpError: if it is not installed.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise FacekpError(
            f"{package} is not installed ({error}); `make detectors` sets up an environment of its own that has it"
        ) from error
