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
from facekp.inference.tables import Tables
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
    least_sure: list[tuple[float, int, str, Path, Face]] = []
    photographs = found = 0
    without: list[str] = []
    for image, faces in tables.photographs():
        photographs += 1
        if not faces:
            without.append(image.image)
        for row, face in enumerate(faces, 1):
            found += 1
            told = image.image if len(faces) == 1 else f"{image.image}, face {row}"
            heapq.heappush(least_sure, (-face.score, found, told, drawings / f"{image.files}.jpg", face))
            if len(least_sure) > _SHOWN:
                heapq.heappop(least_sure)
    write_page(
        path,
        "predictions.html.j2",
        heading=f"{counted(found, 'face')} in {counted(photographs, 'photograph')}",
        told={"network": weights, "files": "predictions.csv has every point; drawings/ has the photographs"},
        faces=[_shown(*each[2:]) for each in sorted(least_sure, reverse=True)],
        left_out=found - len(least_sure),
        without=_some(without),
        failed=_some(failed),
    )


def _some(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"and {more:,} more"] if more > 0 else [])]


def _shown(name: str, drawing: Path, face: Face) -> dict[str, Any]:
    """What the page has of a face: the part of the drawing around it, as a data URI."""
    left, top, right, bottom = face.box
    margin = _MARGIN * max(right - left, bottom - top, 8)
    picture = as_pillow(drawing)
    low = np.clip([left - margin, top - margin], 0, np.array(picture.size) - 1).astype(int)
    high = np.clip([right + margin, bottom + margin], low + 1, picture.size).astype(int)
    portrait = picture.crop((*low.tolist(), *high.tolist()))
    portrait.thumbnail((_LARGEST_PX, _LARGEST_PX))
    file = io.BytesIO()
    portrait.save(file, "JPEG", quality=85)
    return {"name": name, "score": f"{face.score:.2f}", "picture": data_uri(file.getvalue(), "jpeg")}
