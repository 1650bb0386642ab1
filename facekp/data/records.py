"""What is known of one photograph, and what a reader of any data set must do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facekp.landmarks import Scheme

TURNED_TYPES = (3, 4)
FRONTAL_TYPES = (1, 2, 5)


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
    """

    name: str
    image: Path
    image_size: tuple[int, int]
    keypoints: np.ndarray
    person: int
    sex: str | None = None
    image_type: int | None = None
    published: np.ndarray | None = None

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

    @abstractmethod
    def read(self, root: str | Path, labels: str) -> list[Record]:
        """Index the data set at ``root`` without decoding its images.

        Raises:
            DataError: saying what is missing or wrong, where, and what to do.
        """
