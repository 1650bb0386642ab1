"""predictions.csv and images.csv: what is found, image after image, and what is done already."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from facekp.inference.face import Face
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import ConfigError, DataError
from facekp.utils.files import atomic_write
from facekp.utils.terminal import display_path

COLUMNS = (
    *("image", "frame", "time_s", "face", "score", "left", "top", "right", "bottom", "point", "name", "group"),
    *("x_px", "y_px", "confidence", "var_x_px2", "cov_xy_px2", "var_y_px2"),
)
"""The columns of predictions.csv; docs/predict.md tells what they mean."""
_SCORE, _X, _Y = (COLUMNS.index(name) for name in ("score", "x_px", "y_px"))


class Image(NamedTuple):
    """A row of images.csv."""

    image: str
    """As in predictions.csv."""
    width: int
    height: int
    """In pixels, upright."""
    frames: int
    """Of a video; 0 for a photograph."""
    faces: int
    """In all of its frames."""
    files: str
    """The path, without an ending, of its files in drawings/ and points/."""


def rows_of(name: str, faces: Sequence[tuple[int, Face]], frame: int | None = None, time_s: float = 0.0) -> str:
    """The rows of an image in predictions.csv, of faces each with its number."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    when: list[Any] = ["", ""] if frame is None else [frame, f"{time_s:.3f}"]
    for number, face in faces:
        box = [f"{value:.2f}" for value in face.box]
        names, groups = face.names, face.groups
        for row, point in enumerate(face.point_indices):
            place = [f"{value:.3f}" for value in face.points_px[row]]
            confidence = "" if face.confidence is None else f"{face.confidence[row]:.4f}"
            spread = ["", "", ""]
            if face.covariance_px2 is not None:
                spread = [f"{face.covariance_px2[row][entry]:.4f}" for entry in ((0, 0), (0, 1), (1, 1))]
            labels = [point, names[row], groups[row]]
            writer.writerow([name, *when, number, f"{face.score:.4f}", *box, *labels, *place, confidence, *spread])
    return text.getvalue()


class Tables:
    """Both tables of a folder, to which images are added; what is added is there even if the process is killed.

    They go on after the last image that is complete; what is damaged or incomplete is dropped.

    Args:
        folder: of the tables.
        scheme: of the landmarks.
        point_indices: which of its points the faces have.
    """

    def __init__(self, folder: Path, scheme: Scheme, point_indices: Sequence[int]) -> None:
        self.scheme, self.point_indices = scheme, tuple(point_indices)
        self._points, self._images = folder / "predictions.csv", folder / "images.csv"
        self.done: dict[str, Image] = {}
        """The images that are in both tables, by their names."""
        found = Counter(row[0] for row in _rows(self._points, COLUMNS))
        for name, width, height, frames, faces, files in _rows(self._images, Image._fields):
            with suppress(ValueError):  # of a damaged row
                image = Image(name, int(width), int(height), int(frames), int(faces), files)
                if found[name] == image.faces * len(self.point_indices):
                    self.done[name] = image
        _rewrite(self._points, COLUMNS, (row for row in _rows(self._points, COLUMNS) if row[0] in self.done))
        _rewrite(self._images, Image._fields, self.done.values())

    def add(self, rows: str) -> None:
        """Add rows to predictions.csv."""
        with _text(self._points, "a") as file:
            file.write(rows)

    def finish(self, image: Image) -> None:
        """Add an image, whose rows are all there, to images.csv."""
        with _text(self._images, "a") as file:
            csv.writer(file).writerow(image)
        self.done[image.image] = image

    @property
    def photographs(self) -> list[Image]:
        """The images that are no videos."""
        return [image for image in self.done.values() if not image.frames]

    def faces(self) -> Iterator[tuple[Image, list[Face]]]:
        """Each photograph with its faces, without confidences.

        Raises:
            DataError: if predictions.csv is damaged.
        """
        photographs = {image.image: image for image in self.photographs}
        rows = (row for row in _rows(self._points, COLUMNS) if row[0] in photographs)
        for image in photographs.values():
            each = (islice(rows, len(self.point_indices)) for _ in range(image.faces))
            try:
                yield image, [self._face([*points]) for points in each]
            except (ValueError, IndexError) as error:
                raise DataError(f"{display_path(self._points)} is damaged at {image.image}; remove it") from error

    def _face(self, rows: Sequence[Sequence[str]]) -> Face:
        points_px = np.array([(row[_X], row[_Y]) for row in rows], np.float32)
        return Face(points_px, None, None, float(rows[0][_SCORE]), self.scheme, self.point_indices)


@contextmanager
def claimed(folder: Path, settings: Mapping[str, Any]) -> Iterator[None]:
    """Make a folder for predictions with some settings, which are in its options.json, and lock it within the block.

    Raises:
        ConfigError: if it holds predictions with other settings, or another process writes into it.
        OSError: if it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "options.json"
    with path.open("a+", encoding="utf-8") as file:
        _lock(file, folder)
        file.seek(0)
        try:
            before = json.loads(file.read() or "{}")
        except ValueError:
            before = None
        if before:
            for name, value in settings.items():
                if before.get(name) != value:
                    raise ConfigError(
                        f"{display_path(folder)} holds predictions made with {name} {before.get(name)}, not {value}; "
                        "choose another --out"
                    )
        elif (folder / "predictions.csv").exists():
            raise ConfigError(f"{display_path(folder)} holds predictions of another kind; choose another --out")
        else:
            file.truncate(0)
            json.dump(settings, file, indent=2)
            file.flush()
        yield


def _lock(file: IO[str], folder: Path) -> None:
    """Lock an open file until it is closed, where the system and the disk can."""
    with suppress(ImportError):  # Windows has no fcntl
        import fcntl

        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            raise ConfigError(
                f"another process writes into {display_path(folder)}; wait until it has ended, or choose another --out"
            ) from error
        except OSError:  # of some network drives
            return


def _rows(path: Path, columns: Collection[str]) -> Iterator[list[str]]:
    """The rows of a table but for its head; without those that are incomplete, and nothing if there is no file."""
    if path.exists():
        with _text(path, "r") as file:
            whole = (line for line in file if line.endswith("\n"))
            yield from (row for number, row in enumerate(csv.reader(whole)) if number and len(row) == len(columns))


def _rewrite(path: Path, columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> None:
    with atomic_write(path) as file:
        writer = csv.writer(codecs.getwriter("utf-8")(file))
        writer.writerow(columns)
        writer.writerows(rows)


def _text(path: Path, mode: str) -> IO[str]:
    return path.open(mode, encoding="utf-8", errors="backslashreplace", newline="")
