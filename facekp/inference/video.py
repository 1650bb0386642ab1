"""Faces in videos: found once, then followed from frame to frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from facekp.inference import MIN_SCORE
from facekp.inference.face import Face, Number, chosen
from facekp.inference.finder import same_place
from facekp.inference.predictor import Predictor
from facekp.inference.smoothing import OneEuroFilter
from facekp.utils.errors import DataError
from facekp.utils.files import open_regular
from facekp.utils.terminal import display_path

SEARCH_EVERY = 25
"""Frames after which the whole picture is searched for new faces."""
_LOST = 0.6  # of the least score of a new face: below it a face that was followed is lost
_MAX_PIXELS = 2**26  # of a frame; 8K has half of it
_LARGEST_FPS = 240.0


@dataclass(frozen=True)
class Frame:
    """A frame of a video.

    Args:
        number: from 0.
        time_s: since the beginning of the video.
        picture: uint8 [H, W, 3]: blue, green, red.
    """

    number: int
    time_s: float
    picture: np.ndarray


class Video:
    """A video file.

    Args:
        path: of the file.

    Raises:
        DataError: if it is no video that can be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with open_regular(path) as file:
                start = file.read(16)
        except OSError as error:
            raise DataError(f"{display_path(path)} cannot be opened ({error.strerror}); check the path") from error
        if not _is_video(start):
            raise DataError(f"{display_path(path)} is not an MP4, AVI, Matroska or WebM video; convert it")
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        width, height = self._property(cv2.CAP_PROP_FRAME_WIDTH), self._property(cv2.CAP_PROP_FRAME_HEIGHT)
        self.size = int(width), int(height)
        if not self._capture.isOpened() or min(self.size) < 1 or self.size[0] * self.size[1] > _MAX_PIXELS:
            raise DataError(f"{display_path(path)} is damaged, or of a kind that cannot be read; convert it to H.264")
        fps = self._property(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps <= _LARGEST_FPS else 25.0
        self.frames = max(0, int(self._property(cv2.CAP_PROP_FRAME_COUNT)))
        """What the file tells; it may hold fewer."""

    def _property(self, number: int) -> float:
        value = float(self._capture.get(number))
        return value if abs(value) < 1e9 else 0.0

    def __iter__(self) -> Iterator[Frame]:
        """Each frame that can be read, upright."""
        number, time_s = 0, 0.0
        while (picture := self._next()) is not None:
            told = self._property(cv2.CAP_PROP_POS_MSEC) / 1000
            time_s = told if number == 0 or told > time_s else time_s + 1 / self.fps
            yield Frame(number, time_s, picture)
            number += 1
        self._capture.release()
        if number == 0:
            raise DataError(f"{display_path(self._path)} holds no frame that can be read; replace it")

    def _next(self) -> np.ndarray | None:
        try:
            return self._capture.read()[1]
        except cv2.error:  # of a damaged frame
            return None


def _is_video(start: bytes) -> bool:
    """Whether a file begins like a video; others, such as play lists, could name further files or addresses."""
    return start[4:8] == b"ftyp" or start[:4] == b"\x1aE\xdf\xa3" or (start[:4] == b"RIFF" and start[8:12] == b"AVI ")


@contextmanager
def video_writer(path: Path, size: tuple[int, int], fps: float) -> Iterator[cv2.VideoWriter]:
    """Write an MP4 file of frames of a size, uint8 [H, W, 3]: blue, green, red.

    Raises:
        OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
    if not writer.isOpened():
        raise DataError(f"{display_path(path)} cannot be written; leave out drawings by --no-drawings")
    try:
        yield writer
    finally:
        writer.release()


class Tracker:
    """Follows faces through the frames of a video, and gives each a number that it keeps.

    Args:
        predictor: of faces in photographs.
        faces, min_score, any_rotation: as for the predictor.
        smooth: whether to filter the points over time.
    """

    def __init__(
        self,
        predictor: Predictor,
        faces: Number = "all",
        min_score: float = MIN_SCORE,
        any_rotation: bool = False,
        smooth: bool = True,
    ) -> None:
        self._predictor = predictor
        self._which, self._min_score, self._any_rotation = faces, min_score, any_rotation
        self._smooth = smooth
        self._faces: dict[int, Face] = {}  # as predicted, by number
        self._filters: dict[int, OneEuroFilter] = {}
        self._next = 0
        self._since_search = SEARCH_EVERY

    def __call__(self, frame: Frame) -> list[tuple[int, Face]]:
        """The faces of the next frame, each with its number."""
        grey = cv2.cvtColor(frame.picture, cv2.COLOR_BGR2GRAY)
        before = self._faces
        followed = self._predictor.follow(grey, [*before.values()])
        self._faces = {}
        for number, face in zip(before, followed, strict=True):
            others = self._faces.values()
            if face.score >= _LOST * self._min_score and not any(same_place(face, other) for other in others):
                self._faces[number] = face
        self._since_search += 1
        if len(self._faces) < len(before) or self._since_search > SEARCH_EVERY:
            self._search(grey)
        self._filters = {number: self._filters.get(number, OneEuroFilter()) for number in self._faces}
        if not self._smooth:
            return [*self._faces.items()]
        return [
            (number, replace(face, points_px=self._filters[number](face.points_px, frame.time_s).astype(np.float32)))
            for number, face in self._faces.items()
        ]

    def _search(self, grey: np.ndarray) -> None:
        """Look for faces that are not followed yet."""
        self._since_search = 0
        for face in self._predictor(grey, min_score=self._min_score, any_rotation=self._any_rotation):
            if not any(same_place(face, known) for known in self._faces.values()):
                self._faces[self._next] = face
                self._next += 1
        kept = chosen([*self._faces.values()], self._which)
        self._faces = {number: face for number, face in self._faces.items() if any(face is each for each in kept)}
