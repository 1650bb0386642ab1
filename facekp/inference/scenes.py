"""Scenes: held-out people before other photographs, to measure and calibrate how faces are found."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import albumentations as A
import cv2
import numpy as np

from facekp.config import evaluated_data
from facekp.data.backgrounds import NoFace, Occlusion, blend, outline, wall
from facekp.data.datamodule import FaceDataModule
from facekp.data.dataset import FaceDataset
from facekp.data.images import load_image
from facekp.inference.face import Face
from facekp.inference.finder import Candidate, same_place
from facekp.inference.predictor import Predictor
from facekp.inference.windows import Photograph, Placement
from facekp.models.checkpoint import Checkpoint, read_checkpoint
from facekp.runs.find import find_checkpoint
from facekp.utils.errors import ConfigError, FacekpError
from facekp.utils.files import user_path
from facekp.utils.terminal import display_path

SIZE = 640, 480
MARKED = 0.15
"""The mean error of the inner points, as a fraction of the eye distance, up to which a face is marked."""
_FACE_PX = 40.0, 300.0
_SCENES = 4  # of each held-out image
_DOUBTFUL = 6  # of each held-out image
_EMPTY = 10  # of each photograph


@dataclass(frozen=True)
class Scene:
    """A picture, with or without a face.

    Args:
        image: uint8 [H, W].
        truth_px: float64 [P, 2], all labelled points of the face; None if there is none.
        damaged: whether the face is covered, blurred or noisy.
    """

    image: np.ndarray
    truth_px: np.ndarray | None = None
    damaged: bool = False


def make_scenes(faces: FaceDataset, photographs: Sequence[np.ndarray], seed: int = 0) -> Iterator[Scene]:
    """Scenes of each face, and of each photograph without one.

    Args:
        faces: at a size of 640x480.
        photographs: uint8 [H, W], without a face.
        seed: of the random places, sizes and damage.
    """
    rng = np.random.default_rng(seed)
    for _ in range(_SCENES):
        for index in range(len(faces)):
            behind = window(photographs[int(rng.integers(len(photographs)))], rng)
            damage = rng.uniform(0.5, 1.5) if rng.random() < 0.5 else 0.0
            yield _with_face(faces.image(index), faces.keypoints[index] * SIZE, behind, rng, damage)
    for photograph in photographs:
        for _ in range(_EMPTY):
            yield Scene(window(photograph, rng))


def window(photograph: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of a photograph at a random place and scale, uint8 [480, 640]."""
    largest = min(photograph.shape[1], photograph.shape[0] * SIZE[0] / SIZE[1])
    width = np.exp(rng.uniform(np.log(min(200, largest)), np.log(largest)))
    room = np.array(photograph.shape[::-1]) - (width, width * SIZE[1] / SIZE[0])
    place = Placement(complex(width / SIZE[0]), complex(*(rng.random(2) * room)))
    return Photograph(photograph).window(place, SIZE)


def make_doubtful(faces: FaceDataset, photographs: Sequence[np.ndarray], seed: int = 0) -> Iterator[Scene]:
    """Scenes of each face, with much damage, and as many pictures without; see :func:`make_scenes`."""
    rng = np.random.default_rng(seed)
    spoil = A.Compose([NoFace(p=1.0)], keypoint_params=A.KeypointParams("xy", remove_invisible=False), seed=seed)
    for _ in range(_DOUBTFUL):
        for index in range(len(faces)):
            image, points = faces.image(index), faces.keypoints[index] * SIZE
            behind = window(photographs[int(rng.integers(len(photographs)))], rng)
            yield _with_face(image, points, behind, rng, damage=rng.uniform(1, 5))
            yield Scene(spoil(image=image[..., None], keypoints=points)["image"][..., 0])


def _with_face(
    face: np.ndarray, points: np.ndarray, behind: np.ndarray, rng: np.random.Generator, damage: float = 0.0
) -> Scene:
    half = cv2.pyrDown(face)[..., None]
    kept = outline(half.shape, points / 2, 1.3) | ~wall(half)
    mask = cv2.resize(cv2.GaussianBlur(kept.view(np.uint8) * np.uint8(255), (5, 5), 0), SIZE)
    width = np.exp(rng.uniform(*np.log(_FACE_PX)))
    factor = np.ptp(points[:, 0]) / width * np.exp(1j * np.radians(rng.uniform(-30, 30)))
    centred = (points - points.mean(0)) @ [1, 1j] / factor
    turned = np.stack([centred.real, centred.imag], axis=1)
    low, high = -turned.min(0) + 2, np.array(SIZE) - turned.max(0) - 2
    truth = turned + (centre := rng.uniform(low, np.maximum(low, high)))
    place = Placement(complex(factor), complex(points.mean(0) @ [1, 1j] - factor * (centre @ [1, 1j])))
    if damage:
        face = _damaged(face, points, damage, rng)
    head, share = (Photograph(part).window(place, SIZE) for part in (face, mask))
    inside = cv2.warpAffine(np.ones_like(face), place.warp(1), SIZE, flags=cv2.WARP_INVERSE_MAP).view(bool)
    image = blend(head[..., None], behind[..., None], (share > 127) & inside)[..., 0]
    return Scene(image, truth, bool(damage))


def _damaged(face: np.ndarray, points: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """The face blurred, noisy, or covered; an amount of 1 hardly matters, one of 5 leaves little to be seen."""
    width = np.ptp(points[:, 0])
    match rng.integers(3):
        case 0:
            return cv2.GaussianBlur(face, (0, 0), 0.03 * amount * width)
        case 1:
            return cv2.add(face, rng.normal(0, 25 * amount, face.shape), dtype=cv2.CV_8U)
    covering = Occlusion((0.07 * amount, 0.2 * amount), p=1.0)
    covering.set_random_seed(int(rng.integers(2**31)))
    low, high = (points.min(0) - 0.3 * width).clip(0).astype(int), (points.max(0) + 0.3 * width).astype(int)
    covered = face.copy()
    part = covered[low[1] : high[1], low[0] : high[0]]
    part[...] = covering(image=np.ascontiguousarray(part[..., None]))["image"].reshape(part.shape)
    return covered


@dataclass(frozen=True)
class Detections:
    """What a predictor finds in scenes.

    Args:
        confidence: float64 [D], the mean confidence of the points of each of D detections.
        score: float64 [D].
        is_face: bool [D], whether the box overlaps that of the face of its scene.
        scene: int [D], its scene.
        best: the detection of the face of a scene, by scene.
    """

    confidence: np.ndarray
    score: np.ndarray
    is_face: np.ndarray
    scene: np.ndarray
    best: dict[int, Face]


def detect(predictor: Predictor, scenes: Sequence[Scene]) -> Detections:
    """Find the faces of scenes, and all else that the finder looks at, however low its score."""
    rows: list[tuple[float, float, bool, int]] = []
    best: dict[int, Face] = {}
    for number, scene in enumerate(scenes):
        truth = None if scene.truth_px is None else Candidate(scene.truth_px[list(predictor.point_indices)], 1.0)
        for face in predictor(scene.image, min_score=0):
            true = truth is not None and same_place(face, truth)
            if true:
                best.setdefault(number, face)
            if face.confidence is None:
                raise FacekpError("the network has no confidence; give runs of heatmap networks")
            rows.append((float(face.confidence.mean()), face.score, true, number))
    confidence, score, is_face, scene_of = (np.array(column) for column in zip(*rows, strict=True))
    return Detections(confidence, score, is_face.astype(bool), scene_of.astype(int), best)


def scenes_of(run: str | Path, folder: str | Path, make: Callable[..., Iterator[Scene]] = make_scenes) -> list[Scene]:
    """The scenes of the held-out people of a run before the photographs of a folder.

    Args:
        run: a run folder or a checkpoint.
        folder: of photographs without a face.
        make: :func:`make_scenes` or :func:`make_doubtful`.

    Raises:
        FacekpError: if it is no run, or its data or the photographs are missing.
    """
    faces = held_out(read_checkpoint(find_checkpoint(run)), SIZE).val_faces
    root = user_path(folder)
    paths = sorted(path for path in root.iterdir() if path.suffix in (".png", ".jpg")) if root.is_dir() else []
    if not paths:
        raise ConfigError(f"{display_path(root)} is not a folder of photographs (.png, .jpg) without a face")
    return list(make(faces, [load_image(path, "L") for path in paths]))


def held_out(checkpoint: Checkpoint, input_size: Sequence[int]) -> FaceDataModule:
    """The held-out people of a checkpoint; where it does not tell their folder, ``FACEKP_DANES`` does.

    Raises:
        FacekpError: if the data are missing.
    """
    stored, seed = checkpoint.data_settings()
    settings = evaluated_data(stored, {} if stored.root else {"root": os.environ.get("FACEKP_DANES")})
    return FaceDataModule.held_out(settings, input_size, seed)
