"""The record of one annotated photograph, and the interface of all readers of data sets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import DataError

IMAGE_TYPES = {1: "neutral", 2: "happy", 3: "turned right", 4: "turned left", 5: "side light", 6: "free"}
"""What the photographs of the Danes set show, by the number in their names."""
TURNED_TYPES = (3, 4)
FRONTAL_TYPES = (1, 2, 5)


@dataclass(frozen=True)
class Record:
    """One annotated photograph.

    Args:
        name: unique within the data set; used in figures and tables.
        image: path of the photograph.
        image_size: (width, height) in pixels.
        keypoints: float32 [K, 2], x right and y down, relative to the image (0..1).
        person: number of the person; the person-wise splits hold out people, not images.
        source: of the keypoints, for messages; the path of the annotation, if it has a file of its own.
        sex: ``m``, ``f``, or None if unknown.
        image_type: as in the Danes set, see :data:`IMAGE_TYPES`, or None.
        raw: the keypoints as in their file, if mending changed them; otherwise None.
        fault: why this face cannot be used, otherwise None. A face with a fault counts when the data are split, so that
            the others stay on their sides, and is then left out.
    """

    name: str
    image: Path
    image_size: tuple[int, int] = (0, 0)
    keypoints: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.float32))
    person: int = 0
    source: str = ""
    sex: str | None = None
    image_type: int | None = None
    raw: np.ndarray | None = None
    fault: str | None = None

    @property
    def turned(self) -> bool:
        """Whether the head is turned by about 30 degrees (types 3 and 4)."""
        return self.image_type in TURNED_TYPES

    @property
    def title(self) -> str:
        """What figures call the photograph: its name, and its image type if there is one."""
        return self.name if self.image_type is None else f"{self.name} ({name_of_type(self.image_type)})"

    @property
    def raw_keypoints(self) -> np.ndarray:
        """float32 [K, 2]: the keypoints as in their file."""
        return self.keypoints if self.raw is None else self.raw


def name_of_type(image_type: int | None) -> str:
    """What tables and figures call an image type, as in ``type 2, happy``; 0 and None are no type."""
    if not image_type:
        return "no type"
    return f"type {image_type}" + (f", {IMAGE_TYPES[image_type]}" if image_type in IMAGE_TYPES else "")


class Reader(ABC):
    """Reads one kind of data set; ``data.reader._target_`` names the class to use."""

    scheme: Scheme
    """The landmarks of the data; where the files decide it, it is set by :meth:`read`."""

    on_bad: str = "error"
    """How to treat a face whose files are broken: ``error`` raises, ``skip`` returns it with its ``fault``."""

    @abstractmethod
    def read(self, root: str | Path, labels: str) -> list[Record]:
        """Index the data set at ``root`` without decoding its images.

        Raises:
            DataError: with what is missing or wrong, where, and what to do.
        """


AnyRecord = TypeVar("AnyRecord", bound=Record)


def attempt(known: AnyRecord, complete: Callable[[AnyRecord], AnyRecord], on_bad: str) -> AnyRecord:
    """Complete a face from its files.

    Args:
        known: what is known of it; with a ``fault`` it is returned unchanged.
        complete: raises DataError if the files are broken.
        on_bad: ``error``, or ``skip`` to return ``known`` with the error's message as its fault instead.

    Raises:
        DataError: what ``complete`` raises, if ``on_bad`` is ``error``.
    """
    if known.fault is not None:
        return known
    try:
        return complete(known)
    except DataError as error:
        if on_bad == "error":
            raise
        return replace(known, fault=str(error))
