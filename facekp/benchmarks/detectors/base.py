"""The interface of other detectors, and the simplest baseline."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import ClassVar

import numpy as np

from facekp.data.images import load_image
from facekp.data.records import Record
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import DataError, FacekpError

View = tuple[np.ndarray, np.ndarray]
"""An image, uint8 [H, W] or [H, W, 3], and its true points, float [K, 2], relative to it."""


class Baseline(ABC):
    """Predicts landmarks in whole photographs, after it is fitted to a data set."""

    name: ClassVar[str]
    """Name in tables and figures."""

    slug: ClassVar[str]
    """Name of its folder."""

    kind: ClassVar[str] = "detector"
    """``detector``, or ``baseline`` if networks are not compared with it."""

    pretrained_on: ClassVar[str] = ""
    """Data that it was trained on before it is fitted, as the beginning of a list."""

    given: ClassVar[str]
    """What it knows about a photograph when it predicts."""

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self.missed: set[str] = set()
        """Names of the photographs in which its face detector found no face."""

    @abstractmethod
    def fit(self, records: Sequence[Record]) -> None:
        """Fit to the points of these photographs."""

    @abstractmethod
    def predict(self, record: Record) -> np.ndarray:
        """The points of a photograph, float32 [K, 2], relative to it; it is read from its file."""


class MeanShape(Baseline):
    """Predicts the mean shape of the training set for every photograph."""

    name = "mean shape"
    slug = "mean_shape"
    kind = "baseline"
    given = "nothing"

    def fit(self, records: Sequence[Record]) -> None:
        self._mean = mean_shape(records)

    def predict(self, record: Record) -> np.ndarray:
        return self._mean


class Detector(Baseline):
    """Uses every photograph and its mirror image, in training and as a flip test in prediction.

    If its face detector finds no face in either, it predicts the mean shape.
    """

    colours: ClassVar[str]
    """The mode of its images in Pillow: ``L`` for grey, ``RGB``."""

    def fit(self, records: Sequence[Record]) -> None:
        """Fit to the points of these photographs.

        Raises:
            DataError: if no face is found in any of them.
        """
        self._fallback = mean_shape(records)
        if not self.fit_views([view for record in records for view in self._views(record)]):
            raise DataError(f"{self.name} finds no face in any of {len(records)} photographs; choose other data")

    @abstractmethod
    def fit_views(self, views: Sequence[View]) -> bool:
        """Fit to the points of these images, or return False if no face is found in any of them."""

    @abstractmethod
    def predict_view(self, view: View) -> np.ndarray | None:
        """The points of an image, float [K, 2], relative; None if no face is found.

        Args:
            view: the image, and its true points for detectors that are given more than they could know.
        """

    def predict(self, record: Record) -> np.ndarray:
        plain, mirrored = map(self.predict_view, self._views(record))
        found = [] if plain is None else [plain]
        found += [] if mirrored is None else [self._mirrored(mirrored)]
        if not found:
            self.missed.add(record.name)
        return np.stack(found or [self._fallback]).mean(0, dtype=np.float32)

    def _views(self, record: Record) -> tuple[View, View]:
        image = load_image(record.image, self.colours)
        return (image, record.keypoints), (np.ascontiguousarray(image[:, ::-1]), self._mirrored(record.keypoints))

    def _mirrored(self, points: np.ndarray) -> np.ndarray:
        return points[list(self.scheme.mirror or ())] * (-1, 1) + (1, 0)


def size_of(image: np.ndarray) -> tuple[int, int]:
    """(width, height) of an image."""
    return image.shape[1], image.shape[0]


def mean_shape(records: Sequence[Record]) -> np.ndarray:
    """The mean of the records' keypoints, float32 [K, 2], relative to the photograph."""
    return np.stack([record.keypoints for record in records]).mean(0)


def imported(package: str) -> ModuleType:
    """Import a package of the extra ``detectors``.

    Raises:
        FacekpError: if it is not installed.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise FacekpError(
            f"{package} is not installed ({error}); `make detectors` sets up an environment of its own that has it"
        ) from error
