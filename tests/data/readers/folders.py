"""Folders of annotated faces, written by the public descriptions of their formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageDraw

from facekp.utils.errors import DataError

T = TypeVar("T")


def draw(path: Path, size: tuple[int, int], points_px: np.ndarray) -> None:
    """A photograph of nothing but its points, each a bright pixel (whole numbers are the centres of pixels)."""
    image = Image.new("L", size, 40)
    ImageDraw.Draw(image).point([tuple(point) for point in points_px.round().tolist()], fill=255)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def write_pts(path: Path, points: np.ndarray) -> None:
    """A ``.pts`` file of points in pixels, counted as they are given."""
    rows = "\n".join(f"{x:.6f} {y:.6f}" for x, y in points)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"version: 1\nn_points:  {len(points)}\n{{\n{rows}\n}}\n")


def coco(names: Sequence[str], faces: Sequence[tuple[str, tuple[int, int], list[float]]]) -> dict[str, Any]:
    """The content of a COCO file: for each face the image's file name, its size, and x, y, v of each point."""
    images = {name: size for name, size, _ in faces}
    ids = {name: number for number, name in enumerate(images, start=10)}
    return {
        "info": {"description": "faces"},
        "images": [
            {"id": ids[name], "file_name": name, "width": width, "height": height}
            for name, (width, height) in images.items()
        ],
        "annotations": [
            {
                "id": number,
                "image_id": ids[name],
                "category_id": 1,
                "num_keypoints": sum(v > 0 for v in keypoints[2::3]),
                "keypoints": keypoints,
                "area": 1.0,
                "bbox": [0, 0, 1, 1],
                "iscrowd": 0,
            }
            for number, (name, _, keypoints) in enumerate(faces, start=1)
        ],
        "categories": [{"id": 1, "name": "face", "keypoints": list(names), "skeleton": [[1, 2]]}],
    }


def read_or_refused(read: Callable[[Path], T], path: Path) -> T | None:
    """What is read, or None if the file is refused as it should be: by one short line that names it."""
    try:
        return read(path)
    except DataError as error:
        message = str(error)
    assert str(path) in message
    assert len(message.splitlines()) == 1
    assert len(message) < len(str(path)) + 300
    return None


def write_coco(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path
