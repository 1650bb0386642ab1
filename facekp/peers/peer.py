"""What a detector must do to be compared, and the simplest of all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import ClassVar

import numpy as np

from facekp.data.records import Record
from facekp.errors import FacekpError
from facekp.landmarks import Scheme


class Peer(ABC):
    """Finds landmarks in whole photographs, once it is fitted to those of a data set.

    Args:
        scheme: the landmarks of the data.
    """

    name: ClassVar[str]
    """What tables and figures call it."""

    slug: ClassVar[str]
    """What its folder is called."""

    kind: ClassVar[str] = "peer"
    """``peer``, or ``baseline`` if no network of ours needs comparing with it."""

    learnt_before: ClassVar[str] = ""
    """What it has learnt from before it is fitted, as the beginning of a list."""

    given: ClassVar[str]
    """What it is told of a photograph beside its pixels."""

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self.missed: set[str] = set()
        """Names of the photographs in which its face detector found nothing."""

    @abstractmethod
    def fit(self, records: Sequence[Record]) -> None:
        """Learn the points of these photographs."""

    @abstractmethod
    def answer(self, record: Record) -> np.ndarray:
        """Its points, float32 [K, 2], relative to the photograph, which is read from its file."""


class MeanShape(Peer):
    """Answers every photograph with the mean of those that it was fitted to."""

    name = "mean shape"
    slug = "mean_shape"
    kind = "baseline"
    given = "nothing"

    def fit(self, records: Sequence[Record]) -> None:
        self._mean = mean_shape(records)

    def answer(self, record: Record) -> np.ndarray:
        return self._mean


def mean_shape(records: Sequence[Record]) -> np.ndarray:
    """float32 [K, 2], relative to the photograph."""
    return np.mean([record.keypoints for record in records], axis=0, dtype=np.float32)


def imported(package: str) -> ModuleType:
    """A package of the extra ``peers``.

    Raises:
        FacekpError: if it is not installed.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise FacekpError(
            f"{package} is not installed ({error}); `make peers` sets up an environment of its own that has it"
        ) from error
