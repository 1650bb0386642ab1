"""Writing of predictions: CSV, COCO JSON, .pts and .asf files, drawings."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facekp.data.readers.asf import write_asf
from facekp.data.readers.coco import coco_category
from facekp.data.readers.pts import write_pts
from facekp.inference.face import Face
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import ConfigError
from facekp.utils.files import atomic_write, write_text

COLUMNS = {
    "image": "its path, relative to the folder that all photographs and videos have in common",
    "frame": "of a video, from 0; empty for a photograph",
    "time_s": "of the frame, in seconds from the beginning of the video",
    "face": "number of the face in its image, from 0; in a video the same face keeps its number",
    "score": "how sure it is that this is a face, 0..1",
    "left": "of the box around the points, in pixels, as are the next three",
    "top": "",
    "right": "",
    "bottom": "",
    "point": "index of the point in the scheme",
    "name": "of the point",
    "group": "of the point",
    "x_px": "in pixels of the upright photograph; the corner of its first pixel is 0, its centre 0.5",
    "y_px": "",
    "confidence": "of the point, 0..1; empty if the network has none",
    "var_x_px2": "covariance of the point's error in pixels squared; empty if the network has none",
    "cov_xy_px2": "",
    "var_y_px2": "",
}
"""The columns of predictions.csv, and what they mean where their names do not tell."""


class PredictionsCsv:
    """Writes predictions.csv row by row.

    Args:
        text: where to.
    """

    def __init__(self, text: io.TextIOBase) -> None:
        self._writer = csv.writer(text)
        self._writer.writerow(COLUMNS)

    def add(self, name: str, faces: Sequence[tuple[int, Face]], frame: int | None = None, time_s: float = 0.0) -> None:
        """Add the faces of an image, each with its number."""
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
                self._writer.writerow(
                    [name, *when, number, f"{face.score:.4f}", *box, *labels, *place, confidence, *spread]
                )


@contextmanager
def open_csv(path: Path) -> Iterator[PredictionsCsv]:
    """A :class:`PredictionsCsv` whose file is there once it is complete."""
    with atomic_write(path) as file:
        text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
        yield PredictionsCsv(text)
        text.flush()
        text.detach()


class CocoFile:
    """Collects photographs and faces, and writes them as a COCO keypoint file, as ``data=coco`` reads it.

    Args:
        scheme: of the landmarks.
        point_indices: which of its points the faces have.
    """

    def __init__(self, scheme: Scheme, point_indices: Sequence[int]) -> None:
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._category = coco_category(scheme, point_indices)

    def add(self, name: str, size: tuple[int, int], faces: Sequence[Face]) -> None:
        """Add a photograph of a size (width, height) and its faces."""
        image = len(self._images) + 1
        self._images.append({"id": image, "file_name": name, "width": size[0], "height": size[1]})
        for face in faces:
            left, top, right, bottom = face.box
            box = [round(value, 2) for value in (left - 0.5, top - 0.5, right - left, bottom - top)]
            points = (face.points_px - 0.5).tolist()
            keypoints = [number for x, y in points for number in (round(x, 3), round(y, 3), 2)]
            self._annotations.append(
                {
                    **{"id": len(self._annotations) + 1, "image_id": image, "category_id": 1, "iscrowd": 0},
                    **{"keypoints": keypoints, "num_keypoints": len(face.points_px), "bbox": box},
                    **{"area": round(box[2] * box[3], 2), "score": round(face.score, 4)},
                }
            )

    def write(self, path: Path) -> None:
        """Write the file."""
        content = {"images": self._images, "annotations": self._annotations, "categories": [self._category]}
        write_text(path, json.dumps(content))


class FaceFiles:
    """Writes a file per face, or per photograph, beside each other in a folder, under names that are not taken.

    Args:
        folder: for the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: set[str] = set()

    def stem(self, name: str) -> str:
        """A path without an ending for the files of a photograph; it is like the photograph's own if that is free."""
        stem = str(Path(name).with_suffix(""))
        if stem.lower() in self._taken:
            stem = name.replace(".", "_")
        self._taken.add(stem.lower())
        return stem

    def write_points(self, stem: str, name: str, size: tuple[int, int], faces: Sequence[Face], kind: str) -> None:
        """Write the points of each face: ``stem`` for the first face, ``stem-2`` for the second and so on."""
        for number, face in enumerate(faces, 1):
            path = self._folder / f"{stem}{'' if number == 1 else f'-{number}'}.{kind}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "pts":
                write_pts(path, face.points_px + 0.5)
            elif len(face.point_indices) < len(face.scheme):
                raise ConfigError("--formats asf needs a network that predicts all points; leave out asf")
            else:
                write_asf(path, face.points_px / np.array(size), Path(name).name, face.scheme)

    def path(self, stem: str, ending: str) -> Path:
        """Of a file."""
        return self._folder / f"{stem}{ending}"

    def write_drawing(self, stem: str, drawing: Image.Image) -> None:
        """Write a drawing as JPEG."""
        path = self.path(stem, ".jpg")
        with atomic_write(path) as file:
            drawing.save(file, "JPEG", quality=92)
