"""Compare our finder with BlazeFace: ``python -m facekp.benchmarks.finders <Danes> <photographs> <others>``.

It needs the environment of ``make detectors``. The points are always those of our network; only the place of a face
comes from our own finder, or from a box of BlazeFace (Bazarevsky et al., 2019; two of MediaPipe's models), moved and
scaled as fits the training set best. Measured are

- photographs of strangers: a face is where any finder sees one and MediaPipe's mesh, in the part around it, agrees; the
  mesh, mapped to our points, is the reference;
- other photographs, which show no face;
- scenes of held-out people before these, whose points are known.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import cv2
import numpy as np

from facekp.benchmarks.detectors.base import imported
from facekp.benchmarks.detectors.mediapipe_mesh import FaceMesh
from facekp.config import AugmentConfig, DataConfig
from facekp.data.datamodule import FaceDataModule
from facekp.data.images import load_image
from facekp.data.records import Record
from facekp.inference.face import Face
from facekp.inference.finder import box_of, distinct, same_place
from facekp.inference.inputs import find_inputs
from facekp.inference.load import load
from facekp.inference.predictor import Predictor
from facekp.inference.scenes import MARKED, SIZE, make_scenes
from facekp.landmarks.scheme import DANES
from facekp.runs.messages import exit_on_mistakes

Find = Callable[[np.ndarray], list[Face]]
"""Finds the faces of a photograph, uint8 [H, W, 3]."""
_MODELS = {"BlazeFace, short range": 0, "BlazeFace, full range": 1}
_WIDTHS = (40, 80), (80, 150), (150, 9999)  # of faces, in pixels


def blazeface(model: int, predictor: Predictor, records: Sequence[Record]) -> Find:
    """Our points in the boxes of a model of MediaPipe, which are fitted to those around the points of records."""
    detector: Any = imported("mediapipe").solutions.face_detection.FaceDetection(0.5, model)

    def boxes(image: np.ndarray) -> list[np.ndarray]:
        found = detector.process(np.ascontiguousarray(image)).detections or []
        places = [each.location_data.relative_bounding_box for each in found]
        corners = [(box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height) for box in places]
        return [np.array(corner) * np.tile(image.shape[1::-1], 2) for corner in corners]

    offsets = []
    for record in records:
        for box in boxes(load_image(record.image, "RGB"))[:1]:
            truth = np.array(box_of(record.keypoints * record.image_size))
            offsets.append((truth - box) / np.tile(box[2:] - box[:2], 2))
    offset = np.median(offsets, axis=0)

    def find(image: np.ndarray) -> list[Face]:
        places = [box + offset * np.tile(box[2:] - box[:2], 2) for box in boxes(image)]
        once = [face for box in places for face in predictor(image, box=box)]
        return predictor.follow(_grey(image), once)

    return find


class Score:
    """What a finder makes of photographs."""

    def __init__(self) -> None:
        self.photographs = self.false = 0
        self.seconds = 0.0
        self.errors: list[float] = []  # of each true face, as a fraction of the eye distance; infinite if it was missed
        self.widths: list[float] = []

    def add(self, faces: Sequence[Face], truths: Sequence[Face], seconds: float) -> None:
        """Add a photograph."""
        self.photographs += 1
        self.seconds += seconds
        self.false += sum(not any(same_place(face, truth) for truth in truths) for face in faces)
        for truth in truths:
            near = [_error(face, truth) for face in faces if same_place(face, truth)]
            self.errors.append(min(near, default=np.inf))
            self.widths.append(float(np.ptp(truth.points_px[:, 0])))

    def cells(self) -> list[str]:
        """The cells of a row of the table."""
        errors, widths = np.array(self.errors), np.array(self.widths)
        cells = [f"{self.false} in {self.photographs}", f"{1000 * self.seconds / self.photographs:.0f}"]
        if not len(errors):
            return ["", "", "", "", *cells]
        found = np.isfinite(errors)
        some = [found[(widths >= low) & (widths < high)] for low, high in _WIDTHS]
        by_width = " · ".join(f"{100 * each.mean():.0f}" if len(each) else "-" for each in some)
        return [
            f"{100 * found.mean():.1f} ({found.sum()} of {len(found)})",
            by_width,
            f"{100 * np.median(errors[found]):.1f} · {100 * errors[found].mean():.1f}",
            f"{100 * (errors < MARKED).mean():.1f}",
            *cells,
        ]


def _grey(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _error(face: Face, truth: Face) -> float:
    inner, eyes = [*DANES.select("inner")], [truth.points_px[[*eye]].mean(0) for eye in DANES.eyes or ()]
    distance = np.linalg.norm(face.points_px[inner] - truth.points_px[inner], axis=1).mean()
    return float(distance / np.linalg.norm(eyes[0] - eyes[1]))


def _truth(points_px: np.ndarray) -> Face:
    return Face(points_px, None, None, 1.0, DANES, tuple(range(len(DANES))))


def references(image: np.ndarray, seen: Sequence[Face], mesh: FaceMesh) -> list[Face]:
    """The faces in a photograph: where a finder sees one, and the mesh, in the part around it, too."""
    found = []
    for face in seen:
        box = np.array(face.box)
        centre, half = (box[:2] + box[2:]) / 2, 1.0 * (box[2:] - box[:2]).max()
        low, high = np.clip([centre - half, centre + half], 0, image.shape[1::-1]).astype(int)
        part = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
        points = mesh.predict_view((part, np.zeros(0))) if part.size else None
        if points is not None:
            found.append(_truth(points * part.shape[1::-1] + low))
    return distinct([truth for truth in found if any(same_place(truth, face) for face in seen)])


def main(arguments: list[str]) -> None:
    """Print the table."""
    if len(arguments) != 3:
        sys.exit(__doc__)
    danes, strangers, others = arguments
    reader = {"_target_": "facekp.data.readers.danes.DanesReader"}
    data = FaceDataModule(DataConfig(name="danes", reader=reader, root=danes), SIZE, AugmentConfig(name="none"), 0)
    data.setup("test")
    predictor, mesh, records = load(), FaceMesh(DANES), data.split.train
    mesh.fit(records)
    finders: dict[str, Find] = {"ours": predictor}
    finders |= {name: blazeface(model, predictor, records) for name, model in _MODELS.items()}
    empty = [load_image(each.path, "RGB") for each in find_inputs([others])[1]]
    kinds: dict[str, Iterable[tuple[np.ndarray, list[Face] | None]]] = {
        "strangers": ((load_image(each.path, "RGB"), None) for each in find_inputs([strangers])[1]),
        "no face": ((image, []) for image in empty),
        "scenes": (
            (cv2.cvtColor(scene.image, cv2.COLOR_GRAY2RGB), [_truth(scene.truth_px)])
            for scene in make_scenes(data.val_faces, [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in empty])
            if scene.truth_px is not None
        ),
    }
    head = ["photographs", "finder", "found, %", "of 40 · 80 · 150 px and more", "NME, %: median · mean"]
    print(f"| {' | '.join([*head, 'marked, %', 'false', 'ms'])} |\n|---|---|--:|--:|--:|--:|--:|--:|", flush=True)
    for kind, pictures in kinds.items():
        scores = {finder: Score() for finder in finders}
        for image, given in pictures:
            found, seconds = {}, {}
            for finder, find in finders.items():
                start = time.process_time()
                found[finder] = find(image)
                seconds[finder] = time.process_time() - start
            seen = [face for faces in found.values() for face in faces]
            truths = references(image, seen, mesh) if given is None else given
            for finder, score in scores.items():
                score.add(found[finder], truths, seconds[finder])
        for finder, score in scores.items():
            print(f"| {kind} | {finder} | {' | '.join(score.cells())} |", flush=True)


if __name__ == "__main__":
    with exit_on_mistakes():
        main(sys.argv[1:])
