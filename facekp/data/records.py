"""What is known of one photograph, and what a reader of any data set must do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import DataError

T = TypeVar("T")

TURNED_TYPES = (3, 4)
FRONTAL_TYPES = (1, 2, 5)

NO_SIZE = (0, 0)
NO_KEYPOINTS = np.empty((0, 2), np.float32)


@dataclass(frozen=True)
class Record:
    """One annotated photograph.

    Args:
        name: unique within the data set; what figures and tables call it.
        image: path of the photograph.
        image_size: (width, height) in pixels.
        keypoints: float32 [K, 2], x right and y down, relative to the image (0..1).
        person: who it shows; people, not images, are held out by the person-wise splits.
        sex: ``m``, ``f`` or None where it is not known.
        image_type: 1-6 as the Danes set counts them (1 neutral, 2 happy, 3 and 4 turned, 5 side light, 6 free), or
            None.
        published: the keypoints as their file has them, where mending changed them; otherwise None.
        fault: why this face cannot be used, otherwise None. A face with a fault takes its place in a split, so that
            nobody else changes sides for it, and is then left out; its size and keypoints are of no use.
    """

    name: str
    image: Path
    image_size: tuple[int, int]
    keypoints: np.ndarray
    person: int
    sex: str | None = None
    image_type: int | None = None
    published: np.ndarray | None = None
    fault: str | None = None

    @property
    def turned(self) -> bool:
        """Whether the head is turned by about 30 degrees (types 3 and 4)."""
        return self.image_type in TURNED_TYPES

    @property
    def raw_keypoints(self) -> np.ndarray:
        """float32 [K, 2]: the keypoints as their file has them."""
        return self.keypoints if self.published is None else self.published


class Reader(ABC):
    """Reads one kind of data set; ``data.reader._target_`` names the class to use."""

    scheme: Scheme
    """The landmarks of what was read; where the files decide it, it is known once they are read."""

    on_bad: str = "error"
    """What to do with a face whose files are broken: ``error`` raises, ``skip`` returns it with its ``fault``."""

    @abstractmethod
    def read(self, root: str | Path, labels: str) -> list[Record]:
        """Index the data set at ``root`` without decoding its images.

        Raises:
            DataError: saying what is missing or wrong, where, and what to do.
        """


def attempt(known: T, complete: Callable[[T], T], on_bad: str) -> T:
    """Complete what is known of a face from its files.

    Args:
        known: a dataclass with a ``fault``; one that has a fault already is returned as it is.
        complete: raises DataError if the files are broken.
        on_bad: ``error``, or ``skip`` to return what is known with the error's message as its fault instead.

    Raises:
        DataError: what ``complete`` raises, if ``on_bad`` is ``error``.
    """
    if known.fault is not None:  # type: ignore[attr-defined]
        return known
    try:
        return complete(known)
    except DataError as error:
        if on_bad == "error":
            raise
        return replace(known, fault=str(error))  # type: ignore[type-var]
