"""What is made of the predictions in the end: COCO JSON, .pts and .asf files, and a page."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from facekp.data.readers.asf import write_asf
from facekp.data.readers.coco import coco_category
from facekp.data.readers.pts import write_pts
from facekp.inference.face import Face
from facekp.inference.tables import Tables
from facekp.utils.files import atomic_write


def write_outputs(out: Path, tables: Tables, options: argparse.Namespace, failed: Sequence[str]) -> None:
    """Write the files of the asked formats, and the page.

    Args:
        out: the folder of predictions.
        tables: with all predictions.
        options: of the command.
        failed: a sentence for each photograph or video that could not be read.
    """
    if "coco" in options.formats:
        write_coco(out / "predictions.json", tables)
    for kind in {"pts", "asf"}.intersection(options.formats):
        write_points(out / "points", tables, kind)
    if not options.no_drawings and len(tables.photographs) > 1:
        from facekp.inference.page import write_faces  # which needs jinja2

        weights = options.weights or "the heatmap network of the package"
        write_faces(out / "predictions.html", tables, out / "drawings", weights, failed)


def write_coco(path: Path, tables: Tables) -> None:
    """Write the photographs as a COCO keypoint file, as ``data=coco`` reads it; memory does not grow with them."""
    images = (
        {"id": number, "file_name": image.image, "width": image.width, "height": image.height}
        for number, image in enumerate(tables.photographs, 1)
    )
    faces = ((number, face) for number, (_, faces) in enumerate(tables.faces(), 1) for face in faces)
    annotations = ({"id": number, **_annotation(*each)} for number, each in enumerate(faces, 1))
    category = json.dumps(coco_category(tables.scheme, tables.point_indices))
    with atomic_write(path) as file:
        for part in chain(['{"images": ['], _joined(images), ['], "annotations": ['], _joined(annotations)):
            file.write(part.encode())
        file.write(f'], "categories": [{category}]}}'.encode())


def _annotation(image: int, face: Face) -> dict[str, Any]:
    left, top, right, bottom = face.box
    box = [round(value, 2) for value in (left - 0.5, top - 0.5, right - left, bottom - top)]
    keypoints = [number for x, y in (face.points_px - 0.5).tolist() for number in (round(x, 3), round(y, 3), 2)]
    return {
        **{"image_id": image, "category_id": 1, "iscrowd": 0, "keypoints": keypoints},
        **{"num_keypoints": len(face.points_px), "bbox": box},
        **{"area": round(box[2] * box[3], 2), "score": round(face.score, 4)},
    }


def _joined(entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    for number, entry in enumerate(entries):
        yield f"{', ' if number else ''}{json.dumps(entry)}"


def write_points(folder: Path, tables: Tables, kind: str) -> None:
    """Write a .pts or .asf file for each face: ``one.pts`` for the first face of one.jpg, then ``one-2.pts`` and so on.

    Args:
        folder: for the files.
        tables: with the photographs; with all points of the scheme, if kind is ``asf``.
        kind: ``pts`` or ``asf``.
    """
    for image, faces in tables.faces():
        for number, face in enumerate(faces, 1):
            path = folder / f"{image.files}{'' if number == 1 else f'-{number}'}.{kind}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "pts":
                write_pts(path, face.points_px + 0.5)
            else:
                write_asf(path, face.points_px / (image.width, image.height), Path(image.image).name, face.scheme)
