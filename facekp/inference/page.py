"""A page of the faces that were found, those first of which the network is least sure."""

from __future__ import annotations

import heapq
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facekp.inference.face import Face
from facekp.inference.pictures import as_pillow
from facekp.inference.tables import Image, Tables
from facekp.reporting.pages import data_uri, write_page
from facekp.utils.terminal import counted

_SHOWN = 200  # faces, names of photographs and sentences
_MARGIN = 0.4  # around the points of a face, as a fraction of the size of their box
_LARGEST_PX = 360


def write_faces(path: Path, tables: Tables, drawings: Path, weights: str, failed: Sequence[str]) -> None:
    """Write predictions.html.

    Args:
        path: of the page.
        tables: with the photographs and their faces.
        drawings: the folder of the photographs with the points on them.
        weights: what it calls the network.
        failed: a sentence for each photograph that could not be read.
    """
    photographs = tables.photographs
    found = sum(image.faces for image in photographs)
    every = ((image, number, face) for image, faces in tables.faces() for number, face in enumerate(faces, 1))
    least_sure = heapq.nsmallest(_SHOWN, every, key=lambda each: each[2].score)
    write_page(
        path,
        "predictions.html.j2",
        heading=f"{counted(found, 'face')} in {counted(len(photographs), 'photograph')}",
        told={"network": weights, "files": "predictions.csv has every point; drawings/ has the photographs"},
        faces=[_shown(image, number, face, drawings) for image, number, face in least_sure],
        left_out=found - len(least_sure),
        without=_some([image.image for image in photographs if not image.faces]),
        failed=_some(failed),
    )


def _some(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"and {more:,} more"] if more > 0 else [])]


def _shown(image: Image, number: int, face: Face, drawings: Path) -> dict[str, Any]:
    """What the page has of a face: the part of the drawing around it, as a data URI."""
    left, top, right, bottom = face.box
    margin = _MARGIN * max(right - left, bottom - top, 8)
    picture = as_pillow(drawings / f"{image.files}.jpg")
    low = np.clip([left - margin, top - margin], 0, np.array(picture.size) - 1).astype(int)
    high = np.clip([right + margin, bottom + margin], low + 1, picture.size).astype(int)
    portrait = picture.crop((*low.tolist(), *high.tolist()))
    portrait.thumbnail((_LARGEST_PX, _LARGEST_PX))
    file = io.BytesIO()
    portrait.save(file, "JPEG", quality=85)
    name = image.image if image.faces == 1 else f"{image.image}, face {number}"
    return {"name": name, "score": f"{face.score:.2f}", "picture": data_uri(file.getvalue(), "jpeg")}
