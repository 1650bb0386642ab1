"""A page of the faces that were found, those first of which the network is least sure."""

from __future__ import annotations

import heapq
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facekp.inference.face import Face
from facekp.reporting.pages import data_uri, write_page
from facekp.utils.terminal import counted

_SHOWN = 300  # faces
_MARGIN = 0.4  # around the points of a face, as a fraction of the size of their box
_LARGEST_PX = 480


class FacePage:
    """Collects faces, and writes predictions.html.

    It keeps the pictures of the least sure faces only, so that memory and page stay small.
    """

    def __init__(self) -> None:
        self._least_sure: list[tuple[float, int, dict[str, Any]]] = []
        self._photographs = self._faces = 0
        self._without: list[str] = []

    def add(self, name: str, drawing: Image.Image, faces: Sequence[Face]) -> None:
        """Add a photograph with the drawn faces on it."""
        self._photographs += 1
        if not faces:
            self._without.append(name)
        for number, face in enumerate(faces, 1):
            self._faces += 1
            told = name if len(faces) == 1 else f"{name}, face {number}"
            shown = {"name": told, "score": f"{face.score:.2f}", "picture": _portrait(drawing, face)}
            entry = (-face.score, self._faces, shown)
            if len(self._least_sure) < _SHOWN:
                heapq.heappush(self._least_sure, entry)
            else:
                heapq.heappushpop(self._least_sure, entry)

    def write(self, path: Path, weights: str, failed: Sequence[str]) -> None:
        """Write the page.

        Args:
            path: of the page.
            weights: what it calls the network.
            failed: a sentence for each photograph that could not be read.
        """
        write_page(
            path,
            "predictions.html.j2",
            heading=f"{counted(self._faces, 'face')} in {counted(self._photographs, 'photograph')}",
            told={"network": weights, "files": "predictions.csv has every point; drawings/ has the photographs"},
            faces=[shown for _, _, shown in sorted(self._least_sure, reverse=True)],
            left_out=self._faces - len(self._least_sure),
            without=self._without,
            failed=failed,
        )


def _portrait(drawing: Image.Image, face: Face) -> str:
    """The part of a drawing around a face, as a data URI."""
    left, top, right, bottom = face.box
    margin = _MARGIN * max(right - left, bottom - top, 8)
    low = np.clip([left - margin, top - margin], 0, np.array(drawing.size) - 1).astype(int)
    high = np.clip([right + margin, bottom + margin], low + 1, drawing.size).astype(int)
    portrait = drawing.crop((*low.tolist(), *high.tolist()))
    portrait.thumbnail((_LARGEST_PX, _LARGEST_PX))
    file = io.BytesIO()
    portrait.save(file, "JPEG", quality=88)
    return data_uri(file.getvalue(), "jpeg")
